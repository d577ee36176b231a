//! Web addresses of leads: `http` or `https` and a domain name, so that one can be shown as a link without surprise.
//!
//! What must stay true: no other scheme (a `javascript:` link would run in the reader's session), no user or password
//! (`https://bank.example@evil.example`), no address of a machine in somebody's network.

/// Whether the text is such an address; its length and control characters are checked elsewhere.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if is_website(text) { Ok(()) } else { Err("a web address such as https://example.com is wanted".to_owned()) }
}

fn is_website(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && is_domain_name(host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+'))
        && !rest.chars().any(|c| c.is_whitespace() || "\"<>\\^`{|}".contains(c))
}

/// At least two labels of letters, digits and hyphens (RFC 1123, 2.1; letters of any script, as people type them), the
/// last of which is not a number: that would be an IPv4 address.
fn is_domain_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_of_websites() {
        for address in [
            "https://example.com",
            "http://example.com/",
            "HTTPS://www.Example.co.uk/a/b?c=d&e=%20#f",
            "https://example.com:8443/x",
            "https://münchen.example/straße",
            "https://example.com.",
            "https://a.io?x=1",
        ] {
            assert!(is_website(address), "{address}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for other in [
            "",
            "example.com",
            "ftp://example.com",
            "javascript:alert(1)",
            "javascript://example.com/%0aalert(1)",
            "https://",
            "https://localhost",
            "https://user@example.com",
            "https://user:pass@example.com",
            "https://example.com:0",
            "https://example.com:99999",
            "https://example.com:+80",
            "https://192.168.0.1",
            "https://[::1]/",
            "https://exa mple.com",
            "https://example..com",
            "https://-a.com",
            "https://example.com/a b",
            "https://example.com/\"><script>",
            "https:/example.com",
            "//example.com",
        ] {
            assert!(!is_website(other), "{other}");
        }
    }
}
