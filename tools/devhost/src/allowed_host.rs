//! One entry of `allowed_outbound_hosts`: its grammar, and what it allows. Pure.
//!
//! `scheme://host[:port]`, each of which may be `*`. A host is a name, an address, `*.suffix`, a network in CIDR form, or
//! `self`. A port is a number or `a..b` without its end, and may be left out where the scheme has a well-known one. Names
//! are compared as text: an address that a name resolves to does not count here.

use anyhow::{Context as _, bail};
use ipnet::IpNet;
use std::{net::IpAddr, ops::Range};
use url::{Host, Url};

/// The domain under which components of the same application reach each other.
pub(crate) const CHAINING_SUFFIX: &str = ".spin.internal";

/// An entry of `allowed_outbound_hosts` without holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    /// `None` is any scheme.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// With its leading dot.
    Below(String),
    Itself,
    Exactly(Host),
    Network(IpNet),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PortPattern {
    Any,
    One(u16),
    Within(Range<u16>),
}

/// Where a component wants to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Scheme as written in the address, or the one that the interface assumes.
    pub(crate) scheme: String,
    /// Host as it stands in a URL: an IPv6 address has its brackets.
    pub(crate) host: String,
    /// Port, unless it is the scheme's own or none was given.
    pub(crate) port: Option<u16>,
}

impl AllowedHost {
    /// Parses an entry.
    pub(crate) fn parse(entry: &str) -> anyhow::Result<Self> {
        let trimmed = entry.trim();
        let Some((scheme, rest)) = trimmed.split_once("://") else {
            bail!(
                "{entry:?} is not of the form <scheme>://<host>[:<port>]; '*' may stand for each part, \
                 and '*://*:*' allows everything"
            );
        };
        let (host, port) = split_port(entry, rest)?;
        Ok(Self {
            port: PortPattern::parse(port, scheme).with_context(|| format!("the port of {entry:?}"))?,
            scheme: parse_scheme(scheme).with_context(|| format!("the scheme of {entry:?}"))?,
            host: HostPattern::parse(host).with_context(|| format!("the host of {entry:?}"))?,
        })
    }

    /// Whether a component may go there.
    pub(crate) fn allows(&self, destination: &Destination) -> bool {
        self.allows_scheme(&destination.scheme)
            && self.host.allows(&destination.host)
            && self.port.allows(destination.port.or_else(|| well_known_port(&destination.scheme)))
    }

    /// Whether requests to the application itself may use one of these schemes.
    pub(crate) fn allows_self(&self, schemes: &[&str]) -> bool {
        matches!(self.host, HostPattern::Any | HostPattern::Itself)
            && schemes.iter().any(|scheme| self.allows_scheme(scheme))
    }

    /// `*.spin.internal` stands for the components that there are, one entry each; every other entry for itself.
    pub(crate) fn expand(self, components: &[String]) -> Vec<Self> {
        if self.host != HostPattern::Below(CHAINING_SUFFIX.to_owned()) {
            return vec![self];
        }
        components
            .iter()
            .map(|component| Self {
                host: HostPattern::Exactly(Host::Domain(format!("{component}{CHAINING_SUFFIX}"))),
                ..self.clone()
            })
            .collect()
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme.as_ref().is_none_or(|allowed| allowed == scheme)
    }
}

/// Splits off the port. A trailing slash may follow it, a path may not; colons inside an IPv6 address belong to the host.
fn split_port<'a>(entry: &str, rest: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    match rest.rsplit_once(':') {
        None => Ok((rest, "")),
        Some((host, "")) => Ok((host, "")),
        Some(_) if HostPattern::parse(rest).is_ok() => Ok((rest, "")),
        Some((host, tail)) => match tail.split_once('/') {
            None => Ok((host, tail)),
            Some((port, "")) => Ok((host, port)),
            Some(_) => bail!("{entry:?} has a path, which an allowed host cannot have"),
        },
    }
}

fn parse_scheme(scheme: &str) -> anyhow::Result<Option<String>> {
    match scheme {
        "*" => Ok(None),
        _ if scheme.starts_with('{') => bail!("lists are not supported; write one entry for each scheme"),
        _ if !scheme.chars().all(char::is_alphabetic) => bail!("only letters are allowed"),
        _ => Ok(Some(scheme.to_owned())),
    }
}

impl HostPattern {
    fn parse(host: &str) -> anyhow::Result<Self> {
        let host = host.trim();
        match host {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Itself),
            _ if host.starts_with('{') => bail!("lists are not supported; write one entry for each host"),
            _ => {}
        }
        if let Ok(network) = host.parse() {
            return Ok(Self::Network(network));
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            bail!("it must not have a path");
        }
        if let Some(suffix) = host.strip_prefix("*.") {
            if suffix.contains('*') {
                bail!("only the first label may be '*'");
            }
            return match Host::parse(suffix).context("the part after '*.' is not a host name")? {
                Host::Domain(domain) => Ok(Self::Below(format!(".{domain}"))),
                Host::Ipv4(_) | Host::Ipv6(_) => bail!("the part after '*.' must be a name, not an address"),
            };
        }
        if host.contains('*') {
            bail!("'*' may stand only for the whole host or its first label");
        }
        Ok(Self::Exactly(Host::parse(host)?))
    }

    fn allows(&self, host: &str) -> bool {
        let Ok(host) = Host::parse(host) else { return false };
        match (self, &host) {
            (Self::Any, _) => true,
            (Self::Exactly(allowed), _) => *allowed == host,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Network(network), Host::Ipv4(address)) => network.contains(&IpAddr::V4(*address)),
            (Self::Network(network), Host::Ipv6(address)) => network.contains(&IpAddr::V6(*address)),
            (Self::Below(_) | Self::Network(_) | Self::Itself, _) => false,
        }
    }
}

