//! What a gateway says it took, beside what we hold: the report that an accountant asks for.
//!
//! What must stay true: it changes nothing; a list that was not read to its end is no report.

use std::sync::Arc;

use api::{Clock, Moment, Problem, Query, RouteClass, SettingError};
use axum::{Json, Router, extract::State, routing::get};
use chrono::{DateTime, TimeDelta, Utc};
use identity::{Authorized, right::ReadPayments};
use serde::{Deserialize, Serialize};

use super::{
    configured,
    refusals::{Reading, Reconciling, TenantWide},
};
use crate::{
    PaymentsState,
    domain::reconciliation::{Difference, compare},
    error::PaymentError,
    gateway::{
        Gateway, Mode, Window,
        send::{self, ListFailure},
    },
    settings::Gateways,
    store,
};

/// A report covers no more.
const DAYS_MAX: i64 = 31;
/// A payer has a day: what was begun in the window may have been taken so long after it.
const PAYERS_TIME: TimeDelta = TimeDelta::days(1);

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/ledger/reconciliation", get(reconcile)).route_layer(RouteClass::Reports.layer())
}

/// Of what.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReconciliationQuery {
    /// One that lists its payments: `lists_payments` in `GET /gateways`.
    gateway: Gateway,
    /// `live` by default.
    mode: Option<Mode>,
    /// Payments that were created at this moment or later.
    #[param(value_type = chrono::DateTime<chrono::Utc>, example = "2026-11-01T00:00:00Z")]
    created_after: Moment,
    /// Created before this moment, at most 31 days later.
    #[param(value_type = chrono::DateTime<chrono::Utc>, example = "2026-11-08T00:00:00Z")]
    created_before: Moment,
}

/// The report. Without differences the gateway's books and ours agree.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "gateway": "stripe", "mode": "live", "created_after": "2026-11-01T00:00:00Z", "created_before": "2026-11-08T00:00:00Z",
    "listed": 214, "held": 209, "differences": [
        { "kind": "amounts_differ", "payment": "pay_01h455vb4pex5vsknk084sn02q", "gateway_refs": ["pi_3Q2w3E4r5T6y7U"],
          "ours": { "currency": "EUR", "captured": 1099, "refunded": 0 },
          "theirs": { "currency": "EUR", "captured": 1099, "refunded": 300 } }]}))]
pub(crate) struct Reconciliation {
    gateway: Gateway,
    mode: Mode,
    created_after: DateTime<Utc>,
    created_before: DateTime<Utc>,
    /// How many payments the gateway listed, those included that took nothing.
    listed: usize,
    /// How many payments of ours were compared.
    held: usize,
    differences: Vec<Difference>,
}

/// Compares what a gateway lists with what we hold, payment by payment. Payments of the window are those that were created in it,
/// by our clock; what the gateway took for others of ours is compared as well.
#[utoipa::path(get, path = "/ledger/reconciliation", operation_id = "reconcile", tag = "ledger",
    security(("bearer" = ["payments:read"])),
    params(ReconciliationQuery),
    responses((status = 200, description = "The report", body = Reconciliation), Reading, TenantWide, Reconciling))]
pub(crate) async fn reconcile(
    caller: Authorized<ReadPayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    Query(query): Query<ReconciliationQuery>,
) -> Result<Json<Reconciliation>, PaymentError> {
    let gateways = configured(&gateways)?;
    let (gateway, mode) = (query.gateway, query.mode.unwrap_or(Mode::Live));
    let (after, before) = (query.created_after.time(), query.created_before.time());
    if before <= after || before - after > TimeDelta::days(DAYS_MAX) {
        let what = format!("must be after `created_after`, by {DAYS_MAX} days at most");
        return Err(Problem::invalid_parameter("created_before", what).into());
    }
    if !gateway.capabilities().lists_payments {
        return Err(PaymentError::NotListed { gateway });
    }
    let account = store::gateway_accounts::find(&caller, gateway, mode).await?;
    let account = account.ok_or(PaymentError::GatewayAccountMissing { gateway })?;
    let credentials = gateways.open_credentials(&account.keys, clock.now())?;
    caller.without_connection().await;
    let window = Window { after, before: before + PAYERS_TIME };
    let listed =
        send::list(&credentials, gateways.hosts(gateway, mode), window).await.map_err(|failure| match failure {
            ListFailure::Refused(failure) => PaymentError::GatewayRefused(failure),
            ListFailure::Unanswered => PaymentError::GatewayUnanswered,
            ListFailure::TooMany => PaymentError::WindowTooWide,
        })?;
    let held = store::ledger::list_held(&caller, account.view.id, &listed, after, before).await?;
    if held.len() > store::ledger::HELD_MAX {
        return Err(PaymentError::WindowTooWide);
    }
    Ok(Json(Reconciliation {
        gateway,
        mode,
        created_after: after,
        created_before: before,
        listed: listed.len(),
        held: held.len(),
        differences: compare(&listed, &held, before),
    }))
}
