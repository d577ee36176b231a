//! Accounts of a tenant's people, for its administrators: fastapi-users' routes for superusers, within one tenant.
//!
//! What must stay true: nobody outside of the caller's tenant exists here; an account that belongs to other tenants too is
//! not changed; administrators do not get at owners' or each other's accounts, since whoever sets a password can log in.

use std::sync::Arc;

use api::{Clock, Json as JsonIn, Path, Problem, RequestOrigin, RouteClass, SettingError};
use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use identity::{Authorized, right::ManageUsers};
use ids::UserId;

use crate::{
    AuthState,
    error::AuthError,
    routes::{
        refusals::{JsonBody, ManagingUser, OneUser, Reading},
        users::{AccountView, UserChange},
    },
    secrets::{Secrets, configured},
    store::{self, users::MemberChange},
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/users/{id}", get(find_user).patch(change_user).delete(delete_user))
        .route_layer(RouteClass::Credentials.layer())
}

/// Gives a member's account.
#[utoipa::path(get, path = "/users/{id}", operation_id = "find_user", tag = "users",
    security(("bearer" = ["users:write"])), params(("id" = String, Path, description = "The person")),
    responses((status = 200, description = "The account", body = AccountView), Reading, OneUser))]
pub(crate) async fn find_user(
    caller: Authorized<ManageUsers>,
    Path(id): Path<UserId>,
) -> Result<Json<AccountView>, Problem> {
    account(store::users::find_member(&caller, id).await?)
}

/// Changes a member's account: address, password, whether it is active.
#[utoipa::path(patch, path = "/users/{id}", operation_id = "change_user", tag = "users",
    security(("bearer" = ["users:write"])), params(("id" = String, Path, description = "The person")),
    request_body(content = UserChange, example = json!({ "is_active": false })),
    responses((status = 200, description = "The account", body = AccountView), ManagingUser, JsonBody))]
pub(crate) async fn change_user(
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Authorized<ManageUsers>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<UserId>,
    JsonIn(change): JsonIn<UserChange>,
) -> Result<Json<AccountView>, Problem> {
    let secrets = configured(&secrets)?;
    let context = match change.has_password() {
        true => {
            let found = store::users::find_member_password_context(&caller, id).await?;
            Some(found.ok_or(AuthError::UserNotFound)?)
        }
        false => None,
    };
    // A hash takes longer than everything else together.
    caller.without_connection().await;
    let change = change.checked(secrets, context.as_ref())?;
    account(store::users::change_member(&caller, id, &change, clock.now(), &origin).await?)
}

/// Ends a membership, and the account with the last one: its address is free again and nothing personal stays.
#[utoipa::path(delete, path = "/users/{id}", operation_id = "delete_user", tag = "users",
    security(("bearer" = ["users:write"])), params(("id" = String, Path, description = "The person")),
    responses((status = 204, description = "The membership has ended"), ManagingUser))]
pub(crate) async fn delete_user(
    caller: Authorized<ManageUsers>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<UserId>,
) -> Result<StatusCode, Problem> {
    match store::users::delete_member(&caller, id, clock.now(), &origin).await? {
        MemberChange::Deleted => Ok(StatusCode::NO_CONTENT),
        other => account(other).map(|_| StatusCode::NO_CONTENT),
    }
}

fn account(change: MemberChange) -> Result<Json<AccountView>, Problem> {
    Err(match change {
        MemberChange::Changed(account) => return Ok(Json(account.into())),
        MemberChange::NotFound => AuthError::UserNotFound,
        MemberChange::Outranked => AuthError::Outranked,
        MemberChange::InOtherTenants => AuthError::UserInOtherTenants,
        MemberChange::Oneself => AuthError::DeactivatingOneself,
        MemberChange::EmailTaken => AuthError::EmailTaken,
        MemberChange::LastOwner => AuthError::LastOwner,
        MemberChange::Deleted => AuthError::UserNotFound,
    }
    .into())
}
