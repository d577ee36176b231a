//! `GET /openapi.json`: the description of every component in one document, merged by `tools/openapi` when a route
//! changes and carried in this component, so that it always describes what was built with it.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

const DOCUMENT: &str = include_str!("../openapi.json");

pub(crate) fn router() -> Router {
    Router::new().route("/openapi.json", get(show_description)).with_state(entity_tag(DOCUMENT))
}

/// Describes every route of every component, as OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "show_description", tag = "web",
    responses((status = 200, description = "The document", content_type = "application/json", body = Object,
                headers(("ETag" = String, description = "Changes when the document does"))),
              (status = 304, description = "The document is still the one that `If-None-Match` names")))]
pub(crate) async fn show_description(State(tag): State<HeaderValue>, sent: HeaderMap) -> Response {
    let is_known = names(&sent, &tag);
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"))];
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT).into_response()
}

/// The first 128 bits of a digest: enough to tell two builds apart.
fn entity_tag(document: &str) -> HeaderValue {
    let digest = URL_SAFE_NO_PAD.encode(&Sha256::digest(document)[..16]);
    // Base64 between quotes is always a header value.
    HeaderValue::from_str(&format!("\"{digest}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// Whether `If-None-Match` names the tag; weak comparison, as RFC 9110, 13.1.2 wants it.
fn names(sent: &HeaderMap, tag: &HeaderValue) -> bool {
    let tags = sent.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|sent| sent == "*" || sent.strip_prefix("W/").unwrap_or(sent).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sent: &[&'static str], wanted: bool) {
        let headers = sent.iter().map(|value| (header::IF_NONE_MATCH, HeaderValue::from_static(value)));
        let headers = headers.fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        });
        assert_eq!(names(&headers, &HeaderValue::from_static("\"abc\"")), wanted, "{sent:?}");
    }

    #[test]
    fn compares_tags_weakly() {
        check(&["\"abc\""], true);
        check(&["W/\"abc\""], true);
        check(&["\"x\", \"abc\""], true);
        check(&["\"x\"", "\"abc\""], true);
        check(&["*"], true);
        check(&[], false);
        check(&["abc"], false);
        check(&["\"abcd\""], false);
    }

    #[test]
    fn a_tag_follows_the_document() {
        assert_eq!(entity_tag("{}"), entity_tag("{}"));
        assert_ne!(entity_tag("{}"), entity_tag("{ }"));
    }
}
