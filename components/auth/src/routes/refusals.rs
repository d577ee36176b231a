//! What the routes of accounts may refuse beyond what all routes do, for the API description.

pub(crate) use api::refusals::{JsonBody, Oneself, Reading, Writing};

api::refusals! {
    /// Registering.
    Registering {
        "400": "`user_already_exists` (detail REGISTER_USER_ALREADY_EXISTS), `invalid_password` (detail { code: REGISTER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`, `invalid_idempotency_key`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Logging in, with a form.
    LoggingIn {
        "400": "`bad_credentials` (detail LOGIN_BAD_CREDENTIALS), `user_not_verified` (detail LOGIN_USER_NOT_VERIFIED), `unknown_tenant_scope`, `unreadable_body`",
        "408": "`body_timed_out`",
        "409": "`conflict_in_flight`",
        "413": "`body_too_large`",
        "415": "`unsupported_media_type`",
        "422": "`validation_failed`",
        "429": "`log_in_throttled`, `rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Giving the second factor.
    GivingFactor {
        "400": "`invalid_mfa_token`, `invalid_mfa_code`, `malformed_json`, `unreadable_body`",
        "409": "`conflict_in_flight`",
        "429": "`log_in_throttled`, `rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Changing one's second factor.
    ChangingFactor {
        "400": "`wrong_password`, `invalid_mfa_code`, `malformed_json`, `unreadable_body`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`mfa_already_enrolled`, `mfa_not_enrolled`, `conflict_in_flight`",
        "429": "`log_in_throttled`, `rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Exchanging a refresh token.
    Refreshing {
        "400": "`malformed_json`, `unreadable_body`",
        "401": "`invalid_refresh_token`, `refresh_token_reused`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Switching to another tenant.
    SwitchingTenant {
        "400": "`malformed_json`, `unreadable_body`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Ending a session.
    EndingSession {
        "400": "`malformed_id`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`session_not_found`, `tenant_not_found`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Asking for a message.
    AskingForMail {
        "400": "`malformed_json`, `unreadable_body`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Using the token of a message.
    UsingMailToken {
        "400": "`reset_bad_token` (detail RESET_PASSWORD_BAD_TOKEN), `invalid_password` (detail { code: RESET_PASSWORD_INVALID_PASSWORD, reason }), `verify_bad_token` (detail VERIFY_USER_BAD_TOKEN), `already_verified` (detail VERIFY_USER_ALREADY_VERIFIED), `malformed_json`, `unreadable_body`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Changing one's own account.
    ChangingAccount {
        "400": "`email_already_exists` (detail UPDATE_USER_EMAIL_ALREADY_EXISTS), `invalid_password` (detail { code: UPDATE_USER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Looking at a member's account.
    OneUser {
        "404": "`user_not_found`, `tenant_not_found`",
    }
    /// Managing a member's account.
    ManagingUser {
        "400": "`email_already_exists` (detail UPDATE_USER_EMAIL_ALREADY_EXISTS), `invalid_password` (detail { code: UPDATE_USER_INVALID_PASSWORD, reason }), `malformed_id`, `malformed_json`, `unreadable_body`",
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`user_not_found`, `tenant_not_found`",
        "409": "`user_in_other_tenants`, `deactivating_oneself`, `last_owner`, `conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Logging out.
    LoggingOut {
        "401": "`unauthenticated`",
        "403": "`forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Routes that act in the tenant as a whole.
    TenantWide {
        "404": "`tenant_not_found`",
    }
    /// Changing the tenant.
    ChangingTenant {
        "404": "`tenant_not_found`",
        "409": "`mfa_not_enrolled`, `conflict_in_flight`",
        "412": "`version_mismatch`",
    }
    /// Changing somebody's role.
    ChangingMembership {
        "404": "`user_not_found`, `tenant_not_found`",
        "409": "`last_owner`, `conflict_in_flight`",
    }
    /// Inviting somebody.
    Inviting {
        "409": "`already_member`, `invitation_pending`, `too_many_invitations`, `conflict_in_flight`",
    }
    /// Withdrawing an invitation.
    WithdrawingInvitation {
        "404": "`invitation_not_found`, `tenant_not_found`",
        "409": "`invitation_accepted`, `conflict_in_flight`",
    }
    /// Accepting an invitation.
    AcceptingInvitation {
        "400": "`invitation_bad_token`, `invalid_password` (detail { code: REGISTER_INVALID_PASSWORD, reason }), `malformed_json`, `unreadable_body`, `invalid_idempotency_key`",
        "401": "`unauthenticated`",
        "403": "`invitation_for_another_address`, `forbidden`, `mfa_required`",
        "404": "`tenant_not_found`",
        "409": "`log_in_to_accept`, `conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Making an API key.
    CreatingApiKey {
        "409": "`api_key_already_shown`, `too_many_api_keys`, `conflict_in_flight`",
    }
    /// Routes of one API key.
    OneApiKey {
        "404": "`api_key_not_found`, `tenant_not_found`",
    }
    /// Routes with a form in their body.
    FormBody {
        "400": "`unreadable_body`",
        "408": "`body_timed_out`",
        "413": "`body_too_large`",
        "415": "`unsupported_media_type`",
        "422": "`validation_failed`",
    }
    /// Asking for a token.
    Introspecting {
        "401": "`unauthenticated`: the service token is missing or wrong",
        "409": "`conflict_in_flight`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Routes of the scheduler.
    Internal {
        "404": "`route_not_found`: the service token is missing or wrong",
        "409": "`conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured`",
    }
}
