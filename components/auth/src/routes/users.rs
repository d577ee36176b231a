//! People, as themselves.

use api::Problem;
use axum::{Json, Router, routing::get};
use identity::{Person, Role};
use ids::{TenantId, UserId};
use serde::Serialize;

use crate::{
    AuthState,
    routes::refusals::Oneself,
    store::{
        self,
        users::{AccountRow, TenantRow, UserRow},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/users/me", get(find_me))
}

/// A person as clients of fastapi-users know one, and the tenant that they act in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AccountView {
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    id: UserId,
    #[schema(example = "ada@example.com")]
    email: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    /// Null for a person without a membership.
    tenant: Option<TenantView>,
}

/// A tenant, and what the person is in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TenantView {
    #[schema(value_type = String, example = "ten_01h455vb4pex5vsknk084sn02q")]
    id: TenantId,
    #[schema(example = "Analytical Engines")]
    name: String,
    /// Names the tenant at log-in: `scope=tenant:<slug>`.
    #[schema(example = "analytical-engines")]
    slug: String,
    role: Role,
}

impl From<AccountRow> for AccountView {
    fn from(AccountRow { user, tenant }: AccountRow) -> Self {
        let id = user.id();
        let UserRow { email, is_active, is_superuser, is_verified, .. } = user;
        Self { id, email, is_active, is_superuser, is_verified, tenant: tenant.map(TenantView::from) }
    }
}

impl From<TenantRow> for TenantView {
    fn from(row: TenantRow) -> Self {
        Self { id: row.id(), name: row.name, slug: row.slug, role: row.role }
    }
}

/// Gives the caller's own account.
#[utoipa::path(get, path = "/users/me", operation_id = "find_me", tag = "users", security(("bearer" = [])),
    responses((status = 200, description = "The account", body = AccountView), Oneself))]
pub(crate) async fn find_me(caller: Person) -> Result<Json<AccountView>, Problem> {
    // The entry found the person's session a moment ago in the same statement, so the row is there.
    let account = store::users::find_me(&caller).await?.ok_or_else(|| Problem::internal("no row of the caller"))?;
    Ok(Json(account.into()))
}
