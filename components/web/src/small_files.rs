//! The two files that browsers and crawlers ask for unasked.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

const FAVICON: &str = include_str!("favicon.svg");
/// An API has nothing to be found by a search engine.
const ROBOTS: &str = "User-agent: *\nDisallow: /\n";

/// Shows the sign in a browser's tab.
#[utoipa::path(get, path = "/favicon.svg", operation_id = "favicon", tag = "web",
    responses((status = 200, description = "The picture", content_type = "image/svg+xml", body = String)))]
pub(crate) async fn favicon() -> Response {
    file("image/svg+xml", FAVICON)
}

/// Asks crawlers to stay away.
#[utoipa::path(get, path = "/robots.txt", operation_id = "robots", tag = "web",
    responses((status = 200, description = "The file", content_type = "text/plain", body = String)))]
pub(crate) async fn robots() -> Response {
    file("text/plain; charset=utf-8", ROBOTS)
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400")),
    ];
    (headers, content).into_response()
}
