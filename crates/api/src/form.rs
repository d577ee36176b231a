//! Form bodies, for routes whose standard wants a form: unknown and repeated fields are refused by name.

use axum::{body::Body, extract::FromRequest};
use http::{HeaderMap, Request, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{Problem, parse_form, read_body};

/// Far more than any form here needs.
const FORM_BYTES_MAX: usize = 16 << 10;

/// The fields of a form (`application/x-www-form-urlencoded`).
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The media type is not supported",
                "Send the body as a form, with `Content-Type: application/x-www-form-urlencoded`.",
            ));
        }
        parse_form(&read_body(body, FORM_BYTES_MAX).await?).map(Self)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_forms_only() {
        let headers = |value: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
        assert!(is_form(&headers("application/x-www-form-urlencoded")));
        assert!(is_form(&headers("Application/X-WWW-Form-Urlencoded; charset=utf-8")));
        for other in ["application/json", "multipart/form-data; boundary=x", ""] {
            assert!(!is_form(&headers(other)), "{other}");
        }
        assert!(!is_form(&HeaderMap::new()));
    }
}
