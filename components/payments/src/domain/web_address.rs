//! Addresses that a payer's browser is sent to: a tenant's pages, and only on origins that the tenant has listed.
//!
//! What can never happen: an address with a user name in it, or of another scheme (`javascript:`); http for anything but
//! the machine at hand, where it is for trying things out.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

const CHARS_MAX: usize = 2000;

/// Scheme, host and perhaps a port: `https://shop.example.com`.
#[derive(Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "https://shop.example.com")]
pub(crate) struct Origin(String);

/// A page of a tenant's: `https://shop.example.com/thanks?order=7`.
#[derive(Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "https://shop.example.com/thanks")]
pub(crate) struct WebAddress(String);

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let address = WebAddress::parse(text)?;
        (address.origin() == text).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl WebAddress {
    fn parse(text: &str) -> Option<Self> {
        if text.len() > CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '#']) {
            return None;
        }
        let uri: http::Uri = text.parse().ok()?;
        let authority = uri.authority()?;
        let host = authority.host();
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let is_allowed = match uri.scheme_str()? {
            "https" => true,
            "http" => is_local,
            _ => false,
        };
        let lower = !authority.as_str().bytes().any(|byte| byte.is_ascii_uppercase());
        (is_allowed && lower && !host.is_empty() && !authority.as_str().contains('@')).then(|| Self(text.to_owned()))
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        let after = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[after..].find(['/', '?']).map_or(self.0.len(), |at| after + at);
        &self.0[..end]
    }

    /// The address with a query parameter more.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        format!("{}{separator}{name}={value}", self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its query may name a customer.
        self.origin().fmt(f)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("an origin such as https://shop.example.com is wanted"))
    }
}

impl<'de> Deserialize<'de> for WebAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom("an https address such as https://shop.example.com/thanks is wanted, without a fragment")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_https_or_of_this_machine() {
        for (text, origin) in [
            ("https://shop.example.com/thanks?order=7", "https://shop.example.com"),
            ("https://shop.example.com", "https://shop.example.com"),
            ("https://shop.example.com:8443/", "https://shop.example.com:8443"),
            ("https://shop.example.com?x", "https://shop.example.com"),
            ("http://localhost:5173/done", "http://localhost:5173"),
            ("http://127.0.0.1/done", "http://127.0.0.1"),
        ] {
            assert_eq!(WebAddress::parse(text).unwrap_or_else(|| panic!("{text}")).origin(), origin);
        }
        for text in [
            "",
            "shop.example.com",
            "/thanks",
            "http://shop.example.com/",
            "ftp://shop.example.com",
            "javascript:alert(1)",
            "https://user@shop.example.com/",
            "https://shop.example.com\\@evil.example/",
            "https://",
            "https:///x",
            "https://Shop.example.com/",
            "https://shop.example.com/a b",
            "https://shop.example.com/#x",
            "http://localhost.evil.example/",
            "https://shop.example.com/\u{e9}",
        ] {
            assert_eq!(WebAddress::parse(text), None, "{text}");
        }
        assert_eq!(WebAddress::parse(&format!("https://a.example/{}", "x".repeat(2000))), None);
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(Origin::parse("https://shop.example.com").is_some());
        for text in ["https://shop.example.com/", "https://shop.example.com/x", "https://*.example.com/", "*"] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_parameter_goes_behind_those_that_are_there() {
        let with = |text: &str| WebAddress::parse(text).unwrap().with("payment_id", "pay_1");
        assert_eq!(with("https://a.example/x"), "https://a.example/x?payment_id=pay_1");
        assert_eq!(with("https://a.example/x?y=1"), "https://a.example/x?y=1&payment_id=pay_1");
    }
}
