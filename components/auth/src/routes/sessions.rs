//! Sessions: log in, log out.
//!
//! Log-in is fastapi-users' form. What it must keep: known and unknown addresses get the same answer for the same
//! work; every try is counted before the password is looked at; no connection is held while a hash is computed.

use std::sync::Arc;

use api::{App, Clock, Problem, SettingError, Visitor, parse_form, read_body};
use axum::{Json, Router, body::Body, extract::State, routing::post};
use chrono::TimeDelta;
use http::{HeaderMap, StatusCode, header};
use identity::{ACCESS_TOKEN_SECONDS, Claims, Person, Verifier};
use ids::{SessionId, TokenId};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::password::Password,
    error::AuthError,
    routes::refusals::{LoggingIn, LoggingOut},
    secrets::{Purpose, Secrets},
    store::{
        self,
        log_in_attempts::{Attempt, Throttle},
        sessions::NewSession,
    },
};

/// The largest form: an address, a password and a scope, percent-encoded, with room to spare.
const FORM_BYTES_MAX: usize = 16 * 1024;
/// The longest `User-Agent` that is kept.
const USER_AGENT_CHARS_MAX: usize = 400;

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/auth/jwt/login", post(log_in)).route("/auth/jwt/logout", post(log_out))
}

/// The form of OAuth 2.0's password grant, as fastapi-users takes it. Holds a password, so it has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogIn {
    /// The email address.
    #[schema(example = "ada@example.com")]
    username: String,
    #[schema(example = "correct horse battery staple")]
    password: String,
    /// `tenant:<slug>` chooses the tenant; without it the last used, else the oldest membership.
    #[serde(default)]
    #[schema(example = "tenant:analytical-engines")]
    scope: String,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "grant_type")]
    #[schema(deprecated)]
    _grant_type: Option<String>,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "client_id")]
    #[schema(deprecated)]
    _client_id: Option<String>,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "client_secret")]
    #[schema(deprecated)]
    _client_secret: Option<String>,
}

/// An access token.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LoggedIn {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// How long the token lives, in seconds.
    #[schema(example = 600)]
    expires_in: i64,
}

/// Begins a session and gives its access token.
#[utoipa::path(post, path = "/auth/jwt/login", operation_id = "log_in", tag = "auth",
    request_body(content = LogIn, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token", body = LoggedIn), LoggingIn))]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    Visitor(address): Visitor,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LoggedIn>, Problem> {
    let secrets = secrets.as_ref().as_ref().map_err(Clone::clone)?;
    let verifier = verifier.as_ref().as_ref().map_err(Clone::clone)?;
    let form: LogIn = read_form(&headers, body).await?;
    let slug = tenant_slug(&form.scope)?;
    let email_key = email::key(&form.username);
    let account = hex(&secrets.digest(Purpose::ThrottledAccount, email_key.as_bytes())?);
    let attempt = Attempt { account, address: address.limit_key(), at: clock.now() };

    let counted_by = match attempt.begin(&app).await? {
        Throttle::LetThrough(counted_by) => counted_by,
        Throttle::Wait(wait) => return Err(AuthError::LogInThrottled { wait }.into()),
    };
    // Given back before the hash is computed, which takes longer than everything else together.
    let found = store::sessions::find_log_in(&app.open_database().await?, &email_key, slug).await?;

    let is_right = Password::new(&form.password).verify(found.as_ref().map(|found| found.password_hash.as_str()));
    let db = app.open_database().await?;
    let Some(found) = found.filter(|found| is_right && found.is_active) else {
        attempt.failed(&db, counted_by).await?;
        return Err(AuthError::BadCredentials.into());
    };
    if slug.is_some() && found.tenant_id.is_none() {
        return Err(AuthError::UnknownTenantScope.into());
    }

    let session = SessionId::new();
    let lifetime = TimeDelta::seconds(ACCESS_TOKEN_SECONDS);
    let tenant = found.tenant_id.map(Into::into);
    let claims = Claims::new(verifier, found.user_id.into(), tenant, session, TokenId::new(), clock.now(), lifetime);
    let opened = store::sessions::open(
        &db,
        &NewSession {
            session_id: session.uuid(),
            user_id: found.user_id,
            tenant_id: found.tenant_id,
            password_hash: &found.password_hash,
            account: &attempt.account,
            user_agent: user_agent(&headers),
            address: address.text(),
            at: clock.now(),
            // Without refresh tokens a session ends with its only token.
            expires_at: clock.now() + lifetime,
        },
    )
    .await?;
    drop(db);
    if !opened {
        return Err(AuthError::BadCredentials.into());
    }
    attempt.succeeded(&app.store).await;

    let access_token = identity::sign(&secrets.signing_key, &claims);
    Ok(Json(LoggedIn { access_token, token_type: "bearer", expires_in: ACCESS_TOKEN_SECONDS }))
}

/// Ends the caller's session: its tokens are refused from now on, by every component.
#[utoipa::path(post, path = "/auth/jwt/logout", operation_id = "log_out", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"), LoggingOut))]
pub(crate) async fn log_out(caller: Person, clock: Clock) -> Result<StatusCode, Problem> {
    store::sessions::revoke(&caller, clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read_form(headers: &HeaderMap, body: Body) -> Result<LogIn, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(AuthError::FormWanted.into());
    }
    parse_form(&read_body(body, FORM_BYTES_MAX).await?)
}

/// The slug of `tenant:<slug>`; the empty scope names none.
fn tenant_slug(scope: &str) -> Result<Option<&str>, Problem> {
    match (scope.trim(), scope.trim().strip_prefix("tenant:")) {
        ("", _) => Ok(None),
        (_, Some(slug)) if !slug.is_empty() => Ok(Some(slug)),
        _ => Err(AuthError::UnknownTenantScope.into()),
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_CHARS_MAX).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
