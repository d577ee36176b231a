//! Forgotten passwords: ask for a message, and set a new password with the token that it brings.
//!
//! What must stay true: asking answers alike for every address, with the same work; a token is good once, for an hour;
//! a new password ends every session.

use std::sync::Arc;

use api::{App, Clock, Json as JsonIn, Problem, RequestOrigin, RouteClass, SettingError, Visitor, random_bytes};
use axum::{Json, Router, extract::State, routing::post};
use email::EmailAddress;
use garde::Validate;
use http::StatusCode;
use ids::EventId;
use serde::Deserialize;

use crate::{
    AuthState,
    domain::{
        opaque_token::{hash_of, hex},
        password::{Password, PasswordContext},
    },
    error::{AuthError, PasswordCode},
    routes::refusals::{AskingForMail, JsonBody, UsingMailToken},
    secrets::{Purpose, Secrets, configured},
    store::{self, mail_tokens::PasswordReset, users::PasswordContextRow},
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/auth/forgot-password", post(forget_password))
        .route("/auth/reset-password", post(reset_password))
        .route_layer(RouteClass::Credentials.layer())
}

/// Whose mailbox a message is to go to.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mailbox {
    #[garde(custom(is_email))]
    #[schema(example = "ada@example.com")]
    pub(crate) email: String,
}

pub(crate) fn is_email(text: &str, _: &()) -> garde::Result {
    EmailAddress::parse(text).map(|_| ()).map_err(garde::Error::new)
}

/// Sends a token to whoever has the address, if anybody; the answer is the same for every address.
#[utoipa::path(post, path = "/auth/forgot-password", operation_id = "forget_password", tag = "auth",
    request_body(content = Mailbox, example = json!({ "email": "ada@example.com" })),
    responses((status = 202, description = "Taken", body = inline(api::Null)), AskingForMail, JsonBody))]
pub(crate) async fn forget_password(
    State(app): State<Arc<App>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    JsonIn(mailbox): JsonIn<Mailbox>,
) -> Result<(StatusCode, Json<()>), Problem> {
    request_mail(&app, "mail.password_reset", &mailbox, clock, &origin).await
}

/// Asks for a message, for known and unknown addresses alike.
pub(crate) async fn request_mail(
    app: &App,
    kind: &str,
    mailbox: &Mailbox,
    clock: Clock,
    origin: &RequestOrigin,
) -> Result<(StatusCode, Json<()>), Problem> {
    let db = app.open_database().await?;
    store::mail_tokens::request(&db, kind, &email::key(&mailbox.email), clock.now(), origin).await?;
    Ok((StatusCode::ACCEPTED, Json(())))
}

/// A token from a message, and the password that is to be.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    #[garde(skip)]
    token: String,
    /// At least 8 characters (or what the deployment or a tenant wants), at most 128; any characters.
    #[garde(skip)]
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// Sets a new password with the token of a message. All sessions end.
#[utoipa::path(post, path = "/auth/reset-password", operation_id = "reset_password", tag = "auth",
    request_body(content = NewPassword,
        example = json!({ "token": "the token that came by mail", "password": "correct horse battery staple" })),
    responses((status = 200, description = "Done", body = inline(api::Null)), UsingMailToken, JsonBody))]
pub(crate) async fn reset_password(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    JsonIn(new): JsonIn<NewPassword>,
) -> Result<Json<()>, Problem> {
    let secrets = configured(&secrets)?;
    let token_hash = hash_of(&new.token);
    // Given back before the hash is computed.
    let found = store::mail_tokens::find_password_reset(&app.open_database().await?, &token_hash, clock.now()).await?;
    let context = found.ok_or(AuthError::ResetBadToken)?;
    let password_hash = hashed(&new.password, PasswordCode::Reset, secrets, &context)?;
    let reset = PasswordReset {
        token_hash: &token_hash,
        password_hash,
        account: hex(&secrets.digest(Purpose::ThrottledAccount, email::key(&context.email).as_bytes())?),
        password_event_id: EventId::new().uuid(),
        at: clock.now(),
        origin: &origin,
    };
    match store::mail_tokens::reset_password(&app.open_database().await?, &reset).await? {
        true => Ok(Json(())),
        false => Err(AuthError::ResetBadToken.into()),
    }
}

/// Checks a new password by every rule that holds for the person, and hashes it.
pub(crate) fn hashed(
    typed: &str,
    code: PasswordCode,
    secrets: &Secrets,
    context: &PasswordContextRow,
) -> Result<String, Problem> {
    let address = EmailAddress::parse(&context.email).map_err(Problem::internal)?;
    let password = Password::new(typed);
    let tenant_names: Vec<&str> = context.tenant_names.iter().map(String::as_str).collect();
    let chars_min = secrets.password_chars_min.max(context.chars_min);
    password
        .check(&PasswordContext { chars_min, email: &address, tenant_names: &tenant_names })
        .map_err(|refusal| AuthError::InvalidPassword(code, refusal))?;
    password.hash(random_bytes()?).ok_or_else(|| Problem::internal("Argon2 refused its parameters"))
}
