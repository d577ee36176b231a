//! A component that misbehaves on command, so that tests can see what the host does about it.
//!
//! It panics, hangs, remembers, leaves transactions open, reads what cannot be read and calls what is forbidden. Everything that
//! a client says is done without a second thought: this component belongs to tests and is never deployed.

#![allow(clippy::disallowed_methods, reason = "the fixture does what the product may not")]

mod outbound;
mod postgres;
mod process;
mod redis;

use axum::{
    Router,
    body::Body,
    http::Response,
    routing::{get, post},
};
use spin_sdk::http::{Error, Request};
use std::sync::LazyLock;
use tower_service::Service as _;

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .route("/instance", get(process::instance))
        .route("/panic", get(process::panic))
        .route("/hang", get(process::hang))
        .route("/sleep", get(process::sleep))
        .route("/print", get(process::print))
        .route("/variable", get(process::variable))
        .route("/environment", get(process::environment))
        .route("/echo", post(process::echo))
        .route("/sql", post(postgres::run))
        .route("/sql/parameter", post(postgres::parameter))
        .route("/sql/open", post(postgres::open))
        .route("/redis", post(redis::run))
        .route("/fetch", post(outbound::fetch))
        .fallback(process::headers)
});

/// Answers one request. `/fail` fails in the way that is not a panic; an unknown path shows the request.
pub async fn answer(request: Request) -> Result<Response<Body>, Error> {
    if request.uri().path() == "/fail" {
        return Err(Error::other("the component was told to fail"));
    }
    Ok(ROUTER.clone().call(request).await?)
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: Request) -> impl spin_sdk::http::IntoResponse {
    answer(request).await
}
