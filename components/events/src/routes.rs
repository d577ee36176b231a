//! The routes of the dispatcher, one file a resource, and their API description.

pub(crate) mod dispatch;
pub(crate) mod events;
pub(crate) mod metrics;
mod refusals;

/// The API description of this component.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    dispatch::dispatch_events,
    events::list_events,
    events::replay_event,
    metrics::read_metrics,
    healthz,
    readyz
))]
pub struct ApiDoc;

/// Says that the process answers.
#[utoipa::path(get, path = "/events/healthz", operation_id = "events_healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = api::Health)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn healthz() {}

/// Says whether the component can do its work, and what it lacks if not.
#[utoipa::path(get, path = "/events/readyz", operation_id = "events_readyz", tag = "health",
    responses((status = 200, description = "Ready, or degraded without the store", body = api::Readiness),
              (status = 503, description = "`not_ready`, `misconfigured`", body = api::ProblemBody)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}
