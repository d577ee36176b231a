//! Sessions, from log-in to their end. Log-in looks a person up before anybody is known, through a function that answers
//! for one address; refreshing, through one that answers for one token.

use api::RequestOrigin;
use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use identity::{Caller, Person};
use ids::{SessionId, TenantId, UserId};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use uuid::Uuid;

use super::users::TenantRow;
use crate::domain::session::{IDLE_SECONDS, RETRY_SECONDS};

/// What log-in needs to know of a person. Holds a hash, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct LogInRow {
    pub(crate) user_id: Uuid,
    pub(crate) password_hash: String,
    pub(crate) is_active: bool,
    pub(crate) is_verified: bool,
    /// Whether a second factor is owed.
    pub(crate) has_mfa: bool,
    /// The tenant that the scope names, else the last used, else the oldest.
    pub(crate) tenant_id: Option<Uuid>,
    /// Whether that tenant lets nobody in without a second factor.
    pub(crate) tenant_wants_mfa: bool,
}

/// A session to begin. Holds no token, only the hash of one.
#[derive(Serialize)]
pub(crate) struct NewSession<'a> {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    /// In hex.
    pub(crate) refresh_token_hash: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) ends_at: DateTime<Utc>,
    pub(crate) mfa_at: Option<DateTime<Utc>>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// A password that was just verified. Holds hashes, so it has no `Debug`.
#[derive(Serialize)]
pub(crate) struct VerifiedPassword<'a> {
    /// The hash that was verified: it must still be the person's.
    pub(crate) password_hash: &'a str,
    /// What takes its place, if it was made with other parameters than ours.
    pub(crate) upgraded_hash: Option<String>,
    /// Whose failed log-ins to forget, in hex.
    pub(crate) account: &'a str,
}

/// What exchanging a refresh token came to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refresh {
    /// The successor is the one whose hash was given.
    Refreshed(RefreshedRow),
    /// The token was used before: its session has ended.
    Reused,
}

/// A session that goes on.
#[derive(Deserialize)]
pub(crate) struct RefreshedRow {
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) session_id: Uuid,
}

/// A living session.
#[derive(Deserialize)]
pub(crate) struct SessionRow {
    id: Uuid,
    tenant_id: Option<Uuid>,
    pub(crate) user_agent: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) last_used_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) has_mfa: bool,
    pub(crate) is_current: bool,
}

impl SessionRow {
    /// The typed id.
    pub(crate) fn id(&self) -> SessionId {
        self.id.into()
    }

    /// The tenant that it acts in.
    pub(crate) fn tenant_id(&self) -> Option<TenantId> {
        self.tenant_id.map(Into::into)
    }
}

impl RefreshedRow {
    /// The typed ids.
    pub(crate) fn ids(&self) -> (UserId, Option<TenantId>, SessionId) {
        (self.user_id.into(), self.tenant_id.map(Into::into), self.session_id.into())
    }
}

/// What switching to a tenant came to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    /// The session acts in it from now on.
    Switched(TenantRow),
    /// It is none of the person's.
    NotMember,
    /// It lets nobody in without a second factor.
    MfaRequired,
}

/// The person with this address, and the tenant to act in.
pub(crate) async fn find_log_in(db: &Db, email_key: &str, slug: Option<&str>) -> Result<Option<LogInRow>, DbError> {
    let args = json!({ "email_key": email_key, "slug": slug });
    db.call_unentered(Effect::Reads, "auth.find_log_in", &args).await
}

/// Begins a session; false if the password changed or the account was closed meanwhile.
pub(crate) async fn open(db: &Db, session: &NewSession<'_>, password: &VerifiedPassword<'_>) -> Result<bool, DbError> {
    #[derive(Serialize)]
    struct Args<'a> {
        #[serde(flatten)]
        session: &'a NewSession<'a>,
        #[serde(flatten)]
        password: &'a VerifiedPassword<'a>,
    }
    let args = Args { session, password };
    let opened: Option<IgnoredAny> = db.call_unentered(Effect::Writes, "auth.open_session", &args).await?;
    Ok(opened.is_some())
}

/// Exchanges the refresh token with this hash for its successor; `None` for one that is unknown or over.
pub(crate) async fn refresh(
    db: &Db,
    hash: &str,
    successor_hash: &str,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Option<Refresh>, DbError> {
    let args = json!({
        "hash": hash, "successor_hash": successor_hash, "at": at, "origin": origin,
        "idle_seconds": IDLE_SECONDS, "retry_seconds": RETRY_SECONDS,
    });
    db.call_unentered(Effect::Writes, "auth.refresh_session", &args).await
}

/// Ends the caller's own session.
pub(crate) async fn log_out(caller: &Person, at: DateTime<Utc>, origin: &RequestOrigin) -> Result<(), DbError> {
    let _: Option<IgnoredAny> = caller.write("auth.log_out", &json!({ "at": at, "origin": origin })).await?;
    Ok(())
}

/// The caller's living sessions.
pub(crate) async fn list(caller: &Person, at: DateTime<Utc>) -> Result<Vec<SessionRow>, DbError> {
    let function = "auth.list_sessions";
    DbError::answered(function, caller.read(function, &json!({ "at": at })).await?)
}

/// Ends one of the caller's sessions, or without one all but the current; gives how many ended.
pub(crate) async fn revoke(
    caller: &Person,
    session: Option<SessionId>,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<u32, DbError> {
    #[derive(Deserialize)]
    struct Answer {
        revoked: u32,
    }
    let function = "auth.revoke_sessions";
    let args = json!({ "session_id": session.map(SessionId::uuid), "at": at, "origin": origin });
    let answer: Answer = DbError::answered(function, caller.write(function, &args).await?)?;
    Ok(answer.revoked)
}

/// Moves the caller's session to another tenant.
pub(crate) async fn switch_tenant(
    caller: &Caller,
    tenant: TenantId,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Switch, DbError> {
    let function = "auth.switch_tenant";
    let args = json!({ "tenant_id": tenant.uuid(), "at": at, "origin": origin });
    DbError::answered(function, caller.write(function, &args).await?)
}
