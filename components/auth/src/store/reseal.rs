//! Sealing again what an older key sealed: `sql/reseal.sql`. Acts for nobody, across people.

use db::{Db, DbError, Effect};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// A seed that an older key sealed.
#[derive(Deserialize)]
pub(crate) struct StaleSeedRow {
    pub(crate) user_id: Uuid,
    /// In hex.
    pub(crate) sealed_seed: String,
}

/// A seed that was sealed again.
#[derive(Serialize)]
pub(crate) struct ResealedSeed {
    pub(crate) user_id: Uuid,
    /// What it was opened from, in hex.
    pub(crate) stale: String,
    /// The same seed, sealed by the key that seals now, in hex.
    pub(crate) fresh: String,
}

/// Seeds that another key sealed than this one, by person.
pub(crate) async fn list_stale(
    db: &Db,
    key_id: &str,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<StaleSeedRow>, DbError> {
    let function = "auth.list_stale_seeds";
    let args = json!({ "key_id": key_id, "after": after, "limit": limit });
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &args).await?)
}

/// Puts them in the place of those that they were opened from; says how many were still there.
pub(crate) async fn reseal(db: &Db, seeds: &[ResealedSeed]) -> Result<u32, DbError> {
    #[derive(Deserialize)]
    struct Answer {
        resealed: u32,
    }
    let function = "auth.reseal_seeds";
    let answer: Option<Answer> = db.call_unentered(Effect::Writes, function, &json!({ "seeds": seeds })).await?;
    Ok(DbError::answered(function, answer)?.resealed)
}
