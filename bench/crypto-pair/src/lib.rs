//! The fixture component of the benchmark's pair: the two computations that a request may wait for, and nothing else.
//!
//! - `GET /argon2id?times=20`: hashes a password so often, with the parameters of the app
//! - `GET /ed25519_verify?times=5000`: verifies a signature so often, as the app verifies a token's
//!
//! `pair.py` does the same with what Python services use. What must stay true: both compute the same from the same
//! inputs and answer with it, so that neither can have left the work out. Never deployed.

use std::{hint::black_box, sync::LazyLock};

use argon2::{Algorithm, Argon2, Params, Version};
use axum::{
    Router,
    body::Body,
    extract::Query,
    http::{Response, StatusCode},
    routing::get,
};
use ed25519_dalek::{Signer, SigningKey};
use serde::Deserialize;
use spin_sdk::http::{Error, Request};
use tower_service::Service as _;

const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8; 16] = b"well kept salt!!";
const SEED: &[u8; 32] = b"the seed of a key that signs not";
/// As long as the part of an access token that is signed.
const MESSAGE: [u8; 420] = [b'm'; 420];

static ROUTER: LazyLock<Router> =
    LazyLock::new(|| Router::new().route("/argon2id", get(argon2id)).route("/ed25519_verify", get(ed25519_verify)));

#[derive(Deserialize)]
struct Wanted {
    times: u32,
}

/// Answers one request.
pub async fn answer(request: Request) -> Result<Response<Body>, Error> {
    Ok(ROUTER.clone().call(request).await?)
}

/// The parameters are those of components/auth/src/domain/password.rs.
async fn argon2id(Query(Wanted { times }): Query<Wanted>) -> Result<String, StatusCode> {
    let parameters = Params::new(19_456, 2, 1, None).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let mut hash = [0; 32];
    for _ in 0..times {
        let computed = hasher.hash_password_into(black_box(PASSWORD), SALT, &mut hash);
        computed.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    Ok(hex(&hash))
}

async fn ed25519_verify(Query(Wanted { times }): Query<Wanted>) -> Result<String, StatusCode> {
    let signing = SigningKey::from_bytes(SEED);
    let (key, signature) = (signing.verifying_key(), signing.sign(&MESSAGE));
    for _ in 0..times {
        let verified = key.verify_strict(black_box(&MESSAGE), &signature);
        verified.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    }
    Ok(hex(&signature.to_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: Request) -> impl spin_sdk::http::IntoResponse {
    answer(request).await
}
