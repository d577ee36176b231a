//! The rules of accounts: pure, so that time, salts and limits come in as arguments.

pub(crate) mod api_key;
pub(crate) mod audit_target;
pub(crate) mod invitation;
pub(crate) mod membership;
pub(crate) mod opaque_token;
pub(crate) mod password;
pub(crate) mod recovery_code;
pub(crate) mod session;
pub(crate) mod tenant_name;
pub(crate) mod throttle;
pub(crate) mod totp;
