//! The routes of auth, one file a resource, and their API description.

pub(crate) mod jwks;
pub(crate) mod refusals;
pub(crate) mod registration;
pub(crate) mod sessions;
pub(crate) mod users;

/// The API description of this component.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    registration::register,
    sessions::log_in,
    sessions::log_out,
    users::find_me,
    jwks::list_public_keys,
    healthz,
    readyz,
))]
pub struct ApiDoc;

/// Says that the process answers.
#[utoipa::path(get, path = "/auth/healthz", operation_id = "auth_healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = api::Health)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn healthz() {}

/// Says whether the component can do its work, and what it lacks if not.
#[utoipa::path(get, path = "/auth/readyz", operation_id = "auth_readyz", tag = "health",
    responses((status = 200, description = "Ready, or degraded without the store", body = api::Readiness),
              (status = 503, description = "not_ready, misconfigured", body = api::ProblemBody)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}
