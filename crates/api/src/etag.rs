//! Versions over HTTP: `ETag` on single resources, and `If-Match` (RFC 9110, 13.1.1) against lost updates.

use axum::extract::FromRequestParts;
use http::{HeaderValue, StatusCode, header, request::Parts};

use crate::Problem;

/// The `ETag` of a resource at a version.
pub fn etag(version: i64) -> HeaderValue {
    // Digits between quotes are always a header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The version that the client says it has read, if it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(Option<i64>);

impl IfMatch {
    /// The version that must still be the present one; `None` for whatever it is.
    pub fn version(self) -> Option<i64> {
        self.0
    }

    /// Refuses if the present version is another one.
    pub fn check(self, present: i64) -> Result<(), Problem> {
        if self.0.is_none_or(|wanted| wanted == present) { Ok(()) } else { Err(Problem::version_mismatch()) }
    }

    fn parse(value: &str) -> Option<Self> {
        if value == "*" {
            return Some(Self(None));
        }
        let version = value.strip_prefix('"')?.strip_suffix('"')?;
        // An entity tag that is not one of ours is well formed and matches nothing: no version is negative.
        let is_ours = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        let is_tag = version.bytes().all(|byte| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte >= 0x80);
        is_tag.then(|| Self(Some(if is_ours { version.parse().unwrap_or(-1) } else { -1 })))
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(first) = values.next() else {
            return Ok(Self(None));
        };
        match (first.to_str().ok().and_then(|value| Self::parse(value.trim())), values.next()) {
            (Some(parsed), None) => Ok(parsed),
            _ => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_if_match",
                "The If-Match header is not valid",
                "If-Match takes one strong entity tag, as the ETag header gave it, or *.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_etag_writes_and_refuses_the_rest() {
        assert_eq!(IfMatch::parse(etag(7).to_str().unwrap()), Some(IfMatch(Some(7))));
        assert_eq!(IfMatch::parse("*"), Some(IfMatch(None)));
        for nobodys in ["\"abc\"", "\"\"", "\"99999999999999999999\"", "\"+7\""] {
            assert_eq!(IfMatch::parse(nobodys), Some(IfMatch(Some(-1))), "{nobodys}");
        }
        for malformed in ["", "7", "W/\"7\"", "\"7", "\"7\", \"8\""] {
            assert_eq!(IfMatch::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn only_the_named_version_passes() {
        assert!(IfMatch(None).check(3).is_ok());
        assert!(IfMatch(Some(3)).check(3).is_ok());
        assert_eq!(IfMatch(Some(2)).check(3).unwrap_err().code(), "version_mismatch");
    }
}
