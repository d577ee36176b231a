//! Second factors: enrol an authenticator app, confirm it, remove it, renew the recovery codes.
//!
//! What must stay true: whoever only holds a session changes nothing here without the password; a seed leaves once, when
//! it is made, and rests sealed for its person; recovery codes are shown once and kept as hashes. Every password that is
//! given here counts like a log-in.

use std::sync::Arc;

use api::{App, ClientAddress, Clock, Json as JsonIn, Problem, RequestOrigin, RouteClass, SettingError, random_bytes};
use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use garde::Validate;
use http::StatusCode;
use identity::{Person, Verifier};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::{
        opaque_token::{from_hex, hex},
        password::{Password, Verdict},
        recovery_code, totp,
    },
    error::AuthError,
    routes::{
        log_in::begin,
        refusals::{ChangingFactor, JsonBody, Oneself},
    },
    secrets::{Purpose, Secrets, configured},
    store::{
        self,
        mfa::{FactorChange, FactorRow},
    },
};

/// What seeds are sealed for.
pub(crate) const TOTP_SEED: &str = "auth totp seed";

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/auth/mfa", get(find_mfa))
        .route("/auth/mfa/totp", post(enrol_totp).delete(remove_totp))
        .route("/auth/mfa/totp/confirm", post(confirm_totp))
        .route("/auth/mfa/recovery-codes", post(renew_recovery_codes))
        .route_layer(RouteClass::Credentials.layer())
}

/// The password again, because a session alone is not enough here.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreshPassword {
    #[garde(skip)]
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// What the person has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "totp": true, "recovery_codes_left": 10 }))]
pub(crate) struct MfaView {
    /// Whether log-in asks for a code.
    totp: bool,
    /// How many recovery codes are left.
    #[schema(example = 10)]
    recovery_codes_left: u32,
}

/// Says which second factor the caller has.
#[utoipa::path(get, path = "/auth/mfa", operation_id = "find_mfa", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "The factor", body = MfaView), Oneself))]
pub(crate) async fn find_mfa(caller: Person) -> Result<Json<MfaView>, Problem> {
    let factor = factor_of(&caller).await?;
    Ok(Json(MfaView { totp: factor.confirmed_at.is_some(), recovery_codes_left: factor.recovery_codes_left }))
}

/// A seed for an authenticator app; shown this once.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "otpauth_uri": "otpauth://totp/bizosaas:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=bizosaas&algorithm=SHA1&digits=6&period=30"}))]
pub(crate) struct NewTotp {
    /// To be typed into the app, in base32.
    #[schema(example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")]
    secret: String,
    /// To be shown as a QR code, or opened on the phone.
    #[schema(example = "otpauth://totp/bizosaas:ada%40example.com?secret=…")]
    otpauth_uri: String,
}

/// Begins to enrol an authenticator app. Nothing changes until a code of it is confirmed.
#[utoipa::path(post, path = "/auth/mfa/totp", operation_id = "enrol_totp", tag = "auth", security(("bearer" = [])),
    request_body(content = FreshPassword, example = json!({ "password": "correct horse battery staple" })),
    responses((status = 201, description = "The seed", body = NewTotp), ChangingFactor, JsonBody))]
#[expect(clippy::too_many_arguments, reason = "a handler's arguments are what the request is made of")]
pub(crate) async fn enrol_totp(
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    address: ClientAddress,
    origin: RequestOrigin,
    JsonIn(fresh): JsonIn<FreshPassword>,
) -> Result<(StatusCode, Json<NewTotp>), Problem> {
    let (secrets, verifier) = (configured(&secrets)?, configured(&verifier)?);
    let factor = factor_of(&caller).await?;
    check_password(&app, secrets, &caller, &factor, &fresh, (clock, &address, &origin)).await?;

    let seed: [u8; totp::SEED_BYTES] = random_bytes()?;
    let owner = caller.claims().sub.uuid();
    let sealed = secrets.sealing_keys.seal(TOTP_SEED, owner, &seed, random_bytes()?);
    settled(store::mfa::enrol(&caller, &factor.password_hash, &hex(&sealed), clock.now()).await?)?;
    let (issuer, _) = verifier.issuer_and_audience();
    let otpauth_uri = totp::otpauth_uri(&seed, issuer, &factor.email);
    Ok((StatusCode::CREATED, Json(NewTotp { secret: totp::base32(&seed), otpauth_uri })))
}

/// A first code of the app.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirstCode {
    /// The six digits that the app shows.
    #[garde(skip)]
    #[schema(example = "492039")]
    code: String,
}

/// Ten recovery codes; shown this once.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "recovery_codes": [
    "1kq5-93dm-x8ea-7w0r", "38ax-h7kv-r1mq-4nhq", "eygm-kma5-hj3v-7xt2", "che6-b65x-k70c-7bem",
    "k8b6-q29f-vtw5-mrsb", "7r2m-n5dz-g9yf-sarv", "6b00-b3nt-n8qr-k2ez", "ea4w-0fjv-p9s3-b95k",
    "gsr1-r1g9-68sc-5qza", "j51x-jkkw-ac6g-jqte"]}))]
pub(crate) struct RecoveryCodes {
    /// Each works once, in place of a code of the app.
    #[schema(example = json!(["1kq5-93dm-x8ea-7w0r"]))]
    recovery_codes: Vec<String>,
}

/// Confirms the app with a first code. From now on log-in asks for one.
#[utoipa::path(post, path = "/auth/mfa/totp/confirm", operation_id = "confirm_totp", tag = "auth",
    security(("bearer" = [])), request_body(content = FirstCode, example = json!({ "code": "492039" })),
    responses((status = 200, description = "The recovery codes", body = RecoveryCodes), ChangingFactor, JsonBody))]
