//! Every way this component says no.

use std::time::Duration;

use api::{Detail, FieldError, Problem};
use http::StatusCode;
use ids::{ApiKeyId, InvitationId};
use serde_json::json;

use crate::domain::{
    api_key::LIVING_MAX,
    invitation::{DAY_MAX, DAY_MAX_ADDRESS},
    password::PasswordRefusal,
};

/// A refusal of auth's own; what all components share is a [`Problem`] already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// There is an account with this address.
    UserAlreadyExists,
    /// The password breaks a rule.
    InvalidPassword(PasswordCode, PasswordRefusal),
    /// Another account has the address that one's own was to get.
    EmailTaken,
    /// The deployment lets nobody in before they proved their address.
    UserNotVerified,
    /// The token resets no password (any more).
    ResetBadToken,
    /// The token proves no address (any more).
    VerifyBadToken,
    /// The address was proven before.
    AlreadyVerified,
    /// Unknown, over, or of a session that has ended.
    InvalidRefreshToken,
    /// The refresh token was used before; its session has ended.
    RefreshTokenReused,
    /// No living session of the caller has this id.
    SessionNotFound,
    /// No tenant of the caller's has this id.
    TenantNotFound,
    /// The password that was asked for again is wrong.
    WrongPassword,
    /// The second step belongs to no log-in (any more).
    InvalidMfaToken,
    /// The code is wrong, or was used.
    InvalidMfaCode,
    /// Either code or recovery code.
    OneFactorWanted,
    /// There is a confirmed factor.
    MfaAlreadyEnrolled,
    /// There is no factor.
    MfaNotEnrolled,
    /// Nobody of this tenant has this id.
    UserNotFound,
    /// The caller's role does not reach to the person's.
    Outranked,
    /// The account belongs to other tenants too, so it is not this one's to change.
    UserInOtherTenants,
    /// Nobody deactivates themself.
    DeactivatingOneself,
    /// The tenant would be left without an owner.
    LastOwner,
    /// The caller's role does not give or take this role.
    RoleOutOfReach,
    /// Somebody with this address is a member already.
    AlreadyMember,
    /// The address was invited before, and may still accept.
    InvitationPending {
        /// Which invitation.
        id: InvitationId,
    },
    /// The tenant, or this address, had as many invitations today as it may have.
    TooManyInvitations,
    /// The tenant has no such invitation.
    InvitationNotFound,
    /// Who was invited is a member by now.
    InvitationAccepted,
    /// The token opens nothing (any more).
    InvitationBadToken,
    /// The invitation went to another address than the caller's.
    InvitationForAnotherAddress,
    /// The invited address has an account, and nobody is logged in.
    LogInToAccept,
    /// The invited address has no account, and no password was given for one.
    PasswordWanted,
    /// Who is logged in has a password.
    PasswordUnwanted,
    /// Address and password do not belong together, or the account is not active.
    BadCredentials,
    /// Too many failures: wait.
    LogInThrottled {
        /// How long.
        wait: Duration,
    },
    /// The tenant that `scope` names is not one of the person's.
    UnknownTenantScope,
    /// Log-in takes a form.
    FormWanted,
    /// The tenant has no such API key.
    ApiKeyNotFound,
    /// The key was made by an earlier request with this `Idempotency-Key`, and shown then.
    ApiKeyAlreadyShown {
        /// Which key.
        id: ApiKeyId,
    },
    /// The tenant has as many living API keys as it may have.
    TooManyApiKeys,
}

/// Which of fastapi-users' routes refused a password: each has a code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordCode {
    /// Registering.
    Register,
    /// Resetting.
    Reset,
    /// Changing an account.
    Update,
}

