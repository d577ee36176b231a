//! What a token or a key opens now: `sql/introspection.sql`. Acts for nobody: the neighbour showed the service token.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use identity::{Claims, Role};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// A session that lives.
#[derive(Debug, Deserialize)]
pub(crate) struct LivingSession {
    /// What the person is in the token's tenant; none without a tenant.
    pub(crate) role: Option<Role>,
}

/// A key that lives.
#[derive(Debug, Deserialize)]
pub(crate) struct LivingKey {
    /// What the person who made it is in the tenant now: it opens no more than they may.
    pub(crate) role: Role,
    pub(crate) tenant_id: Uuid,
    pub(crate) key_id: Uuid,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// The session of a token that was verified; `None` where it is over for the token's tenant.
pub(crate) async fn find_session(db: &Db, claims: &Claims) -> Result<Option<LivingSession>, DbError> {
    let args = json!({
        "user_id": claims.sub.uuid(), "session_id": claims.sid.uuid(), "tenant_id": claims.tid.map(|tenant| tenant.uuid()),
        "roles": Role::ALL,
    });
    db.call_unentered(Effect::Reads, "auth.introspect", &args).await
}

/// The key with this hash (in hex), which counts as a use of it; `None` where there is none that lives.
pub(crate) async fn find_key(db: &Db, hash: &str) -> Result<Option<LivingKey>, DbError> {
    db.call_unentered(Effect::Writes, "auth.introspect", &json!({ "key_hash": hash, "roles": Role::ALL })).await
}
