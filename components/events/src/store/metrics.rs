//! What waits in the outbox: `sql/metrics.sql`.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::Deserialize;
use serde_json::json;

/// The numbers, over all tenants.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) pending: i64,
    pub(crate) retried: i64,
    pub(crate) longest_due_seconds: i64,
    pub(crate) dead: i64,
    pub(crate) delivered_last_hour: i64,
    pub(crate) skipped_last_hour: i64,
}

/// Counts.
pub(crate) async fn measure(db: &Db, at: DateTime<Utc>) -> Result<Measured, DbError> {
    let function = "app.measure_outbox";
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &json!({ "at": at })).await?)
}
