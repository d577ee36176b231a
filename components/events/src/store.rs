//! What the dispatcher asks of the database; the only place that names an SQL function.

pub(crate) mod mail_tokens;
pub(crate) mod metrics;
pub(crate) mod outbox;
