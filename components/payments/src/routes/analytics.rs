//! The figures of a tenant's payments: of one moment, in one statement.

use api::{Clock, Moment, Problem, Query, RouteClass};
use axum::{Json, Router, routing::get};
use chrono::TimeDelta;
use identity::{Authorized, right::ReadPayments};
use serde::Deserialize;

use super::refusals::{Reading, TenantWide};
use crate::{
    PaymentsState,
    error::PaymentError,
    gateway::Mode,
    store::{self, ledger::PaymentFigures},
};

const DAYS_MAX: i64 = 366;
const DAYS_SHOWN: i64 = 30;

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/analytics/payments", get(summarize_payments)).route_layer(RouteClass::Reports.layer())
}

/// Of which payments.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FiguresQuery {
    /// `live` by default.
    mode: Option<Mode>,
    /// Those created at this moment or later; 30 days before the end if it is left out.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_after: Option<Moment>,
    /// Those created before this moment; now if it is left out. A period has 366 days at most.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_before: Option<Moment>,
}

/// Counts and sums payments, by gateway and by day.
#[utoipa::path(get, path = "/analytics/payments", operation_id = "summarize_payments", tag = "payments",
    security(("bearer" = ["payments:read"])),
    params(FiguresQuery),
    responses((status = 200, description = "The figures", body = PaymentFigures), Reading, TenantWide))]
pub(crate) async fn summarize_payments(
    caller: Authorized<ReadPayments>,
    clock: Clock,
    Query(query): Query<FiguresQuery>,
) -> Result<Json<PaymentFigures>, PaymentError> {
    let to = query.created_before.map_or_else(|| clock.now(), Moment::time);
    let from = query.created_after.map_or_else(|| to - TimeDelta::days(DAYS_SHOWN), Moment::time);
    if from >= to || to - from > TimeDelta::days(DAYS_MAX) {
        let wanted = "a moment after `created_after`, and 366 days later at most, is wanted";
        return Err(Problem::invalid_parameter("created_before", wanted).into());
    }
    Ok(Json(store::ledger::summarize(&caller, query.mode.unwrap_or(Mode::Live), from, to).await?))
}
