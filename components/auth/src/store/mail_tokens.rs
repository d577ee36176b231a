//! Tokens that travel by mail. Asking for one is a row in the outbox, for known and unknown addresses alike.

use api::RequestOrigin;
use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use ids::EventId;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;

use super::users::{AccountRow, PasswordContextRow};

/// What proving an address came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verification {
    /// It is proven now.
    Verified(AccountRow),
    /// It was before.
    AlreadyVerified,
}

/// A new password by way of a token. Holds hashes, so it has no `Debug`.
#[derive(Serialize)]
pub(crate) struct PasswordReset<'a> {
    pub(crate) token_hash: &'a str,
    pub(crate) password_hash: String,
    /// Whose failed log-ins to forget, in hex.
    pub(crate) account: String,
    pub(crate) password_event_id: uuid::Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// Asks for a message to whoever has the address, if anybody.
pub(crate) async fn request(
    db: &Db,
    kind: &str,
    email_key: &str,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<(), DbError> {
    let args = json!({
        "event_id": EventId::new().uuid(), "type": kind, "email_key": email_key, "at": at, "origin": origin,
    });
    let _: Option<IgnoredAny> = db.call_unentered(Effect::Writes, "auth.request_mail", &args).await?;
    Ok(())
}

/// Whose password the token with this hash may reset, and what the new one is held against.
pub(crate) async fn find_password_reset(
    db: &Db,
    token_hash: &str,
    at: DateTime<Utc>,
) -> Result<Option<PasswordContextRow>, DbError> {
    db.call_unentered(Effect::Reads, "auth.find_password_reset", &json!({ "token_hash": token_hash, "at": at })).await
}

/// Uses a token to set a password; false if it was used meanwhile.
pub(crate) async fn reset_password(db: &Db, reset: &PasswordReset<'_>) -> Result<bool, DbError> {
    let done: Option<IgnoredAny> = db.call_unentered(Effect::Writes, "auth.reset_password", reset).await?;
    Ok(done.is_some())
}

/// Uses a token to prove an address; `None` for one that proves nothing.
pub(crate) async fn verify_email(
    db: &Db,
    token_hash: &str,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Option<Verification>, DbError> {
    let args = json!({ "token_hash": token_hash, "at": at, "origin": origin });
    db.call_unentered(Effect::Writes, "auth.verify_email", &args).await
}