impl PasswordCode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Register => "REGISTER_INVALID_PASSWORD",
            Self::Reset => "RESET_PASSWORD_INVALID_PASSWORD",
            Self::Update => "UPDATE_USER_INVALID_PASSWORD",
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::UserAlreadyExists => Self::new(
                StatusCode::BAD_REQUEST,
                "user_already_exists",
                "There is an account with this email address",
                "REGISTER_USER_ALREADY_EXISTS",
            ),
            AuthError::InvalidPassword(code, refusal) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_password",
                "The password is not allowed",
                Detail::Json(json!({ "code": code.as_str(), "reason": refusal.to_string() })),
            ),
            AuthError::EmailTaken => Self::new(
                StatusCode::BAD_REQUEST,
                "email_already_exists",
                "There is an account with this email address",
                "UPDATE_USER_EMAIL_ALREADY_EXISTS",
            ),
            AuthError::UserNotVerified => Self::new(
                StatusCode::BAD_REQUEST,
                "user_not_verified",
                "The email address is not verified",
                "LOGIN_USER_NOT_VERIFIED",
            ),
            AuthError::ResetBadToken => Self::new(
                StatusCode::BAD_REQUEST,
                "reset_bad_token",
                "The token resets no password",
                "RESET_PASSWORD_BAD_TOKEN",
            ),
            AuthError::VerifyBadToken => Self::new(
                StatusCode::BAD_REQUEST,
                "verify_bad_token",
                "The token proves no address",
                "VERIFY_USER_BAD_TOKEN",
            ),
            AuthError::AlreadyVerified => Self::new(
                StatusCode::BAD_REQUEST,
                "already_verified",
                "The address was verified before",
                "VERIFY_USER_ALREADY_VERIFIED",
            ),
            AuthError::InvalidRefreshToken => Self::new(
                StatusCode::UNAUTHORIZED,
                "invalid_refresh_token",
                "The refresh token is not valid",
                "The refresh token is unknown, or its session has ended: log in again.",
            ),
            AuthError::RefreshTokenReused => Self::new(
                StatusCode::UNAUTHORIZED,
                "refresh_token_reused",
                "The refresh token was used before",
                "The refresh token was used before, so somebody else may have it: its session was ended. Log in again.",
            ),
            AuthError::SessionNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "session_not_found",
                "There is no such session",
                "No living session of yours has this id.",
            ),
            AuthError::TenantNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "tenant_not_found",
                "There is no such tenant",
                "You are a member of no tenant with this id.",
            ),
            AuthError::WrongPassword => Self::new(
                StatusCode::BAD_REQUEST,
                "wrong_password",
                "The password is wrong",
                "The password is not that of your account; nothing was changed.",
            ),
            AuthError::InvalidMfaToken => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_mfa_token",
                "The second step belongs to no log-in",
                "The mfa_token is unknown, used, or older than five minutes: log in again.",
            ),
            AuthError::InvalidMfaCode => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_mfa_code",
                "The code is not valid",
                "The code is wrong, too old, or was used already: give the one that the app shows now.",
            ),
            AuthError::OneFactorWanted => Self::validation_failed(vec![FieldError::in_body(
                "/code",
                "either `code` or `recovery_code` is wanted, and not both",
            )]),
            AuthError::MfaAlreadyEnrolled => Self::new(
                StatusCode::CONFLICT,
                "mfa_already_enrolled",
                "There is a second factor already",
                "A second factor is enrolled: remove it first (DELETE /auth/mfa/totp).",
            ),
            AuthError::MfaNotEnrolled => Self::new(
                StatusCode::CONFLICT,
                "mfa_not_enrolled",
                "There is no second factor",
                "No second factor is enrolled: enrol one first (POST /auth/mfa/totp).",
            ),
            AuthError::UserNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "user_not_found",
                "There is no such user",
                "Nobody in this tenant has this id.",
            ),
            AuthError::Outranked => Self::forbidden("Only an owner may do this to an owner or an administrator."),
            AuthError::UserInOtherTenants => Self::new(
                StatusCode::CONFLICT,
                "user_in_other_tenants",
                "The account belongs to other tenants too",
                "The person is a member of other tenants, so only they can change their account. You can end their \
                 membership.",
            ),
            AuthError::LastOwner => Self::new(
                StatusCode::CONFLICT,
                "last_owner",
                "The tenant needs an owner",
                "This is the tenant's last owner: make somebody else an owner first.",
            ),
            AuthError::RoleOutOfReach => Self::forbidden(
                "Your role does not reach this far: only owners decide who is an owner, and only owners and \
                 administrators about others.",
            ),
            AuthError::AlreadyMember => Self::new(
                StatusCode::CONFLICT,
                "already_member",
                "The person is a member already",
                "Somebody with this address is a member already: change their role (PATCH /memberships/{user}).",
            ),
            AuthError::InvitationPending { id } => Self::new(
                StatusCode::CONFLICT,
                "invitation_pending",
                "The address is invited already",
                format!("{id} may still be accepted: withdraw it first to send another."),
            ),
            AuthError::TooManyInvitations => Self::new(
                StatusCode::CONFLICT,
                "too_many_invitations",
                "Too many invitations in a day",
                format!(
                    "A tenant may send {DAY_MAX} invitations in 24 hours, {DAY_MAX_ADDRESS} of them to one address: \
                     try again later."
                ),
            ),
            AuthError::InvitationNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "invitation_not_found",
                "There is no such invitation",
                "The tenant has no invitation with this id.",
            ),
            AuthError::InvitationAccepted => Self::new(
                StatusCode::CONFLICT,
                "invitation_accepted",
                "The invitation was accepted",
                "The person is a member by now: end their membership (DELETE /memberships/{user}).",
            ),
            AuthError::InvitationBadToken => Self::new(
                StatusCode::BAD_REQUEST,
                "invitation_bad_token",
                "The token belongs to no invitation",
                "The token is unknown or used, or its invitation is over or was withdrawn: ask for another invitation.",
            ),
            AuthError::InvitationForAnotherAddress => Self::new(
                StatusCode::FORBIDDEN,
                "invitation_for_another_address",
                "The invitation is for another address",
                "The invitation went to another email address than that of your account: log in to the account that has \
                 it, or without one accept with a password.",
            ),
            AuthError::LogInToAccept => Self::new(
                StatusCode::CONFLICT,
                "log_in_to_accept",
                "The invited address has an account",
                "The invited address has an account: log in to it, and accept with its access token.",
            ),
            AuthError::PasswordWanted => Self::validation_failed(vec![FieldError::in_body(
                "/password",
                "a password is wanted: the invited address has no account yet",
            )]),
            AuthError::PasswordUnwanted => Self::validation_failed(vec![FieldError::in_body(
                "/password",
                "no password is wanted: the access token names an account that has one",
            )]),
            AuthError::DeactivatingOneself => Self::new(
                StatusCode::CONFLICT,
                "deactivating_oneself",
                "Nobody deactivates themself",
                "Ask another administrator, or leave the tenant.",
            ),
            AuthError::BadCredentials => Self::new(
                StatusCode::BAD_REQUEST,
                "bad_credentials",
                "The email address or the password is wrong",
                "LOGIN_BAD_CREDENTIALS",
            ),
            AuthError::LogInThrottled { wait } => {
                let seconds = wait.as_millis().div_ceil(1000).max(1) as u64;
                Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "log_in_throttled",
                    "Too many failed log-ins",
                    format!("Too many log-ins failed for this account or from this address: wait {seconds} s."),
                )
                .retry_after(seconds)
            }
            AuthError::UnknownTenantScope => Self::new(
                StatusCode::BAD_REQUEST,
                "unknown_tenant_scope",
                "You are no member of this tenant",
                "`scope` must be `tenant:` and the slug of a tenant that you are a member of.",
            ),
            AuthError::FormWanted => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The media type is not supported",
                "Log-in takes a form: send `Content-Type: application/x-www-form-urlencoded`.",
            ),
            AuthError::ApiKeyNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "api_key_not_found",
                "There is no such API key",
                "The tenant has no API key with this id.",
            ),
            AuthError::ApiKeyAlreadyShown { id } => Self::new(
                StatusCode::CONFLICT,
                "api_key_already_shown",
                "The API key was shown before",
                format!(
                    "An earlier request with this Idempotency-Key made {id} and showed it, once: if it is lost, revoke it \
                     and make another."
                ),
            ),
            AuthError::TooManyApiKeys => Self::new(
                StatusCode::CONFLICT,
                "too_many_api_keys",
                "The tenant has too many API keys",
                format!("A tenant may have {LIVING_MAX} living API keys: revoke one first."),
            ),
        }
    }
}
