//! The request id: taken from the client where it is well formed, so that a trace spans services, else made here.

use http::HeaderMap;
use ids::RequestId;

/// The header's name.
pub(crate) const HEADER: &str = "x-request-id";

/// At most this many characters of a client's id are taken.
const CHARS_MAX: usize = 64;

/// The client's id if there is exactly one and it is 1 to 64 letters, digits, `-`, `_` or `.`; else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let mut sent = headers.get_all(HEADER).iter();
    match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
        (Some(id), None) if is_well_formed(id) => id.to_owned(),
        _ => RequestId::new().to_string(),
    }
}

fn is_well_formed(id: &str) -> bool {
    (1..=CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn takes_one_well_formed_id() {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static("trace-1.a_b"));
        assert_eq!(request_id(&headers), "trace-1.a_b");
        headers.append(HEADER, HeaderValue::from_static("second"));
        assert!(request_id(&headers).starts_with("req_"));
    }

    #[test]
    fn makes_one_where_the_sent_one_is_not_well_formed() {
        for sent in ["", "with space", "\"quoted\"", "a\u{e9}", &"x".repeat(65)] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_bytes(sent.as_bytes()).unwrap());
            assert!(request_id(&headers).starts_with("req_"), "{sent}");
        }
    }
}
