//! `[outbound_networking] block_networks`: addresses that outbound HTTP and Redis may not connect to.
//!
//! The second check, after `allowed_outbound_hosts`, on the addresses that a name resolved to. Postgres is not checked, which
//! is Spin's doing. `private` means everything that is not reachable from the public internet.

use anyhow::Context as _;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// A set of networks.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockedNetworks {
    networks: Vec<IpNet>,
}

/// The special-purpose address blocks that are not globally reachable (RFC 6890 and its successors).
const PRIVATE: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "2001:db8::/32",
];

impl BlockedNetworks {
    /// Reads networks in CIDR form, and the word `private`.
    pub(crate) fn parse(entries: &[String]) -> anyhow::Result<Self> {
        let mut networks = Vec::new();
        for entry in entries {
            if entry == "private" {
                networks.extend(PRIVATE.iter().filter_map(|network| network.parse::<IpNet>().ok()));
            } else {
                networks.push(entry.parse().with_context(|| {
                    format!("block_networks: {entry:?} is neither a network such as 10.0.0.0/8 nor \"private\"")
                })?);
            }
        }
        Ok(Self { networks })
    }

    /// Whether an address lies in one of the networks; an IPv4 address is also recognised in its IPv6 clothes.
    pub(crate) fn blocks(&self, address: IpAddr) -> bool {
        let plain = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => address.to_ipv4().map(IpAddr::V4),
        };
        let covers = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address));
        covers(address) || plain.is_some_and(covers)
    }

    /// Drops blocked addresses; says whether that left none of several.
    pub(crate) fn remove(&self, addresses: &mut Vec<SocketAddr>) -> bool {
        let had_some = !addresses.is_empty();
        addresses.retain(|address| !self.blocks(address.ip()));
        had_some && addresses.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entries: &[&str], address: &str, blocked: bool) {
        let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        let networks = BlockedNetworks::parse(&entries).unwrap();
        assert_eq!(networks.blocks(address.parse().unwrap()), blocked, "{entries:?} and {address}");
    }

    #[test]
    fn networks_hold_their_addresses() {
        check(&[], "127.0.0.1", false);
        check(&["10.0.0.0/8"], "10.1.2.3", true);
        check(&["10.0.0.0/8"], "11.1.2.3", false);
        check(&["10.0.0.0/8"], "::ffff:10.1.2.3", true);
        check(&["private"], "192.168.1.1", true);
        check(&["private"], "169.254.169.254", true);
        check(&["private"], "::1", true);
        check(&["private"], "8.8.8.8", false);
        check(&["private"], "2606:4700::1", false);
    }

    #[test]
    fn only_an_emptied_list_is_a_refusal() {
        let networks = BlockedNetworks::parse(&["127.0.0.0/8".to_owned()]).unwrap();
        let mut some = vec!["127.0.0.1:80".parse().unwrap(), "8.8.8.8:80".parse().unwrap()];
        assert!(!networks.remove(&mut some));
        assert_eq!(some.len(), 1);
        let mut all = vec!["127.0.0.1:80".parse().unwrap()];
        assert!(networks.remove(&mut all));
        assert!(!networks.remove(&mut Vec::new()));
    }
}
