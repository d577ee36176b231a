//! Sealing again: the step of a rotation after which an older sealing key may go (docs/key-rotation.md).
//!
//! What must stay true: a seed is never unreadable in between, because the sealed value that it was opened from is replaced
//! in one statement; no seed leaves the request.

use std::sync::Arc;

use api::{App, InternalCaller, Problem, SettingError, random_bytes};
use axum::{Json, Router, extract::State, routing::post};
use serde::Serialize;

use crate::{
    AuthState,
    domain::opaque_token::{from_hex, hex},
    routes::{mfa::TOTP_SEED, refusals::Internal},
    secrets::{Secrets, configured},
    store::{self, reseal::ResealedSeed},
};

/// So many go in one statement.
const BATCH: usize = 100;
/// So many batches in one request.
const BATCHES: usize = 10;

pub(crate) fn router() -> Router<AuthState> {
    // No method tells that there is something here.
    Router::new().route("/internal/auth/reseal", post(reseal).fallback(async || Problem::route_not_found()))
}

/// What was sealed again.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "resealed": 212, "unreadable": 0, "has_more": false }))]
pub(crate) struct Resealed {
    /// Sealed by the first key now.
    resealed: u32,
    /// Sealed by a key that is not among the keys, or damaged: left as they are.
    unreadable: u32,
    /// Whether there may be more: ask again.
    has_more: bool,
}

/// Seals the seeds of second factors again that another key sealed than the first one, up to 1,000.
#[utoipa::path(post, path = "/internal/auth/reseal", operation_id = "reseal_auth", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "What was sealed again", body = Resealed), Internal))]
pub(crate) async fn reseal(
    _operator: InternalCaller,
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
) -> Result<Json<Resealed>, Problem> {
    let keys = &configured(&secrets)?.sealing_keys;
    let db = app.open_database().await?;
    let mut done = Resealed::default();
    let mut after = None;
    for _ in 0..BATCHES {
        let stale = store::reseal::list_stale(&db, keys.first_id(), after, BATCH).await?;
        after = stale.last().map(|row| row.user_id);
        done.has_more = stale.len() == BATCH;

        let mut seeds = Vec::with_capacity(stale.len());
        for row in stale {
            match keys.open(TOTP_SEED, row.user_id, &from_hex(&row.sealed_seed).unwrap_or_default()) {
                Ok(seed) => {
                    let fresh = hex(&keys.seal(TOTP_SEED, row.user_id, &seed, random_bytes()?));
                    seeds.push(ResealedSeed { user_id: row.user_id, stale: row.sealed_seed, fresh });
                }
                Err(_) => done.unreadable += 1,
            }
        }
        if !seeds.is_empty() {
            done.resealed += store::reseal::reseal(&db, &seeds).await?;
        }
        if !done.has_more {
            break;
        }
    }
    Ok(Json(done))
}
