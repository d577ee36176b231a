//! Logging in: fastapi-users' form, and the second step where the person has a second factor.
//!
//! What it must keep: known and unknown addresses get the same answer for the same work; every try is counted before the
//! password, or the code, is looked at; no connection is held while a hash is computed; a session begins only with
//! everything that the person and the tenant ask for.

use std::sync::Arc;

use api::{
    App, ClientAddress, Clock, Json as JsonIn, Problem, RequestOrigin, RouteClass, SettingError, Visitor, parse_form,
    random_bytes, read_body,
};
use axum::{Json, Router, body::Body, extract::State, routing::post};
use chrono::{DateTime, TimeDelta, Utc};
use garde::Validate;
use http::{HeaderMap, header};
use identity::{ACCESS_TOKEN_SECONDS, Claims, Verifier};
use ids::{SessionId, TenantId, TokenId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    AuthState,
    domain::{
        opaque_token::{OpaqueToken, from_hex, hash_of, hex},
        password::{Password, Verdict},
        recovery_code,
        session::{CHALLENGE_SECONDS, lifetimes},
        totp,
    },
    error::AuthError,
    routes::{
        mfa::TOTP_SEED,
        refusals::{GivingFactor, JsonBody, LoggingIn},
    },
    secrets::{Purpose, Secrets, configured},
    store::{
        self,
        log_in_attempts::{Attempt, CountedBy, Throttle},
        mfa::{NewChallenge, Proof},
        sessions::{LogInRow, NewSession, VerifiedPassword},
    },
};

/// The largest form: an address, a password and a scope, percent-encoded, with room to spare.
const FORM_BYTES_MAX: usize = 16 * 1024;

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/auth/jwt/login", post(log_in))
        .route("/auth/mfa/verify", post(give_factor))
        .route_layer(RouteClass::Credentials.layer())
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
    #[schema(example = "")]
    scope: String,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "grant_type")]
    #[schema(deprecated, example = "password")]
    _grant_type: Option<String>,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "client_id")]
    #[schema(deprecated, example = "")]
    _client_id: Option<String>,
    /// Taken and ignored, as fastapi-users does.
    #[serde(default, rename = "client_secret")]
    #[schema(deprecated, example = "")]
    _client_secret: Option<String>,
}

/// The tokens of a session.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c3JfMDFoNDU1In0.c2lnbmF0dXJl",
    "token_type": "bearer", "expires_in": 600, "refresh_token": "bXkgcmVmcmVzaCB0b2tlbiwgMjU2IGJpdHMgb2YgaXQgaW4"}))]
pub(crate) struct SessionTokens {
    /// Send it as `Authorization: Bearer …`.
    pub(crate) access_token: String,
    #[schema(example = "bearer")]
    pub(crate) token_type: &'static str,
    /// How long the access token lives, in seconds.
    #[schema(example = 600)]
    pub(crate) expires_in: i64,
    /// Gives the next pair of tokens at `POST /auth/refresh`, once.
    pub(crate) refresh_token: String,
    /// True where the tenant asks for a second factor and the person has none: the session acts in no tenant until one
    /// is enrolled (`POST /auth/mfa/totp`) and `POST /auth/switch-tenant` is called.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mfa_enrolment_required: bool,
}

/// The first step was right; the second factor is still owed.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "mfa_token": "b25lIGxvZy1pbiwgaGFsZiBkb25lLCBmaXZlIG1pbnV0ZXM", "mfa_methods": ["totp", "recovery_code"], "expires_in": 300}))]
pub(crate) struct MfaChallenge {
    /// Names this log-in at `POST /auth/mfa/verify`; it opens nothing by itself.
    mfa_token: String,
    /// What may be given there.
    #[schema(example = json!(["totp", "recovery_code"]))]
    mfa_methods: [&'static str; 2],
    /// How long the second step may take, in seconds.
    #[schema(example = 300)]
    expires_in: i64,
}

/// What logging in gives: the tokens, or where a second factor is owed, a challenge.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(crate) enum LoggedIn {
    Tokens(SessionTokens),
    Challenge(MfaChallenge),
}

/// Begins a session and gives its tokens; where the person has a second factor, asks for it first.
#[utoipa::path(post, path = "/auth/jwt/login", operation_id = "log_in", tag = "auth",
    request_body(content = LogIn, content_type = "application/x-www-form-urlencoded",
        example = json!({ "username": "ada@example.com", "password": "correct horse battery staple" })),
    responses((status = 200, description = "The tokens, or a challenge", body = LoggedIn), LoggingIn))]
