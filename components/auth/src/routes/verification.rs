//! Proving an address: ask for a message, and give back the token that it brings.
//!
//! What must stay true: asking answers alike for every address; a token proves the address that it was sent to, once,
//! within a day, and no other.

use std::sync::Arc;

use api::{App, Clock, Json as JsonIn, Problem, RequestOrigin, RouteClass, Visitor};
use axum::{Json, Router, extract::State, routing::post};
use garde::Validate;
use http::StatusCode;
use serde::Deserialize;

use crate::{
    AuthState,
    domain::opaque_token::hash_of,
    error::AuthError,
    routes::{
        passwords::{Mailbox, request_mail},
        refusals::{AskingForMail, JsonBody, UsingMailToken},
        users::AccountView,
    },
    store::{self, mail_tokens::Verification},
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/auth/request-verify-token", post(request_verification))
        .route("/auth/verify", post(verify_email))
        .route_layer(RouteClass::Credentials.layer())
}

/// Sends a token to whoever has the address and has not proven it, if anybody; the answer is the same for every address.
#[utoipa::path(post, path = "/auth/request-verify-token", operation_id = "request_verification", tag = "auth",
    request_body(content = Mailbox, example = json!({ "email": "ada@example.com" })),
    responses((status = 202, description = "Taken", body = inline(api::Null)), AskingForMail, JsonBody))]
pub(crate) async fn request_verification(
    State(app): State<Arc<App>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    JsonIn(mailbox): JsonIn<Mailbox>,
) -> Result<(StatusCode, Json<()>), Problem> {
    request_mail(&app, "mail.verification", &mailbox, clock, &origin).await
}

/// A token from a message.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailToken {
    #[garde(skip)]
    token: String,
}

/// Proves an address with the token of a message. Gives the account.
#[utoipa::path(post, path = "/auth/verify", operation_id = "verify_email", tag = "auth",
    request_body(content = MailToken, example = json!({ "token": "the token that came by mail" })),
    responses((status = 200, description = "The account", body = AccountView), UsingMailToken, JsonBody))]
pub(crate) async fn verify_email(
    State(app): State<Arc<App>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    JsonIn(MailToken { token }): JsonIn<MailToken>,
) -> Result<Json<AccountView>, Problem> {
    let db = app.open_database().await?;
    match store::mail_tokens::verify_email(&db, &hash_of(&token), clock.now(), &origin).await? {
        Some(Verification::Verified(account)) => Ok(Json(account.into())),
        Some(Verification::AlreadyVerified) => Err(AuthError::AlreadyVerified.into()),
        None => Err(AuthError::VerifyBadToken.into()),
    }
}
