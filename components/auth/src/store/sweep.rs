//! Removing what is over: `sql/sweep.sql`. Acts for nobody, across tenants.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::Deserialize;
use serde_json::json;

/// How many rows of each kind went.
#[derive(Debug, Deserialize)]
pub(crate) struct SweptRow {
    pub(crate) sessions: u32,
    pub(crate) mfa_challenges: u32,
    pub(crate) mail_tokens: u32,
}

/// Removes what is over at this moment, `batch` rows of each kind at most.
pub(crate) async fn sweep(db: &Db, batch: u32, at: DateTime<Utc>) -> Result<SweptRow, DbError> {
    let function = "auth.sweep";
    let args = json!({ "at": at, "batch": batch });
    DbError::answered(function, db.call_unentered(Effect::Writes, function, &args).await?)
}
