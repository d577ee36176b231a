//! The public keys, for neighbours that verify access tokens themselves.

use std::sync::Arc;

use api::{Problem, SettingError};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use identity::Verifier;

use crate::AuthState;

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/.well-known/jwks.json", get(list_public_keys))
}

/// Lists the public keys that access tokens verify with (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "list_public_keys", tag = "auth",
    responses((status = 200, description = "A JWK Set; keep it for five minutes at most", body = serde_json::Value,
               content_type = "application/jwk-set+json",
               // The public key of RFC 8037, appendix A.
               example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "2026-01",
                                            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] })),
              (status = 503, description = "`misconfigured`", body = api::ProblemBody)))]
pub(crate) async fn list_public_keys(
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
) -> Result<Response, Problem> {
    let verifier = verifier.as_ref().as_ref().map_err(Clone::clone)?;
    let headers = [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, verifier.keys().to_json().to_owned()).into_response())
}
