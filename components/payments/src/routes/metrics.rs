//! What waits in payments, for an operator's monitoring.

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
    let measure = |name, help, value| Measure { name, help, label: None, value };
    api::metrics(&[
        measure("payments_due", "Payments that the sweep should have looked at", found.due),
        measure("payments_longest_due_seconds", "How long one of them has been due", found.longest_due_seconds),
        Measure {
            label: Some(("state", "started")),
            ..measure("payments_attempts_open", "Questions to gateways without an answer", found.attempts_started)
        },
        Measure {
            label: Some(("state", "unknown")),
            ..measure("payments_attempts_open", "Questions to gateways without an answer", found.attempts_unknown)
        },
        measure(
            "payments_longest_unknown_seconds",
            "How long ago the oldest unknown one was asked",
            found.longest_unknown_seconds,
        ),
        measure("payments_refunds_pending", "Refunds that are not certain", found.refunds_pending),
        measure(
            "payments_webhooks_pending",
            "Gateways' messages whose payment was not looked at since",
            found.webhooks_pending,
        ),
    ])
}
