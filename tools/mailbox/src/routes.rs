//! The page, its messages as JSON, and the path that the app posts to.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use outbox::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, Signed};

use crate::letters::{Letter, Letters};

/// The routes; messages are taken at `path`, whatever the deployment calls it.
pub(crate) fn router(letters: Arc<Letters>, path: &str) -> Router {
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let take = async move |state: State<Arc<Letters>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        if method == Method::POST && uri.path() == path { take(&state, &headers, &body) } else { StatusCode::NOT_FOUND }
    };
    Router::new().route("/", get(show)).route("/messages.json", get(list)).fallback(take).with_state(letters)
}

async fn show() -> Response {
    // The page is its own and nobody else's: no script, style or picture comes from elsewhere.
    let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                  frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(include_str!("page.html"))).into_response()
}

async fn list(State(letters): State<Arc<Letters>>) -> Json<Vec<Letter>> {
    Json(letters.all())
}

fn take(letters: &Letters, headers: &HeaderMap, body: &Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed =
        Signed { id: text(HEADER_ID), timestamp: text(HEADER_TIMESTAMP), signature: text(HEADER_SIGNATURE), body };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    match letters.take(signed, now) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(refusal) => {
            eprintln!("mailbox: a message was not taken: {refusal:?}");
            StatusCode::UNAUTHORIZED
        }
    }
}
