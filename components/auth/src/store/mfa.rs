//! Second factors, and the challenges between the two steps of a log-in.

use api::RequestOrigin;
use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use identity::Person;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use uuid::Uuid;

use super::sessions::{NewSession, VerifiedPassword};

/// The caller's factor, and what their password is held against. Holds a hash, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct FactorRow {
    pub(crate) email: String,
    pub(crate) password_hash: String,
    /// In hex; none without a factor.
    pub(crate) sealed_seed: Option<String>,
    pub(crate) confirmed_at: Option<DateTime<Utc>>,
    pub(crate) recovery_codes_left: u32,
}

/// Whose challenge it is.
#[derive(Deserialize)]
pub(crate) struct ChallengeRow {
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    /// In hex.
    pub(crate) sealed_seed: String,
}

/// What changing a factor came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactorChange {
    /// It was done.
    #[serde(alias = "enrolled", alias = "confirmed", alias = "removed", alias = "renewed")]
    Done(bool),
    /// There is a confirmed factor already.
    AlreadyEnrolled,
    /// There is none.
    NotEnrolled,
    /// The code was used, or belongs to another seed by now.
    CodeUsed,
    /// The password is another one by now.
    Changed,
}

/// The second step's proof.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Proof {
    /// The step of a TOTP code.
    Step(i64),
    /// The hash of a recovery code, in hex.
    RecoveryCodeHash(String),
}

/// A challenge to open.
#[derive(Serialize)]
pub(crate) struct NewChallenge<'a> {
    pub(crate) challenge_hash: String,
    pub(crate) user_id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) password: VerifiedPassword<'a>,
}

/// The caller's factor; `None` for an account that is gone.
pub(crate) async fn find(caller: &Person) -> Result<Option<FactorRow>, DbError> {
    caller.read("auth.find_totp", &json!({})).await
}

/// Remembers a seed, sealed, until a code confirms it.
pub(crate) async fn enrol(
    caller: &Person,
    password_hash: &str,
    sealed_seed: &str,
    at: DateTime<Utc>,
) -> Result<FactorChange, DbError> {
    let args = json!({ "password_hash": password_hash, "sealed_seed": sealed_seed, "at": at });
    change(caller, "auth.enrol_totp", &args).await
}

/// Confirms the seed with the step of its first code, with new recovery codes.
pub(crate) async fn confirm(
    caller: &Person,
    sealed_seed: &str,
    step: i64,
    recovery_code_hashes: &[String],
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<FactorChange, DbError> {
    let args = json!({
        "sealed_seed": sealed_seed, "step": step, "recovery_code_hashes": recovery_code_hashes, "at": at, "origin": origin,
    });
    change(caller, "auth.confirm_totp", &args).await
}

/// Removes the factor.
pub(crate) async fn remove(
    caller: &Person,
    password_hash: &str,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<FactorChange, DbError> {
    let args = json!({ "password_hash": password_hash, "at": at, "origin": origin });
    change(caller, "auth.remove_totp", &args).await
}

/// Puts new recovery codes in the place of the old ones.
pub(crate) async fn renew_recovery_codes(
    caller: &Person,
    password_hash: &str,
    recovery_code_hashes: &[String],
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<FactorChange, DbError> {
    let args = json!({
        "password_hash": password_hash, "recovery_code_hashes": recovery_code_hashes, "at": at, "origin": origin,
    });
    change(caller, "auth.renew_recovery_codes", &args).await
}

async fn change(
    caller: &Person,
    function: &'static str,
    args: &(impl Serialize + Sync),
) -> Result<FactorChange, DbError> {
    DbError::answered(function, caller.write(function, args).await?)
}

/// Opens a challenge; false if the password changed or the account was closed meanwhile.
pub(crate) async fn open_challenge(db: &Db, challenge: &NewChallenge<'_>) -> Result<bool, DbError> {
    let opened: Option<IgnoredAny> = db.call_unentered(Effect::Writes, "auth.open_challenge", challenge).await?;
    Ok(opened.is_some())
}

/// Whose challenge this hash belongs to.
pub(crate) async fn find_challenge(db: &Db, hash: &str, at: DateTime<Utc>) -> Result<Option<ChallengeRow>, DbError> {
    db.call_unentered(Effect::Reads, "auth.find_challenge", &json!({ "challenge_hash": hash, "at": at })).await
}

/// Begins the session that a challenge stands for; false if the challenge or the proof was used already.
pub(crate) async fn complete_challenge(
    db: &Db,
    challenge_hash: &str,
    proof: &Proof,
    account: &str,
    session: &NewSession<'_>,
) -> Result<bool, DbError> {
    #[derive(Serialize)]
    struct Args<'a> {
        challenge_hash: &'a str,
        account: &'a str,
        #[serde(flatten)]
        proof: &'a Proof,
        #[serde(flatten)]
        session: &'a NewSession<'a>,
    }
    let args = Args { challenge_hash, account, proof, session };
    let opened: Option<IgnoredAny> = db.call_unentered(Effect::Writes, "auth.complete_challenge", &args).await?;
    Ok(opened.is_some())
}
