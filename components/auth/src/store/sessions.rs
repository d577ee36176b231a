//! Sessions. Log-in looks a person up before anybody is known, through a function that answers for one address.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use identity::Person;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// What log-in needs to know of a person. Holds a hash, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct LogInRow {
    pub(crate) user_id: Uuid,
    pub(crate) password_hash: String,
    pub(crate) is_active: bool,
    /// The tenant that the scope names, else the last used, else the oldest.
    pub(crate) tenant_id: Option<Uuid>,
}

/// A session to begin.
#[derive(Serialize)]
pub(crate) struct NewSession<'a> {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    /// The hash that was verified: it must still be the person's.
    pub(crate) password_hash: &'a str,
    /// Whose failed log-ins to forget, in hex.
    pub(crate) account: &'a str,
    pub(crate) user_agent: Option<String>,
    pub(crate) address: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// The person with this address, and the tenant to act in.
pub(crate) async fn find_log_in(db: &Db, email_key: &str, slug: Option<&str>) -> Result<Option<LogInRow>, DbError> {
    let args = json!({ "email_key": email_key, "slug": slug });
    db.call_unentered(Effect::Reads, "auth.find_log_in", &args).await
}

/// Begins a session; false if the password changed or the account was closed meanwhile.
pub(crate) async fn open(db: &Db, session: &NewSession<'_>) -> Result<bool, DbError> {
    let opened: Option<serde::de::IgnoredAny> = db.call_unentered(Effect::Writes, "auth.open_session", session).await?;
    Ok(opened.is_some())
}

/// Ends the caller's own session.
pub(crate) async fn revoke(caller: &Person, at: DateTime<Utc>) -> Result<(), DbError> {
    let _: Option<serde::de::IgnoredAny> = caller.write("auth.revoke_session", &json!({ "at": at })).await?;
    Ok(())
}
