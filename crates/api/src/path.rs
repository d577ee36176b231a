//! Path parameters: ids that do not parse are refused before a handler runs.

use axum::extract::{FromRequestParts, Path as AxumPath};
use http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::Problem;

/// The parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Its text may quote the path, which is the client's own.
        AxumPath::from_request_parts(parts, state).await.map(|AxumPath(value)| Self(value)).map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "malformed_id",
                "The path holds a malformed id",
                "An id in the path is not one: use ids as the API gave them, prefix and all.",
            )
        })
    }
}
