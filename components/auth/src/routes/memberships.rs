//! Memberships: who belongs to the tenant, and as what.
//!
//! What must stay true: a role is given and taken by those alone whose role reaches that far, as both roles are in that
//! moment; a tenant always has an owner, however many leave at once; who was shown out is refused by every component from
//! the next request on (`app.enter`).

use api::{Clock, Json as JsonIn, Limit, Page, Path, Problem, Query, RequestOrigin};
use axum::{
    Json, Router,
    routing::{get, patch},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use http::StatusCode;
use identity::{
    Authorized, Person, Role,
    right::{ReadMembers, WriteMembers},
};
use ids::UserId;
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    error::AuthError,
    routes::refusals::{ChangingMembership, JsonBody, Reading, TenantWide, Writing},
    store::{
        self,
        memberships::{Change, MembershipRow, Place},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/memberships", get(list_memberships))
        .route("/memberships/{user}", patch(change_membership).delete(end_membership))
}

/// Which members.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembershipQuery {
    role: Option<Role>,
    /// How many members to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a person is in the tenant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Membership, example = json!({
    "user_id": "usr_01h455vb4pex5vsknk084sn02r", "email": "charles@example.com", "role": "viewer", "is_verified": true,
    "created_at": "2026-02-01T08:15:30.654321Z"}))]
pub(crate) struct MembershipView {
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02r")]
    user_id: UserId,
    #[schema(example = "charles@example.com")]
    email: String,
    role: Role,
    /// Whether the person proved that the address is theirs.
    is_verified: bool,
    /// Since when they are a member.
    created_at: DateTime<Utc>,
}

impl From<MembershipRow> for MembershipView {
    fn from(row: MembershipRow) -> Self {
        let MembershipRow { user_id, email, role, is_verified, created_at } = row;
        Self { user_id: user_id.into(), email, role, is_verified, created_at }
    }
}

/// Lists the tenant's members, the oldest membership first.
#[utoipa::path(get, path = "/memberships", operation_id = "list_memberships", tag = "members",
    security(("bearer" = ["members:read"])),
    params(MembershipQuery),
    responses((status = 200, description = "A page of members", body = Page<MembershipView>), Reading, TenantWide))]
pub(crate) async fn list_memberships(
    caller: Authorized<ReadMembers>,
    Query(query): Query<MembershipQuery>,
) -> Result<Json<Page<MembershipView>>, Problem> {
    let after: Option<Place> = query.cursor.as_deref().map(api::decode_cursor).transpose()?;
    let mut members = store::memberships::list(&caller, query.role, after, query.limit.rows() + 1).await?;
    let has_more = members.len() > query.limit.rows();
    members.truncate(query.limit.rows());
    let last = members.last().filter(|_| has_more);
    let next_cursor = last.map(|row| api::encode_cursor(&Place { at: row.created_at.into(), id: row.user_id.into() }));
    Ok(Json(Page { data: members.into_iter().map(MembershipView::from).collect(), next_cursor }))
}

/// What somebody is to be.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleChange {
    #[garde(skip)]
    role: Role,
}

/// Gives a member another role, from their next request on. Owners manage everybody; administrators all but owners.
#[utoipa::path(patch, path = "/memberships/{user}", operation_id = "change_membership", tag = "members",
    security(("bearer" = ["members:write"])),
    params(("user" = String, Path, description = "The person", example = "usr_01h455vb4pex5vsknk084sn02r")),
    request_body(content = RoleChange, example = json!({ "role": "viewer" })),
    responses((status = 200, description = "The membership as it stands now", body = MembershipView),
              Writing, JsonBody, ChangingMembership))]
pub(crate) async fn change_membership(
    caller: Authorized<WriteMembers>,
    clock: Clock,
    origin: RequestOrigin,
    Path(user): Path<UserId>,
    JsonIn(RoleChange { role }): JsonIn<RoleChange>,
) -> Result<Json<MembershipView>, Problem> {
    match store::memberships::update(&caller, user, role, clock.now(), &origin).await? {
        Change::Changed(row) => Ok(Json(row.into())),
        Change::NotFound | Change::Ended => Err(AuthError::UserNotFound.into()),
        Change::OutOfReach => Err(AuthError::RoleOutOfReach.into()),
        Change::LastOwner => Err(AuthError::LastOwner.into()),
    }
}

/// Ends a membership: one's own, which everybody may, or that of somebody whose role one manages. The account stays, and
/// so do its sessions; tokens for this tenant are refused from now on.
#[utoipa::path(delete, path = "/memberships/{user}", operation_id = "end_membership", tag = "members",
    security(("bearer" = [])),
    params(("user" = String, Path, description = "The person", example = "usr_01h455vb4pex5vsknk084sn02r")),
    responses((status = 204, description = "The membership has ended"), Writing, ChangingMembership))]
pub(crate) async fn end_membership(
    // A person, so that no API key leaves in the name of who made it.
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
    Path(user): Path<UserId>,
) -> Result<StatusCode, Problem> {
    if caller.claims().tid.is_none() {
        return Err(Problem::forbidden("The token names no tenant, so there is no membership to end in it."));
    }
    match store::memberships::delete(&caller, user, clock.now(), &origin).await? {
        Change::Ended | Change::Changed(_) => Ok(StatusCode::NO_CONTENT),
        Change::NotFound => Err(AuthError::UserNotFound.into()),
        Change::OutOfReach => Err(AuthError::RoleOutOfReach.into()),
        Change::LastOwner => Err(AuthError::LastOwner.into()),
    }
}
