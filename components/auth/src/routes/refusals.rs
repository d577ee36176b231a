//! What the routes of accounts may refuse beyond what all routes do, for the API description.

pub(crate) use api::refusals::{JsonBody, Oneself};

api::refusals! {
    /// Registering.
    Registering {
        "400": "`user_already_exists` (detail REGISTER_USER_ALREADY_EXISTS), `invalid_password` (detail { code: REGISTER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`, `invalid_idempotency_key`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `outcome_unknown`, `misconfigured`",
    }
    /// Logging in, with a form.
    LoggingIn {
        "400": "`bad_credentials` (detail LOGIN_BAD_CREDENTIALS), `unknown_tenant_scope`, `unreadable_body`",
        "408": "`body_timed_out`",
        "413": "`body_too_large`",
        "415": "`unsupported_media_type`",
        "422": "`validation_failed`",
        "429": "`log_in_throttled`, `rate_limited`",
        "503": "`saturated`, `database_unavailable`, `outcome_unknown`, `misconfigured`",
    }
    /// Logging out.
    LoggingOut {
        "401": "`unauthenticated`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `outcome_unknown`, `misconfigured`",
    }
}
