//! Sealing again: the step of a rotation after which an older sealing key may go (docs/key-rotation.md).
//!
//! What must stay true: credentials are never unreadable in between, because the sealed value that they were opened from is
//! replaced in one statement; none leaves the request.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Problem, SettingError};
use axum::{Json, Router, extract::State, routing::post};
use identity::Caller;
use serde::Serialize;

use super::{configured, refusals::Sweeping};
use crate::{
    PaymentsState,
    settings::Gateways,
    store::{self, gateway_accounts::KeysRow, work::ENTER_ACCOUNT},
};

/// So many go in one request: each is a statement.
const BATCH: usize = 200;

pub(crate) fn router() -> Router<PaymentsState> {
    // No method tells that there is something here.
    Router::new()
        .route("/internal/payments/reseal", post(reseal_accounts).fallback(async || Problem::route_not_found()))
}

/// What was sealed again.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = ResealedAccounts, example = json!({ "resealed": 42, "unreadable": 0, "has_more": false }))]
pub(crate) struct Resealed {
    /// Sealed by the first key now.
    resealed: u32,
    /// Sealed by a key that is not among the keys, or damaged: left as they are.
    unreadable: u32,
    /// Whether there may be more: ask again.
    has_more: bool,
}

/// Seals the credentials of gateway accounts again that another key sealed than the first one, up to 200.
#[utoipa::path(post, path = "/internal/payments/reseal", operation_id = "reseal_payments", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "What was sealed again", body = Resealed), Sweeping))]
pub(crate) async fn reseal_accounts(
    _operator: InternalCaller,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
) -> Result<Json<Resealed>, Problem> {
    let gateways = configured(&gateways)?;
    let mut done = Resealed::default();
    let mut after = None;
    loop {
        let stale = {
            let db = app.open_database().await?;
            store::work::list_stale(&db, gateways.sealing_key_id(), after, BATCH).await?
        };
        after = stale.last().map(|keys| keys.id);
        let is_full = stale.len() == BATCH;
        for keys in stale {
            let Ok((fresh, previous)) = sealed_again(gateways, &keys) else {
                done.unreadable += 1;
                continue;
            };
            let caller = Caller::of_row(app.clone(), ENTER_ACCOUNT, keys.id);
            if store::work::reseal(&caller, &keys, &fresh, previous.as_deref()).await? {
                done.resealed += 1;
            }
        }
        // Those that cannot be read come again and again: only what was done counts towards the end of a request.
        done.has_more = is_full;
        if !is_full || done.resealed > 0 {
            return Ok(Json(done));
        }
    }
}

fn sealed_again(gateways: &Gateways, keys: &KeysRow) -> Result<(String, Option<String>), Problem> {
    let credentials = gateways.open_credentials(keys, Clock::read().now())?;
    let previous = match &keys.previous_webhook_secret {
        None => None,
        Some(sealed) => {
            let secret = gateways.open_webhook_secret(keys.tenant_id, sealed)?;
            Some(gateways.seal_webhook_secret(keys.tenant_id, &secret)?)
        }
    };
    Ok((gateways.seal_credentials(keys.tenant_id, &credentials)?, previous))
}
