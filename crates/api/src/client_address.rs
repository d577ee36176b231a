//! The client's address, for limits and the session list. Never an access rule.
//!
//! The host appends `spin-client-addr` to whatever the client sent under that name, so only its last value is the
//! host's. Behind `n` proxies of ours the address is the n-th from the right of `X-Forwarded-For`: each of them
//! appended the peer that it saw, and everything further left is the client's own word.

use std::{convert::Infallible, net::IpAddr, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, request::Parts};

use crate::App;

/// Where a request comes from, as far as can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAddress(Option<IpAddr>);

impl ClientAddress {
    /// The address as text, or `unknown`.
    pub fn text(&self) -> String {
        self.0.map_or_else(|| "unknown".to_owned(), |address| address.to_string())
    }

    /// The address that a request comes from.
    pub fn of(parts: &Parts, app: &App) -> Self {
        // A malformed setting must not trust anybody: it counts as no proxy.
        let hops = *app.trusted_proxy_hops.as_ref().unwrap_or(&0);
        Self(client_address(&parts.headers, hops))
    }

    /// What limits count by: an IPv4 address, or the /64 of an IPv6 one, which is what one customer is given.
    pub fn limit_key(&self) -> String {
        match self.0 {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => self.text(),
        }
    }
}

/// The address, with `hops` proxies of ours in front.
fn client_address(headers: &HeaderMap, hops: usize) -> Option<IpAddr> {
    let Some(skip) = hops.checked_sub(1) else {
        let peer = headers.get_all("spin-client-addr").iter().next_back()?.to_str().ok()?;
        return without_port(peer);
    };
    let mut chain = Vec::new();
    for value in headers.get_all("x-forwarded-for") {
        // Only the entry that our own proxy wrote has to be readable.
        chain.extend(value.as_bytes().split(|&byte| byte == b','));
    }
    chain.into_iter().rev().nth(skip).and_then(|address| without_port(str::from_utf8(address).ok()?.trim()))
}

/// `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]:80`; an IPv4 address in IPv6 form counts as IPv4.
fn without_port(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<std::net::SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse())
        .ok()?;
    Some(address.to_canonical())
}

impl<S: Sync> FromRequestParts<S> for ClientAddress
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts, &Arc::<App>::from_ref(state)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[track_caller]
    fn check(spin: &[&str], forwarded: &[&str], hops: usize, wanted: &str) {
        let mut headers = HeaderMap::new();
        for value in spin {
            headers.append("spin-client-addr", HeaderValue::from_str(value).unwrap());
        }
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(ClientAddress(client_address(&headers, hops)).text(), wanted);
    }

    #[test]
    fn without_proxies_only_the_hosts_own_word_counts() {
        check(&["10.0.0.7:4711"], &[], 0, "10.0.0.7");
        check(&["6.6.6.6:1", "10.0.0.7:4711"], &["6.6.6.6"], 0, "10.0.0.7");
        check(&["[2001:db8::1]:4711"], &[], 0, "2001:db8::1");
        check(&["[::ffff:10.0.0.7]:4711"], &[], 0, "10.0.0.7");
        check(&[], &["6.6.6.6"], 0, "unknown");
        check(&["evil"], &[], 0, "unknown");
    }

    #[test]
    fn behind_proxies_the_entry_that_our_outermost_one_wrote_counts() {
        check(&["10.0.0.1:1"], &["6.6.6.6, 203.0.113.9"], 1, "203.0.113.9");
        check(&["10.0.0.1:1"], &["6.6.6.6", "203.0.113.9, 10.0.0.2"], 2, "203.0.113.9");
        check(&["10.0.0.1:1"], &["\u{e9}, 203.0.113.9"], 1, "203.0.113.9");
        check(&["10.0.0.1:1"], &["203.0.113.9"], 2, "unknown");
        check(&["10.0.0.1:1"], &[], 1, "unknown");
    }

    #[test]
    fn one_ipv6_customer_is_one_key() {
        let key = |text: &str| ClientAddress(text.parse().ok()).limit_key();
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("203.0.113.9"), "203.0.113.9");
    }
}
