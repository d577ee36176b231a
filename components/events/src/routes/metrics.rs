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
    let settled = |state: &str, value| {
        Measure::new("events_last_hour", "Events that were settled within the last hour", value).with("state", state)
    };
    api::metrics(&[
        Measure::new("events_pending", "Events that are to be delivered", found.pending),
        Measure::new("events_retried", "Those of them that failed before", found.retried),
        Measure::new("events_longest_due_seconds", "How long one of them has been due", found.longest_due_seconds),
        Measure::new("events_dead", "Events that were given up", found.dead),
        settled("delivered", found.delivered_last_hour),
        settled("skipped", found.skipped_last_hour),
    ])
}
