//! People, as themselves: their account, their address, their password.

use std::sync::Arc;

use api::{Clock, Json as JsonIn, Problem, RequestOrigin, RouteClass, SettingError};
use axum::{Json, Router, extract::State, routing::get};
use email::EmailAddress;
use garde::Validate;
use identity::{Person, Role};
use ids::{TenantId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::opaque_token::hex,
    error::{AuthError, PasswordCode},
    routes::{
        passwords::{hashed, is_email},
        refusals::{ChangingAccount, JsonBody, Oneself},
    },
    secrets::{Purpose, Secrets, configured},
    store::{
        self,
        users::{AccountChange, AccountRow, MyChange, PasswordContextRow, TenantRow, UserRow},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/users/me", get(find_me).patch(change_me)).route_layer(RouteClass::Credentials.layer())
}

/// A person as clients of fastapi-users know one, and the tenant that they act in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "usr_01h455vb4pex5vsknk084sn02q", "email": "ada@example.com", "is_active": true, "is_superuser": false,
    "is_verified": true, "tenant": { "id": "ten_01h455vb4pex5vsknk084sn02q", "name": "Analytical Engines",
                                     "slug": "analytical-engines", "role": "owner" }}))]
pub(crate) struct AccountView {
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    id: UserId,
    #[schema(example = "ada@example.com")]
    email: String,
    is_active: bool,
    is_superuser: bool,
    is_verified: bool,
    /// Null for a person without a membership.
    #[schema(required)]
    tenant: Option<TenantView>,
}

/// A tenant, and what the person is in it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "ten_01h455vb4pex5vsknk084sn02q", "name": "Analytical Engines", "slug": "analytical-engines", "role": "owner"}))]
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

/// What is to change of an account. Holds a password, so it has no `Debug`.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// A new address; it has to be verified again, and the old one is told.
    #[garde(inner(custom(is_email)))]
    #[schema(example = "ada@example.com")]
    email: Option<String>,
    /// A new password; all other sessions end.
    #[garde(skip)]
    password: Option<String>,
    /// Taken and ignored on `/users/me`; an administrator's word on `/users/{id}`.
    #[garde(skip)]
    pub(crate) is_active: Option<bool>,
    /// Taken and ignored, as fastapi-users does.
    #[garde(skip)]
    #[serde(default, rename = "is_superuser")]
    #[schema(deprecated)]
    _is_superuser: Option<bool>,
    /// Taken and ignored, as fastapi-users does.
    #[garde(skip)]
    #[serde(default, rename = "is_verified")]
    #[schema(deprecated)]
    _is_verified: Option<bool>,
}

impl UserChange {
    /// Whether a password is to be checked and hashed.
    pub(crate) fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// The change as it is stored; `context` is what the new password is held against.
    pub(crate) fn checked(
        &self,
        secrets: &Secrets,
        context: Option<&PasswordContextRow>,
    ) -> Result<AccountChange, Problem> {
        let mut change = AccountChange { is_active: self.is_active, ..AccountChange::default() };
        if let Some(email) = &self.email {
            let email = EmailAddress::parse(email).map_err(Problem::internal)?;
            change.email_key = Some(email.key());
            change.email = Some(email.as_str().to_owned());
        }
        if let (Some(password), Some(context)) = (&self.password, context) {
            change.password_hash = Some(hashed(password, PasswordCode::Update, secrets, context)?);
            change.account = hex(&secrets.digest(Purpose::ThrottledAccount, email::key(&context.email).as_bytes())?);
        }
        Ok(change)
    }
}

/// Changes the caller's own account. `is_active`, `is_superuser` and `is_verified` are taken and ignored.
#[utoipa::path(patch, path = "/users/me", operation_id = "change_me", tag = "users", security(("bearer" = [])),
    request_body(content = UserChange, example = json!({ "password": "a quite different horse" })),
    responses((status = 200, description = "The account", body = AccountView), ChangingAccount, JsonBody))]
pub(crate) async fn change_me(
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
    JsonIn(change): JsonIn<UserChange>,
) -> Result<Json<AccountView>, Problem> {
    let secrets = configured(&secrets)?;
    let context = match change.has_password() {
        true => store::users::find_my_password_context(&caller).await?,
        false => None,
    };
    // A hash takes longer than everything else together.
    caller.without_connection().await;
    let change = AccountChange { is_active: None, ..change.checked(secrets, context.as_ref())? };
    match store::users::change_me(&caller, &change, clock.now(), &origin).await? {
        MyChange::Changed(account) => Ok(Json(account.into())),
        MyChange::EmailTaken => Err(AuthError::EmailTaken.into()),
    }
}
