//! The rules of accounts: pure, so that time, salts and limits come in as arguments.

pub(crate) mod password;
pub(crate) mod tenant_name;
pub(crate) mod throttle;
