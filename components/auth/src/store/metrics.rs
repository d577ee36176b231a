//! How many people there are: `sql/metrics.sql`.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::Deserialize;
use serde_json::json;

/// The numbers, over all tenants.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) users: i64,
    pub(crate) tenants: i64,
    pub(crate) sessions: i64,
    pub(crate) failed_log_ins: i64,
}

/// Counts.
pub(crate) async fn measure(db: &Db, at: DateTime<Utc>) -> Result<Measured, DbError> {
    let function = "auth.measure";
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &json!({ "at": at })).await?)
}
