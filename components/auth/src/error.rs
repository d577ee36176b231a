//! Every way this component says no.

use std::time::Duration;

use api::{Detail, Problem};
use http::StatusCode;
use serde_json::json;

use crate::domain::password::PasswordRefusal;

/// A refusal of auth's own; what all components share is a [`Problem`] already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// There is an account with this address.
    UserAlreadyExists,
    /// The password breaks a rule.
    InvalidPassword(PasswordRefusal),
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
            AuthError::InvalidPassword(refusal) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_password",
                "The password is not allowed",
                Detail::Json(json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": refusal.to_string() })),
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
        }
    }
}