impl PortPattern {
    fn parse(port: &str, scheme: &str) -> anyhow::Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("{text:?} is not a port number"));
        match port {
            "" => well_known_port(scheme)
                .map(Self::One)
                .with_context(|| format!("{scheme:?} has no well-known port, so write one")),
            "*" => Ok(Self::Any),
            _ if port.starts_with('{') => bail!("lists are not supported; write one entry for each port"),
            _ => match port.split_once("..") {
                Some((start, end)) => Ok(Self::Within(number(start)?..number(end)?)),
                None => number(port).map(Self::One),
            },
        }
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::One(allowed), Some(port)) => *allowed == port,
            (Self::Within(range), Some(port)) => range.contains(&port),
            (Self::One(_) | Self::Within(_), None) => false,
        }
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "mqtt" => Some(1883),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

impl Destination {
    /// Reads an address; one that is not a URL is tried again with `scheme` in front.
    pub(crate) fn parse(address: &str, scheme: &str) -> anyhow::Result<Self> {
        let address = hide_user(address);
        let url = match Url::parse(&address) {
            Ok(url) if url.has_host() => url,
            first => Url::parse(&format!("{scheme}://{address}")).or(first)?,
        };
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().context("the address has no host")?.to_owned(),
            port: url.port(),
        })
    }

    /// Host and port as they would stand in an entry.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

/// Encodes user and password, which may hold characters that a URL may not; they do not matter here.
fn hide_user(address: &str) -> String {
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..].find('/').map_or(address.len(), |at| start + at);
    match address[start..end].find('@') {
        Some(at) => {
            let user: String = url::form_urlencoded::byte_serialize(&address.as_bytes()[start..start + at]).collect();
            format!("{}{user}{}", &address[..start], &address[start + at..])
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(entry: &str, address: &str, allowed: bool) {
        let entry_parsed = AllowedHost::parse(entry).unwrap();
        let destination = Destination::parse(address, "https").unwrap();
        assert_eq!(entry_parsed.allows(&destination), allowed, "{entry} and {address}");
    }

    #[test]
    fn scheme_host_and_port_must_all_fit() {
        check("https://api.example.com", "https://api.example.com/v1/x?y", true);
        check("https://api.example.com", "http://api.example.com", false);
        check("https://api.example.com", "https://api.example.com:8443", false);
        check("https://api.example.com", "https://www.example.com", false);
        check("https://api.example.com:8443", "https://api.example.com:8443", true);
        check("https://API.example.com", "https://api.EXAMPLE.com", true);
        check("*://api.example.com:443", "https://api.example.com", true);
        check("*://*:*", "redis://cache:6379", true);
        check("postgres://db", "postgres://user:p%40ss@db:5432/x", true);
        check("redis://localhost:6379", "redis://:p@ss@localhost:6379", true);
    }

    #[test]
    fn a_port_range_leaves_out_its_end() {
        check("http://h:8000..8002", "http://h:8000", true);
        check("http://h:8000..8002", "http://h:8001", true);
        check("http://h:8000..8002", "http://h:8002", false);
        check("http://h:80..81", "http://h", true);
    }

    #[test]
    fn a_suffix_has_any_depth_but_not_zero() {
        check("https://*.example.com", "https://a.example.com", true);
        check("https://*.example.com", "https://a.b.example.com", true);
        check("https://*.example.com", "https://example.com", false);
        check("https://*.example.com", "https://notexample.com", false);
        check("https://*.example.com", "https://127.0.0.1", false);
    }

    #[test]
    fn networks_hold_addresses_only() {
        check("http://10.0.0.0/8:80", "http://10.2.3.4", true);
        check("http://10.0.0.0/8:80", "http://11.2.3.4", false);
        check("http://10.0.0.0/8:80", "http://localhost", false);
        check("http://[::1]:8080", "http://[::1]:8080", true);
        check("http://127.0.0.1:3000", "http://127.0.0.1:3000", true);
    }

    #[test]
    fn self_is_not_a_host() {
        let entry = AllowedHost::parse("http://self").unwrap();
        assert!(entry.allows_self(&["http", "https"]));
        assert!(!entry.allows_self(&["https"]));
        check("http://self", "http://self", false);
        assert!(AllowedHost::parse("*://*:*").unwrap().allows_self(&["http"]));
        assert!(!AllowedHost::parse("http://example.com").unwrap().allows_self(&["http"]));
    }

    #[test]
    fn every_component_may_be_meant_at_once() {
        let components = ["auth".to_owned(), "crm".to_owned()];
        let entries = AllowedHost::parse("http://*.spin.internal").unwrap().expand(&components);
        let to = |address| Destination::parse(address, "http").unwrap();
        assert!(entries.iter().any(|entry| entry.allows(&to("http://auth.spin.internal/x"))));
        assert!(!entries.iter().any(|entry| entry.allows(&to("http://other.spin.internal/x"))));
    }

    #[test]
    fn nonsense_is_refused() {
        for entry in [
            "",
            "*",
            "example.com",
            "http://",
            "http://example.com/path",
            "http://example.com:80/path",
            "ftp://example.com",
            "http://example.com:x",
            "http://{a,b}",
            "ht-tp://example.com:80",
            "http://*.*.com",
            "http://a*.com",
            "rediss://cache",
        ] {
            assert!(AllowedHost::parse(entry).is_err(), "{entry}");
        }
    }
}
