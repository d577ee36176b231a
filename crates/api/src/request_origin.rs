//! Where a request came from, for the audit log and the list of sessions: address, program, request id.

use std::{convert::Infallible, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, header, request::Parts};
use serde::Serialize;

use crate::{App, ClientAddress, Notes};

/// The longest `User-Agent` that is kept.
const USER_AGENT_CHARS_MAX: usize = 400;

/// Where a request came from; it goes into the statement that makes a change.
#[derive(Debug, Clone, Serialize)]
pub struct RequestOrigin {
    /// The client's address.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for RequestOrigin
where
    Arc<App>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let address = ClientAddress::from_request_parts(parts, state).await?.text();
        let request_id = Notes::of(parts).and_then(Notes::noted_request_id);
        Ok(Self { address, user_agent: user_agent(&parts.headers), request_id })
    }
}

/// Only text that Postgres can store: visible ASCII, which is all that the header may hold (RFC 9110, 5.5).
fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_CHARS_MAX).collect())
}
