//! Sessions: what goes on after log-in. Refresh, switch tenant, list, end.
//!
//! What must stay true: of one refresh token one lineage lives, however many ask at once; a session that ended is refused
//! by every component from the next request on (`app.enter`); nobody sees or ends another person's session.

use std::sync::Arc;

use api::{App, Clock, Json as JsonIn, Path, Problem, RequestOrigin, SettingError, Visitor};
use axum::{
    Json, Router,
    extract::State,
    routing::{delete, get, post},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use http::StatusCode;
use identity::{ACCESS_TOKEN_SECONDS, Person, Verifier};
use ids::{SessionId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::{
        opaque_token::{OpaqueToken, hash_of},
        session::device_name,
    },
    error::AuthError,
    routes::{
        log_in::{SessionTokens, access_token},
        refusals::{EndingSession, JsonBody, LoggingOut, Oneself, Refreshing, SwitchingTenant},
        users::TenantView,
    },
    secrets::{Purpose, Secrets, configured},
    store::{
        self,
        sessions::{Refresh, SessionRow, Switch},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/auth/refresh", post(refresh_session))
        .route("/auth/switch-tenant", post(switch_tenant))
        .route("/auth/sessions", get(list_sessions).delete(revoke_other_sessions))
        .route("/auth/sessions/{id}", delete(revoke_session))
        .route("/auth/jwt/logout", post(log_out))
}

/// A refresh token.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshToken {
    #[garde(skip)]
    refresh_token: String,
}

/// Exchanges a refresh token for the next pair of tokens. Each works once; the one before gives the same successor again
/// for 30 seconds, for clients that lost the answer. An older one ends the session: somebody has stolen it.
#[utoipa::path(post, path = "/auth/refresh", operation_id = "refresh_session", tag = "auth",
    request_body(content = RefreshToken, example = json!({ "refresh_token": "the refresh_token that log-in answered" })),
    responses((status = 200, description = "The next tokens", body = SessionTokens), Refreshing, JsonBody))]
pub(crate) async fn refresh_session(
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    _visitor: Visitor,
    origin: RequestOrigin,
    JsonIn(RefreshToken { refresh_token }): JsonIn<RefreshToken>,
) -> Result<Json<SessionTokens>, Problem> {
    let (secrets, verifier) = (configured(&secrets)?, configured(&verifier)?);
    let successor = OpaqueToken::new(secrets.digest(Purpose::RefreshToken, refresh_token.as_bytes())?);
    let db = app.open_database().await?;
    let hash = hash_of(&refresh_token);
    match store::sessions::refresh(&db, &hash, &successor.hash(), clock.now(), &origin).await? {
        Some(Refresh::Refreshed(row)) => {
            let access_token = access_token(secrets, verifier, row.ids(), clock.now());
            Ok(Json(SessionTokens::new(access_token, successor.into_text(), false)))
        }
        Some(Refresh::Reused) => Err(AuthError::RefreshTokenReused.into()),
        None => Err(AuthError::InvalidRefreshToken.into()),
    }
}

/// Where to go on.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantChoice {
    #[garde(skip)]
    #[schema(value_type = String, example = "ten_01h455vb4pex5vsknk084sn02q")]
    tenant_id: TenantId,
}

/// An access token for another tenant; the refresh token stays the same.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c3JfMDFoNDU1In0.c2lnbmF0dXJl",
    "token_type": "bearer", "expires_in": 600,
    "tenant": { "id": "ten_01h455vb4pex5vsknk084sn02q", "name": "Analytical Engines", "slug": "analytical-engines", "role": "owner" }}))]
pub(crate) struct SwitchedTenant {
    /// Takes the place of the one before, which is refused from now on.
    access_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    #[schema(example = 600)]
    expires_in: i64,
    tenant: TenantView,
}

/// Moves the caller's session to another of their tenants.
#[utoipa::path(post, path = "/auth/switch-tenant", operation_id = "switch_tenant", tag = "auth",
    security(("bearer" = [])),
    request_body(content = TenantChoice, example = json!({ "tenant_id": "ten_01h455vb4pex5vsknk084sn02q" })),
    responses((status = 200, description = "The access token", body = SwitchedTenant), SwitchingTenant, JsonBody))]
