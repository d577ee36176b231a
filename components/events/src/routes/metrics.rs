//! What waits in the outbox, for an operator's monitoring.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Measure, Problem};
use axum::{Router, extract::State, response::Response, routing::get};

use super::refusals::Dispatching;
use crate::{EventsState, store};

pub(crate) fn router() -> Router<EventsState> {
    // No method tells that there is something here.
    Router::new().route("/internal/metrics/events", get(read_metrics).fallback(async || Problem::route_not_found()))
}

/// What waits in the outbox, in the OpenMetrics text format.
#[utoipa::path(get, path = "/internal/metrics/events", operation_id = "read_events_metrics", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "The metrics", body = String,
               content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"), Dispatching))]
pub(crate) async fn read_metrics(
    _scraper: InternalCaller,
    State(app): State<Arc<App>>,
    clock: Clock,
) -> Result<Response, Problem> {
    let found = store::metrics::measure(&app.open_database().await?, clock.now()).await?;
    let measure = |name, help, value| Measure { name, help, label: None, value };
    api::metrics(&[
        measure("events_pending", "Events that are to be delivered", found.pending),
        measure("events_retried", "Those of them that failed before", found.retried),
        measure("events_longest_due_seconds", "How long one of them has been due", found.longest_due_seconds),
        measure("events_dead", "Events that were given up", found.dead),
    ])
}