pub(crate) async fn confirm_totp(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    address: ClientAddress,
    origin: RequestOrigin,
    JsonIn(given): JsonIn<FirstCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let secrets = configured(&secrets)?;
    let factor = factor_of(&caller).await?;
    let (None, Some(sealed_seed)) = (factor.confirmed_at, &factor.sealed_seed) else {
        let refusal =
            if factor.confirmed_at.is_some() { AuthError::MfaAlreadyEnrolled } else { AuthError::MfaNotEnrolled };
        return Err(refusal.into());
    };
    let owner = caller.claims().sub.uuid();
    let attempt = secrets.attempt(Purpose::ThrottledFactor, owner.as_bytes(), &address, clock.now())?;
    begin(&attempt, &app).await?;
    let seed = secrets
        .sealing_keys
        .open(TOTP_SEED, owner, &from_hex(sealed_seed).unwrap_or_default())
        .map_err(|error| Problem::internal(format_args!("a sealed seed: {error:?}")))?;
    let step = totp::parse_code(&given.code).and_then(|code| totp::matching_step(&seed, &code, clock.now()));
    let step = step.ok_or(AuthError::InvalidMfaCode)?;
    let (codes, hashes) = new_recovery_codes()?;
    settled(store::mfa::confirm(&caller, sealed_seed, step, &hashes, clock.now(), &origin).await?)?;
    attempt.succeeded(&app.store).await;
    Ok(Json(RecoveryCodes { recovery_codes: codes }))
}

/// Removes the factor: log-in asks for the password alone.
#[utoipa::path(delete, path = "/auth/mfa/totp", operation_id = "remove_totp", tag = "auth", security(("bearer" = [])),
    request_body(content = FreshPassword, example = json!({ "password": "correct horse battery staple" })),
    responses((status = 204, description = "Removed, with the recovery codes"), ChangingFactor, JsonBody))]
pub(crate) async fn remove_totp(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    address: ClientAddress,
    origin: RequestOrigin,
    JsonIn(fresh): JsonIn<FreshPassword>,
) -> Result<StatusCode, Problem> {
    let secrets = configured(&secrets)?;
    let factor = factor_of(&caller).await?;
    check_password(&app, secrets, &caller, &factor, &fresh, (clock, &address, &origin)).await?;
    settled(store::mfa::remove(&caller, &factor.password_hash, clock.now(), &origin).await?)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts ten new recovery codes in the place of the old ones.
#[utoipa::path(post, path = "/auth/mfa/recovery-codes", operation_id = "renew_recovery_codes", tag = "auth",
    security(("bearer" = [])), request_body(content = FreshPassword, example = json!({ "password": "correct horse battery staple" })),
    responses((status = 200, description = "The codes", body = RecoveryCodes), ChangingFactor, JsonBody))]
pub(crate) async fn renew_recovery_codes(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    caller: Person,
    clock: Clock,
    address: ClientAddress,
    origin: RequestOrigin,
    JsonIn(fresh): JsonIn<FreshPassword>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let secrets = configured(&secrets)?;
    let factor = factor_of(&caller).await?;
    check_password(&app, secrets, &caller, &factor, &fresh, (clock, &address, &origin)).await?;
    let (codes, hashes) = new_recovery_codes()?;
    let hash = &factor.password_hash;
    settled(store::mfa::renew_recovery_codes(&caller, hash, &hashes, clock.now(), &origin).await?)?;
    Ok(Json(RecoveryCodes { recovery_codes: codes }))
}

async fn factor_of(caller: &Person) -> Result<FactorRow, Problem> {
    // The entry found the person's session a moment ago in the same statement, so the row is there.
    store::mfa::find(caller).await?.ok_or_else(|| Problem::internal("no row of the caller"))
}

/// Whether the password is the caller's; a wrong one counts like a log-in that failed.
async fn check_password(
    app: &Arc<App>,
    secrets: &Secrets,
    caller: &Person,
    factor: &FactorRow,
    fresh: &FreshPassword,
    (clock, address, origin): (Clock, &ClientAddress, &RequestOrigin),
) -> Result<(), Problem> {
    let account = email::key(&factor.email);
    let attempt = secrets.attempt(Purpose::ThrottledAccount, account.as_bytes(), address, clock.now())?;
    let counted_by = begin(&attempt, app).await?;
    // A hash takes longer than everything else together.
    caller.without_connection().await;
    if Password::new(&fresh.password).verify(Some(&factor.password_hash)) != Verdict::Wrong {
        attempt.succeeded(&app.store).await;
        return Ok(());
    }
    let claims = caller.claims();
    let meant = (claims.sub.uuid(), claims.tid.map(|tenant| tenant.uuid()));
    attempt.failed(&app.open_database().await?, counted_by, Some(meant), origin).await?;
    Err(AuthError::WrongPassword.into())
}

fn settled(change: FactorChange) -> Result<(), Problem> {
    Err(match change {
        FactorChange::Done(_) => return Ok(()),
        FactorChange::AlreadyEnrolled => AuthError::MfaAlreadyEnrolled,
        FactorChange::NotEnrolled => AuthError::MfaNotEnrolled,
        FactorChange::CodeUsed => AuthError::InvalidMfaCode,
        FactorChange::Changed => AuthError::WrongPassword,
    }
    .into())
}

/// New codes, and the hashes to keep of them.
fn new_recovery_codes() -> Result<(Vec<String>, Vec<String>), Problem> {
    let mut codes = Vec::with_capacity(recovery_code::COUNT);
    for _ in 0..recovery_code::COUNT {
        codes.push(recovery_code::render(&random_bytes()?));
    }
    let hashes = codes.iter().filter_map(|code| recovery_code::hash(code)).collect();
    Ok((codes, hashes))
}
