//! Tenants: `sql/tenants.sql`.

use api::{Moment, RequestOrigin};
use chrono::{DateTime, Utc};
use db::{Claim, DbError, Once};
use identity::{Caller, Person};
use ids::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::users::TenantRow;

/// A tenant to be made.
#[derive(Serialize)]
pub(crate) struct NewTenant<'a> {
    pub(crate) tenant_id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) slug_if_taken: &'a str,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// A tenant of a person's, and since when it is.
#[derive(Debug, Deserialize)]
pub(crate) struct JoinedTenantRow {
    pub(crate) tenant: TenantRow,
    pub(crate) joined_at: DateTime<Utc>,
}

/// The last tenant of the page before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) id: TenantId,
}

/// A tenant with its policies.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantSettingsRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) mfa_required: bool,
    pub(crate) password_min_length: Option<u8>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) version: i64,
}

/// What is to change of a tenant; what is `None` stays.
#[derive(Debug, Default, Serialize)]
pub(crate) struct TenantChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mfa_required: Option<bool>,
    /// `Some(None)` takes the tenant's own minimum away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password_min_length: Option<Option<u8>>,
}

/// What changing a tenant came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// As it is now.
    Changed(TenantSettingsRow),
    /// It is at another version than the one that was named.
    Stale,
    /// Who asks for second factors has none.
    MfaNotEnrolled,
    /// They have one, and did not give it in this session.
    MfaNotGiven,
}

/// Makes a tenant that the caller owns, at most once for the claim.
pub(crate) async fn insert(
    caller: &Person,
    claim: Option<&Claim>,
    tenant: &NewTenant<'_>,
) -> Result<Once<TenantRow>, DbError> {
    let function = "auth.create_tenant";
    DbError::answered(function, caller.write_once(claim, function, tenant).await?.transpose())
}

/// The caller's tenants, the one that they joined first first.
pub(crate) async fn list(caller: &Person, after: Option<Place>, limit: usize) -> Result<Vec<JoinedTenantRow>, DbError> {
    let function = "auth.list_tenants";
    let args = json!({
        "after_at": after.map(|place| place.at), "after_id": after.map(|place| place.id.uuid()), "limit": limit,
    });
    DbError::answered(function, caller.read(function, &args).await?)
}

/// The tenant that the caller acts in; `None` for any other one.
pub(crate) async fn find(caller: &Caller, id: TenantId) -> Result<Option<TenantSettingsRow>, DbError> {
    caller.read("auth.find_tenant", &json!({ "id": id.uuid() })).await
}

/// Changes the tenant that the caller acts in; `None` for any other one.
pub(crate) async fn update(
    caller: &Caller,
    id: TenantId,
    change: &TenantChange<'_>,
    version: Option<i64>,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Option<Change>, DbError> {
    let args = json!({ "id": id.uuid(), "changes": change, "version": version, "at": at, "origin": origin });
    caller.write("auth.change_tenant", &args).await
}
