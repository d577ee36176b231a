//! What payments keeps, by the SQL functions beside the component: one file a resource, one function a statement.

pub(crate) mod attempts;
pub(crate) mod gateway_accounts;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod payments;
pub(crate) mod refunds;
pub(crate) mod routing;
pub(crate) mod settings;
pub(crate) mod work;