#[expect(clippy::too_many_arguments, reason = "a handler's arguments are what the request is made of")]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    Visitor(address): Visitor,
    origin: RequestOrigin,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<LoggedIn>, Problem> {
    let (secrets, verifier) = (configured(&secrets)?, configured(&verifier)?);
    let form: LogIn = read_form(&headers, body).await?;
    let slug = tenant_slug(&form.scope)?;
    let email_key = email::key(&form.username);
    let attempt = secrets.attempt(Purpose::ThrottledAccount, email_key.as_bytes(), &address, clock.now())?;
    let counted_by = begin(&attempt, &app).await?;

    // Given back before the hash is computed, which takes longer than everything else together.
    let found = store::sessions::find_log_in(&app.open_database().await?, &email_key, slug).await?;
    let password = Password::new(&form.password);
    let verdict = password.verify(found.as_ref().map(|found| found.password_hash.as_str()));
    let upgraded_hash = match verdict {
        Verdict::RightButOutdated => password.hash(random_bytes()?),
        Verdict::Right | Verdict::Wrong => None,
    };

    let db = app.open_database().await?;
    // Where nobody is to learn who has an account, registering one and logging in to it must not tell either.
    let may_enter = |found: &LogInRow| found.is_active && (found.is_verified || !secrets.hides_accounts);
    let meant = found.as_ref().map(|found| (found.user_id, found.tenant_id));
    let Some(found) = found.filter(|found| verdict != Verdict::Wrong && may_enter(found)) else {
        attempt.failed(&db, counted_by, meant, &origin).await?;
        return Err(AuthError::BadCredentials.into());
    };
    if secrets.requires_verified_email && !found.is_verified {
        attempt.succeeded(&app.store).await;
        return Err(AuthError::UserNotVerified.into());
    }
    if slug.is_some() && found.tenant_id.is_none() {
        return Err(AuthError::UnknownTenantScope.into());
    }
    let verified = VerifiedPassword { password_hash: &found.password_hash, upgraded_hash, account: &attempt.account };

    if found.has_mfa {
        let token = OpaqueToken::new(random_bytes()?);
        let challenge = NewChallenge {
            challenge_hash: token.hash(),
            user_id: found.user_id,
            tenant_id: found.tenant_id,
            at: clock.now(),
            expires_at: clock.now() + TimeDelta::seconds(CHALLENGE_SECONDS),
            password: verified,
        };
        if !store::mfa::open_challenge(&db, &challenge).await? {
            return Err(AuthError::BadCredentials.into());
        }
        attempt.succeeded(&app.store).await;
        let mfa_methods = ["totp", "recovery_code"];
        let challenge = MfaChallenge { mfa_token: token.into_text(), mfa_methods, expires_in: CHALLENGE_SECONDS };
        return Ok(Json(LoggedIn::Challenge(challenge)));
    }

    // A tenant that wants a second factor is not entered without one; the person can enrol one and switch to it.
    let tenant = found.tenant_id.filter(|_| !found.tenant_wants_mfa);
    let beginning = Beginning::new(found.user_id, tenant, None, clock.now(), &origin)?;
    if !store::sessions::open(&db, &beginning.row(), &verified).await? {
        return Err(AuthError::BadCredentials.into());
    }
    drop(db);
    attempt.succeeded(&app.store).await;
    let tokens = beginning.tokens(secrets, verifier, found.tenant_wants_mfa);
    Ok(Json(LoggedIn::Tokens(tokens)))
}

/// The second step of a log-in: one of the two codes. Holds secrets, so it has no `Debug`.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenFactor {
    /// What the first step gave.
    #[garde(skip)]
    mfa_token: String,
    /// The six digits that the app shows.
    #[garde(skip)]
    #[schema(example = "492039")]
    code: Option<String>,
    /// One of the ten recovery codes, in place of `code`.
    #[garde(skip)]
    #[schema(example = "1kq5-93dm-x8ea-7w0r")]
    recovery_code: Option<String>,
}

/// Gives the second factor and begins the session.
#[utoipa::path(post, path = "/auth/mfa/verify", operation_id = "give_factor", tag = "auth",
    request_body(content = GivenFactor, example = json!({ "mfa_token": "the mfa_token that log-in answered", "code": "492039" })),
    responses((status = 200, description = "The tokens", body = SessionTokens), GivingFactor, JsonBody))]
