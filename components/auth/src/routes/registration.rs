//! Registering: a person, a tenant and the membership that owns it come into being together or not at all.

use std::sync::Arc;

use api::{App, Clock, Posted, Problem, RequestOrigin, RouteClass, SettingError, Visitor, answer_once, random_bytes};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use db::Claim;
use email::EmailAddress;
use garde::Validate;
use http::StatusCode;
use ids::{EventId, TenantId, UserId};
use serde::Deserialize;

use crate::{
    AuthState,
    domain::{
        password::{Password, PasswordContext},
        tenant_name::{CHARS_MAX, TenantName},
    },
    error::{AuthError, PasswordCode},
    routes::{
        refusals::{JsonBody, Registering},
        users::AccountView,
    },
    secrets::{Purpose, Secrets},
    store::{
        self,
        users::{NewAccount, Registration},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/auth/register", post(register)).route_layer(RouteClass::Credentials.layer())
}

/// Who wants an account. Holds a password, so it has no `Debug`.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    #[garde(custom(is_email))]
    #[schema(example = "ada@example.com")]
    email: String,
    /// At least 8 characters (or what the deployment wants), at most 128; any characters.
    #[garde(skip)]
    #[schema(example = "correct horse battery staple")]
    password: String,
    /// The name of the person's tenant; without it the tenant is named after the person.
    #[garde(inner(custom(is_tenant_name)))]
    #[schema(example = "Analytical Engines")]
    tenant_name: Option<String>,
    /// Taken and ignored, as fastapi-users does.
    #[garde(skip)]
    #[serde(default, rename = "is_active")]
    #[schema(deprecated)]
    _is_active: Option<bool>,
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

fn is_email(text: &str, _: &()) -> garde::Result {
    EmailAddress::parse(text).map(|_| ()).map_err(garde::Error::new)
}

pub(crate) fn is_tenant_name(name: &str, _: &()) -> garde::Result {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > CHARS_MAX || name.chars().any(char::is_control) {
        return Err(garde::Error::new("1 to 100 characters are wanted, without control characters"));
    }
    Ok(())
}

/// Makes an account with its first tenant, of which the person is the owner.
#[utoipa::path(post, path = "/auth/register", operation_id = "register", tag = "auth",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewUser, example = json!({
        "email": "ada@example.com", "password": "correct horse battery staple", "tenant_name": "Analytical Engines"})),
    responses((status = 201, description = "The account", body = AccountView),
              (status = 202, description = "Taken, where the deployment hides who has an account; a message says more",
               body = inline(api::Null)),
              Registering, JsonBody))]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    Posted { body: new, claim }: Posted<NewUser>,
) -> Result<Response, Problem> {
    let secrets = secrets.as_ref().as_ref().map_err(Clone::clone)?;
    // The body holds a password: its fingerprint is kept for a day and must not be one to try passwords against.
    let claim = match claim {
        Some(claim) => Some(Claim { fingerprint: secrets.digest(Purpose::RequestBody, &claim.fingerprint)?, ..claim }),
        None => None,
    };
    let address = EmailAddress::parse(&new.email).map_err(Problem::internal)?;
    let (user, tenant) = (UserId::new(), TenantId::new());
    let tenant_name = TenantName::new(new.tenant_name.as_deref(), &address, tenant);
    let password = Password::new(&new.password);
    password
        .check(&PasswordContext {
            chars_min: secrets.password_chars_min,
            email: &address,
            tenant_names: &[&tenant_name.name],
        })
        .map_err(|refusal| AuthError::InvalidPassword(PasswordCode::Register, refusal))?;
    let password_hash =
        password.hash(random_bytes()?).ok_or_else(|| Problem::internal("Argon2 refused its parameters"))?;

    let account = NewAccount {
        user_id: user.uuid(),
        email: address.as_str(),
        email_key: address.key(),
        password_hash,
        tenant_id: tenant.uuid(),
        tenant_name: &tenant_name.name,
        slug: &tenant_name.slug,
        slug_if_taken: &tenant_name.slug_if_taken,
        event_id: EventId::new().uuid(),
        hides_accounts: secrets.hides_accounts,
        origin: &origin,
        at: clock.now(),
    };
    // Opened only now: hashing takes longer than everything else together.
    let db = app.open_database().await?;
    let once = store::users::register(&db, claim.as_ref(), &account).await?;
    if secrets.hides_accounts {
        // Whether the address is new only its mailbox learns.
        return answer_once(once, |_| (StatusCode::ACCEPTED, Json(())).into_response());
    }
    answer_once(once, |registration| match registration {
        Registration::Registered(account) => (StatusCode::CREATED, Json(AccountView::from(account))).into_response(),
        Registration::EmailTaken => Problem::from(AuthError::UserAlreadyExists).into_response(),
    })
}
