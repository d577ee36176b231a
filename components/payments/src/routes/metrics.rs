//! What waits in payments and how those of the last hour went, for an operator's monitoring.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Measure, Problem};
use axum::{Router, extract::State, response::Response, routing::get};

use super::refusals::Sweeping;
use crate::{PaymentsState, store};

pub(crate) fn router() -> Router<PaymentsState> {
    // No method tells that there is something here.
    Router::new().route("/internal/metrics/payments", get(read_metrics).fallback(async || Problem::route_not_found()))
}

/// What waits in payments, in the OpenMetrics text format.
#[utoipa::path(get, path = "/internal/metrics/payments", operation_id = "read_payments_metrics", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "The metrics", body = String,
               content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"), Sweeping))]
pub(crate) async fn read_metrics(
    _scraper: InternalCaller,
    State(app): State<Arc<App>>,
    clock: Clock,
) -> Result<Response, Problem> {
    let found = store::metrics::measure(&app.open_database().await?, clock.now()).await?;
    let open = |state: &str, value| {
        Measure::new("payments_attempts_open", "Questions to gateways without an answer", value).with("state", state)
    };
    let mut measures = vec![
        Measure::new("payments_due", "Payments that the sweep should have looked at", found.due),
        Measure::new("payments_longest_due_seconds", "How long one of them has been due", found.longest_due_seconds),
        open("started", found.attempts_started),
        open("unknown", found.attempts_unknown),
        Measure::new(
            "payments_longest_unknown_seconds",
            "How long ago the oldest unknown one was asked",
            found.longest_unknown_seconds,
        ),
        Measure::new("payments_refunds_pending", "Refunds that are not certain", found.refunds_pending),
        Measure::new(
            "payments_webhooks_pending",
            "Gateways' messages whose payment was not looked at since",
            found.webhooks_pending,
        ),
    ];
    measures.extend(found.last_hour.into_iter().map(|outcomes| {
        Measure::new("payments_last_hour", "Payments made within the last hour", outcomes.payments)
            .with("gateway", outcomes.gateway)
            .with("mode", outcomes.mode)
            .with("state", outcomes.state)
    }));
    api::metrics(&measures)
}