pub(crate) async fn give_factor(
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    clock: Clock,
    Visitor(address): Visitor,
    origin: RequestOrigin,
    JsonIn(given): JsonIn<GivenFactor>,
) -> Result<Json<SessionTokens>, Problem> {
    let (secrets, verifier) = (configured(&secrets)?, configured(&verifier)?);
    let challenge_hash = hash_of(&given.mfa_token);
    let db = app.open_database().await?;
    let challenge = store::mfa::find_challenge(&db, &challenge_hash, clock.now()).await?;
    let challenge = challenge.ok_or(AuthError::InvalidMfaToken)?;

    let attempt = secrets.attempt(Purpose::ThrottledFactor, challenge.user_id.as_bytes(), &address, clock.now())?;
    let counted_by = begin(&attempt, &app).await?;
    let proof = match (&given.code, &given.recovery_code) {
        (Some(code), None) => {
            let sealed = from_hex(&challenge.sealed_seed).unwrap_or_default();
            let seed = secrets.sealing_keys.open(TOTP_SEED, challenge.user_id, &sealed);
            let seed = seed.map_err(|error| Problem::internal(format_args!("a sealed seed: {error:?}")))?;
            totp::parse_code(code).and_then(|code| totp::matching_step(&seed, &code, clock.now())).map(Proof::Step)
        }
        (None, Some(code)) => recovery_code::hash(code).map(Proof::RecoveryCodeHash),
        _ => return Err(AuthError::OneFactorWanted.into()),
    };

    let beginning = Beginning::new(challenge.user_id, challenge.tenant_id, Some(clock.now()), clock.now(), &origin)?;
    let is_begun = match &proof {
        Some(proof) => {
            store::mfa::complete_challenge(&db, &challenge_hash, proof, &attempt.account, &beginning.row()).await?
        }
        None => false,
    };
    if !is_begun {
        attempt.failed(&db, counted_by, Some((challenge.user_id, challenge.tenant_id)), &origin).await?;
        return Err(AuthError::InvalidMfaCode.into());
    }
    drop(db);
    attempt.succeeded(&app.store).await;
    Ok(Json(beginning.tokens(secrets, verifier, false)))
}

/// Counts a try, or refuses it.
pub(crate) async fn begin(attempt: &Attempt, app: &App) -> Result<CountedBy, Problem> {
    match attempt.begin(app).await? {
        Throttle::LetThrough(counted_by) => Ok(counted_by),
        Throttle::Wait(wait) => Err(AuthError::LogInThrottled { wait }.into()),
    }
}

/// A session that is about to begin, with the refresh token that only its client will know.
struct Beginning<'a> {
    user: UserId,
    tenant: Option<TenantId>,
    session: SessionId,
    refresh_token: OpaqueToken,
    mfa_at: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
    origin: &'a RequestOrigin,
}

impl<'a> Beginning<'a> {
    fn new(
        user: Uuid,
        tenant: Option<Uuid>,
        mfa_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
        origin: &'a RequestOrigin,
    ) -> Result<Self, Problem> {
        let refresh_token = OpaqueToken::new(random_bytes()?);
        let (user, tenant) = (user.into(), tenant.map(Into::into));
        Ok(Self { user, tenant, session: SessionId::new(), refresh_token, mfa_at, at, origin })
    }

    fn row(&self) -> NewSession<'a> {
        let (expires_at, ends_at) = lifetimes(self.at);
        NewSession {
            session_id: self.session.uuid(),
            user_id: self.user.uuid(),
            tenant_id: self.tenant.map(TenantId::uuid),
            refresh_token_hash: self.refresh_token.hash(),
            expires_at,
            ends_at,
            mfa_at: self.mfa_at,
            at: self.at,
            origin: self.origin,
        }
    }

    fn tokens(self, secrets: &Secrets, verifier: &Verifier, mfa_enrolment_required: bool) -> SessionTokens {
        let access_token = access_token(secrets, verifier, (self.user, self.tenant, self.session), self.at);
        SessionTokens::new(access_token, self.refresh_token.into_text(), mfa_enrolment_required)
    }
}

impl SessionTokens {
    pub(crate) fn new(access_token: String, refresh_token: String, mfa_enrolment_required: bool) -> Self {
        let expires_in = ACCESS_TOKEN_SECONDS;
        Self { access_token, token_type: "bearer", expires_in, refresh_token, mfa_enrolment_required }
    }
}

/// A new access token of a session.
pub(crate) fn access_token(
    secrets: &Secrets,
    verifier: &Verifier,
    (user, tenant, session): (UserId, Option<TenantId>, SessionId),
    now: DateTime<Utc>,
) -> String {
    let lifetime = TimeDelta::seconds(ACCESS_TOKEN_SECONDS);
    let claims = Claims::new(verifier, user, tenant, session, TokenId::new(), now, lifetime);
    identity::sign(&secrets.signing_key, &claims)
}

impl Secrets {
    /// A try that is to be counted, under a name that tells nobody whose it is.
    pub(crate) fn attempt(
        &self,
        purpose: Purpose,
        whose: &[u8],
        address: &ClientAddress,
        at: DateTime<Utc>,
    ) -> Result<Attempt, Problem> {
        Ok(Attempt { account: hex(&self.digest(purpose, whose)?), address: address.limit_key(), at })
    }
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
