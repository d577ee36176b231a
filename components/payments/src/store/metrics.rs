//! What waits in payments: `sql/metrics.sql`.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::Deserialize;
use serde_json::json;

/// The numbers, over all tenants.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) due: i64,
    pub(crate) longest_due_seconds: i64,
    pub(crate) attempts_started: i64,
    pub(crate) attempts_unknown: i64,
    pub(crate) longest_unknown_seconds: i64,
    pub(crate) refunds_pending: i64,
    pub(crate) webhooks_pending: i64,
    pub(crate) last_hour: Vec<Outcomes>,
}

/// Payments of the last hour that went alike.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcomes {
    pub(crate) gateway: String,
    pub(crate) mode: String,
    pub(crate) state: String,
    pub(crate) payments: i64,
}

/// Counts.
pub(crate) async fn measure(db: &Db, at: DateTime<Utc>) -> Result<Measured, DbError> {
    let function = "payments.measure";
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &json!({ "at": at })).await?)
}
