//! What auth asks of the database and of the store; the only place that names an SQL function or a key of Redis.

pub(crate) mod api_keys;
pub(crate) mod audit_log;
pub(crate) mod introspection;
pub(crate) mod invitations;
pub(crate) mod log_in_attempts;
pub(crate) mod mail_tokens;
pub(crate) mod memberships;
pub(crate) mod metrics;
pub(crate) mod mfa;
pub(crate) mod reseal;
pub(crate) mod sessions;
pub(crate) mod sweep;
pub(crate) mod tenants;
pub(crate) mod users;
