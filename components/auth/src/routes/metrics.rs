//! How many people there are, for an operator's monitoring.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Measure, Problem};
use axum::{Router, extract::State, response::Response, routing::get};

use super::refusals::Internal;
use crate::{AuthState, store};

pub(crate) fn router() -> Router<AuthState> {
    // No method tells that there is something here.
    Router::new().route("/internal/metrics/auth", get(read_metrics).fallback(async || Problem::route_not_found()))
}

/// How many people there are, in the OpenMetrics text format.
#[utoipa::path(get, path = "/internal/metrics/auth", operation_id = "read_auth_metrics", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "The metrics", body = String,
               content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"), Internal))]
pub(crate) async fn read_metrics(
    _scraper: InternalCaller,
    State(app): State<Arc<App>>,
    clock: Clock,
) -> Result<Response, Problem> {
    let found = store::metrics::measure(&app.open_database().await?, clock.now()).await?;
    api::metrics(&[
        Measure::new("auth_users", "Accounts", found.users),
        Measure::new("auth_tenants", "Tenants, the deleted ones included", found.tenants),
        Measure::new("auth_sessions", "Sessions that are alive", found.sessions),
        Measure::new("auth_failed_log_ins", "Log-ins that failed in the last 15 minutes", found.failed_log_ins),
    ])
}
