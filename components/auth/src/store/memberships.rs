//! Memberships of the caller's tenant: `sql/memberships.sql`.

use api::{Moment, RequestOrigin};
use chrono::{DateTime, Utc};
use db::DbError;
use identity::{Caller, Role};
use ids::UserId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::domain::membership::manages;

/// A membership as `auth.membership_view` answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct MembershipRow {
    pub(crate) user_id: Uuid,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) is_verified: bool,
    pub(crate) created_at: DateTime<Utc>,
}

/// The last membership of the page before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) id: UserId,
}

/// What changing a role or ending a membership came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// As it is now.
    Changed(MembershipRow),
    /// It is no more.
    Ended,
    /// Nobody of this tenant.
    NotFound,
    /// The caller's role does not give or take the role.
    OutOfReach,
    /// The tenant would be left without an owner.
    #[serde(skip)]
    LastOwner,
}

/// Members, the oldest membership first.
pub(crate) async fn list(
    caller: &Caller,
    role: Option<Role>,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<MembershipRow>, DbError> {
    let function = "auth.list_memberships";
    let args = json!({
        "role": role, "after_at": after.map(|place| place.at), "after_id": after.map(|place| place.id.uuid()),
        "limit": limit,
    });
    DbError::answered(function, caller.read(function, &args).await?)
}

/// Gives a member another role.
pub(crate) async fn update(
    caller: &Caller,
    user: UserId,
    role: Role,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Change, DbError> {
    let args = json!({ "user_id": user.uuid(), "role": role, "manages": manages(), "at": at, "origin": origin });
    change(caller, "auth.change_membership", &args).await
}

/// Ends a membership.
pub(crate) async fn delete(
    caller: &Caller,
    user: UserId,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Change, DbError> {
    let args = json!({ "user_id": user.uuid(), "manages": manages(), "at": at, "origin": origin });
    change(caller, "auth.end_membership", &args).await
}

async fn change(caller: &Caller, function: &'static str, args: &serde_json::Value) -> Result<Change, DbError> {
    match caller.write(function, args).await {
        Err(error) if error.violates("tenants_owner_count_check") => Ok(Change::LastOwner),
        answer => DbError::answered(function, answer?),
    }
}
