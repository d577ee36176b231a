//! The routes of auth, one file a resource, and their API description.

pub(crate) mod api_keys;
pub(crate) mod audit_log;
pub(crate) mod introspection;
pub(crate) mod invitations;
pub(crate) mod jwks;
pub(crate) mod log_in;
pub(crate) mod managed_users;
pub(crate) mod memberships;
pub(crate) mod metrics;
pub(crate) mod mfa;
pub(crate) mod passwords;
pub(crate) mod refusals;
pub(crate) mod registration;
pub(crate) mod reseal;
pub(crate) mod sessions;
pub(crate) mod sweep;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod verification;

/// The API description of this component.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(
    registration::register,
    log_in::log_in,
    log_in::give_factor,
    sessions::refresh_session,
    sessions::switch_tenant,
    sessions::list_sessions,
    sessions::revoke_session,
    sessions::revoke_other_sessions,
    sessions::log_out,
    passwords::forget_password,
    passwords::reset_password,
    verification::request_verification,
    verification::verify_email,
    mfa::find_mfa,
    mfa::enrol_totp,
    mfa::confirm_totp,
    mfa::remove_totp,
    mfa::renew_recovery_codes,
    users::find_me,
    users::change_me,
    managed_users::find_user,
    managed_users::change_user,
    managed_users::delete_user,
    tenants::create_tenant,
    tenants::list_tenants,
    tenants::find_tenant,
    tenants::change_tenant,
    memberships::list_memberships,
    memberships::change_membership,
    memberships::end_membership,
    invitations::create_invitation,
    invitations::list_invitations,
    invitations::withdraw_invitation,
    invitations::accept_invitation,
    api_keys::create_api_key,
    api_keys::list_api_keys,
    api_keys::revoke_api_key,
    audit_log::list_audit_log,
    introspection::introspect,
    sweep::sweep,
    reseal::reseal,
    jwks::list_public_keys,
    metrics::read_metrics,
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
              (status = 503, description = "`not_ready`, `misconfigured`", body = api::ProblemBody)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}
