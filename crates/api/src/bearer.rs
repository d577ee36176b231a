//! `Authorization: Bearer …` (RFC 6750, 2.1): one header, whatever it carries.

use http::{HeaderMap, header};

use crate::Problem;

/// What the header carries; the scheme's case does not matter, that there is one header does.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthenticated("Send one `Authorization: Bearer …` header with an access token."));
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::unauthenticated("The Authorization header must say `Bearer` and an access token."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn one_bearer_header_is_wanted() {
        let headers = |values: &[&str]| {
            values.iter().fold(HeaderMap::new(), |mut headers, value| {
                headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).unwrap());
                headers
            })
        };
        assert_eq!(bearer(&headers(&["Bearer abc"])).unwrap(), "abc");
        assert_eq!(bearer(&headers(&["bearer  abc"])).unwrap(), "abc");
        for values in [&[][..], &["Bearer a", "Bearer b"], &["Basic abc"], &["Bearer"], &["abc"], &["Bearer \u{e9}"]] {
            assert_eq!(bearer(&headers(values)).unwrap_err().code(), "unauthenticated", "{values:?}");
        }
    }
}
