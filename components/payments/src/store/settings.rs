//! A tenant's rules for payments: `sql/gateway_accounts.sql`.

use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::web_address::Origin;

/// The rules.
#[derive(Debug, Deserialize)]
pub(crate) struct SettingsRow {
    pub(crate) tenant_id: Uuid,
    pub(crate) return_origins: Vec<Origin>,
    pub(crate) members_may_refund: bool,
    pub(crate) version: i64,
}

/// What came of writing them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Put {
    Put(SettingsRow),
    Stale,
}

/// The tenant's rules, or the default ones.
pub(crate) async fn find(caller: &Caller) -> Result<SettingsRow, DbError> {
    let function = "payments.find_settings";
    DbError::answered(function, caller.read(function, &json!({})).await?)
}

/// Writes the rules whole.
pub(crate) async fn put(
    caller: &Caller,
    return_origins: &[Origin],
    members_may_refund: bool,
    version: Option<i64>,
    at: DateTime<Utc>,
    origin: &api::RequestOrigin,
) -> Result<Put, DbError> {
    let function = "payments.put_settings";
    let args = json!({
        "return_origins": return_origins, "members_may_refund": members_may_refund, "version": version, "at": at,
        "origin": origin,
    });
    DbError::answered(function, caller.write(function, &args).await?)
}
