//! API keys of the tenant: `sql/api_keys.sql`.

use api::{Moment, RequestOrigin};
use chrono::{DateTime, Utc};
use db::{Claim, DbError, Once};
use identity::Caller;
use ids::ApiKeyId;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use uuid::Uuid;

use crate::domain::api_key::Scope;

/// A key as `auth.api_key_view` answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) created_by: Uuid,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) last_used_at: Option<DateTime<Utc>>,
    pub(crate) revoked_at: Option<DateTime<Utc>>,
}

/// A key to be made.
#[derive(Serialize)]
pub(crate) struct NewApiKey<'a> {
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) prefix: &'a str,
    /// SHA-256 of the key, in hex.
    pub(crate) hash: String,
    pub(crate) scopes: &'a [Scope],
    pub(crate) expires_at: Option<Moment>,
    /// How many living keys a tenant may have.
    pub(crate) living_max: usize,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// What making a key came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Creation {
    /// It is there.
    Created(ApiKeyRow),
    /// The tenant has as many living keys as it may have.
    TooMany,
}

/// The last key of the page before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) id: ApiKeyId,
}

/// Makes a key, at most once for the claim. What is kept under the claim is the key as the list shows it.
pub(crate) async fn insert(
    caller: &Caller,
    claim: Option<&Claim>,
    key: &NewApiKey<'_>,
) -> Result<Once<Creation>, DbError> {
    let function = "auth.create_api_key";
    DbError::answered(function, caller.write_once(claim, function, key).await?.transpose())
}

/// Keys, newest first.
pub(crate) async fn list(caller: &Caller, after: Option<Place>, limit: usize) -> Result<Vec<ApiKeyRow>, DbError> {
    let function = "auth.list_api_keys";
    let args = json!({
        "after_at": after.map(|place| place.at), "after_id": after.map(|place| place.id.uuid()), "limit": limit,
    });
    DbError::answered(function, caller.read(function, &args).await?)
}

/// Ends a key; false where the tenant has no such key.
pub(crate) async fn revoke(
    caller: &Caller,
    id: ApiKeyId,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<bool, DbError> {
    let args = json!({ "id": id.uuid(), "at": at, "origin": origin });
    let revoked: Option<IgnoredAny> = caller.write("auth.revoke_api_key", &args).await?;
    Ok(revoked.is_some())
}