pub(crate) async fn switch_tenant(
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
    JsonIn(TenantChoice { tenant_id }): JsonIn<TenantChoice>,
) -> Result<Json<SwitchedTenant>, Problem> {
    let (secrets, verifier) = (configured(&secrets)?, configured(&verifier)?);
    match store::sessions::switch_tenant(&caller, tenant_id, clock.now(), &origin).await? {
        Switch::Switched(tenant) => {
            let claims = caller.claims();
            let access_token = access_token(secrets, verifier, (claims.sub, Some(tenant_id), claims.sid), clock.now());
            let (token_type, expires_in) = ("bearer", ACCESS_TOKEN_SECONDS);
            Ok(Json(SwitchedTenant { access_token, token_type, expires_in, tenant: tenant.into() }))
        }
        Switch::NotMember => Err(AuthError::TenantNotFound.into()),
        Switch::MfaRequired => Err(db::DbError::SecondFactorMissing.into()),
    }
}

/// A living session, as its owner sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SessionView {
    #[schema(value_type = String, example = "ses_01h455vb4pex5vsknk084sn02q")]
    id: SessionId,
    /// The program and system, by what the client calls itself.
    #[schema(example = "Firefox on Linux")]
    device: String,
    /// Where it was last used from.
    #[schema(required)]
    address: Option<String>,
    created_at: DateTime<Utc>,
    /// When it began or was last refreshed; a client refreshes every ten minutes of use.
    last_used_at: DateTime<Utc>,
    /// When it is over if it is not refreshed.
    expires_at: DateTime<Utc>,
    #[schema(value_type = Option<String>, required)]
    tenant_id: Option<TenantId>,
    /// Whether a second factor was given.
    mfa: bool,
    /// Whether this request is of it.
    is_current: bool,
}

impl From<SessionRow> for SessionView {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id(),
            device: device_name(row.user_agent.as_deref().unwrap_or_default()),
            tenant_id: row.tenant_id(),
            address: row.address,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            mfa: row.has_mfa,
            is_current: row.is_current,
        }
    }
}

/// The caller's sessions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "data": [
    { "id": "ses_01h455vb4pex5vsknk084sn02q", "device": "Firefox on Linux", "address": "203.0.113.9",
      "created_at": "2026-01-31T09:30:00.123456Z", "last_used_at": "2026-01-31T11:12:41.000512Z",
      "expires_at": "2026-02-14T11:12:41.000512Z", "tenant_id": "ten_01h455vb4pex5vsknk084sn02q", "mfa": true,
      "is_current": true },
    { "id": "ses_01h455vb4pex5vsknk084sn02r", "device": "Safari on iPhone", "address": "198.51.100.23",
      "created_at": "2026-01-30T18:04:09.734218Z", "last_used_at": "2026-01-31T07:55:13.281904Z",
      "expires_at": "2026-02-14T07:55:13.281904Z", "tenant_id": "ten_01h455vb4pex5vsknk084sn02q", "mfa": true,
      "is_current": false }]}))]
pub(crate) struct SessionList {
    /// The one last used first; a hundred at most.
    data: Vec<SessionView>,
}

/// Lists the caller's living sessions.
#[utoipa::path(get, path = "/auth/sessions", operation_id = "list_sessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "The sessions", body = SessionList), Oneself))]
pub(crate) async fn list_sessions(caller: Person, clock: Clock) -> Result<Json<SessionList>, Problem> {
    let rows = store::sessions::list(&caller, clock.now()).await?;
    Ok(Json(SessionList { data: rows.into_iter().map(SessionView::from).collect() }))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/auth/sessions/{id}", operation_id = "revoke_session", tag = "auth",
    security(("bearer" = [])), params(("id" = String, Path, description = "The session")),
    responses((status = 204, description = "The session has ended"), EndingSession))]
pub(crate) async fn revoke_session(
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<SessionId>,
) -> Result<StatusCode, Problem> {
    match store::sessions::revoke(&caller, Some(id), clock.now(), &origin).await? {
        0 => Err(AuthError::SessionNotFound.into()),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// How many sessions ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "revoked": 3 }))]
pub(crate) struct RevokedSessions {
    #[schema(example = 3)]
    revoked: u32,
}

/// Ends all of the caller's sessions but the current one.
#[utoipa::path(delete, path = "/auth/sessions", operation_id = "revoke_other_sessions", tag = "auth",
    security(("bearer" = [])),
    responses((status = 200, description = "How many ended", body = RevokedSessions), LoggingOut))]
pub(crate) async fn revoke_other_sessions(
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
) -> Result<Json<RevokedSessions>, Problem> {
    let revoked = store::sessions::revoke(&caller, None, clock.now(), &origin).await?;
    Ok(Json(RevokedSessions { revoked }))
}

/// Ends the caller's session: its tokens are refused from now on, by every component.
#[utoipa::path(post, path = "/auth/jwt/logout", operation_id = "log_out", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "The session has ended"), LoggingOut))]
pub(crate) async fn log_out(caller: Person, clock: Clock, origin: RequestOrigin) -> Result<StatusCode, Problem> {
    store::sessions::log_out(&caller, clock.now(), &origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
