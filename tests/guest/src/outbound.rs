//! Requests to elsewhere: other hosts, neighbours, the application itself.

use axum::extract::Query;
use send_wrapper::SendWrapper;
use serde::Deserialize;
use spin_sdk::{
    http::{EmptyBody, Error, IntoRequest as _, body::IncomingBodyExt as _},
    wasip3::{http::types::RequestOptions, http_compat::RequestOptionsExtension},
};

/// Limits in milliseconds.
#[derive(Deserialize)]
pub(crate) struct Limits {
    connect: Option<u64>,
    first_byte: Option<u64>,
    between_bytes: Option<u64>,
}

/// GETs the URL in the body; tells status and body, or the error as WASI has it.
pub(crate) async fn fetch(Query(limits): Query<Limits>, url: String) -> String {
    match SendWrapper::new(get(&url, &limits)).await {
        Ok(answer) => answer,
        Err(error) => format!("error: {error:?}"),
    }
}

async fn get(url: &str, limits: &Limits) -> Result<String, Error> {
    let nanoseconds = |limit: Option<u64>| limit.map(|milliseconds| milliseconds * 1_000_000);
    let options = RequestOptions::new();
    // The host accepts all three; a refusal would show as a test that waits for ten minutes.
    let _ = options.set_connect_timeout(nanoseconds(limits.connect));
    let _ = options.set_first_byte_timeout(nanoseconds(limits.first_byte));
    let _ = options.set_between_bytes_timeout(nanoseconds(limits.between_bytes));
    let request = axum::http::Request::get(url)
        .extension(RequestOptionsExtension(options))
        .body(EmptyBody::new())?
        .into_request()?;
    let response = spin_sdk::http::send(request).await?;
    let status = response.status();
    let body = response.into_body().bytes().await.map_err(|error| Error::other(error.to_string()))?;
    Ok(format!("{}\n{}", status.as_u16(), String::from_utf8_lossy(&body)))
}
