//! People and their tenants. Registering is the one unit that acts as nobody: its context is the tenant that it makes.

use chrono::{DateTime, Utc};
use db::{Claim, Db, DbError, Entry, Once};
use identity::Person;
use ids::{TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// A person as the database answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) is_active: bool,
    pub(crate) is_superuser: bool,
    pub(crate) is_verified: bool,
}

/// A tenant, and what the person is in it.
#[derive(Debug, Deserialize)]
pub(crate) struct TenantRow {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) role: identity::Role,
}

/// A person with the tenant that they act in.
#[derive(Debug, Deserialize)]
pub(crate) struct AccountRow {
    pub(crate) user: UserRow,
    pub(crate) tenant: Option<TenantRow>,
}

/// What registering came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Registration {
    /// All three rows are there.
    Registered(AccountRow),
    /// The address has an account already; nothing was made.
    EmailTaken,
}

/// A person and a tenant to be made.
#[derive(Serialize)]
pub(crate) struct NewAccount<'a> {
    pub(crate) user_id: Uuid,
    pub(crate) email: &'a str,
    pub(crate) email_key: String,
    pub(crate) password_hash: String,
    pub(crate) tenant_id: Uuid,
    pub(crate) tenant_name: &'a str,
    pub(crate) slug: &'a str,
    pub(crate) slug_if_taken: &'a str,
    pub(crate) at: DateTime<Utc>,
}

/// Makes a person, a tenant and the owner's membership, at most once for the claim.
pub(crate) async fn register(
    db: &Db,
    claim: Option<&Claim>,
    account: &NewAccount<'_>,
) -> Result<Once<Registration>, DbError> {
    let function = "auth.register";
    DbError::answered(function, db.call_once(claim, &Entry::Nobody, function, account).await?.transpose())
}

/// The caller's own account.
pub(crate) async fn find_me(caller: &Person) -> Result<Option<AccountRow>, DbError> {
    caller.read("auth.find_me", &json!({})).await
}

impl UserRow {
    /// The typed id.
    pub(crate) fn id(&self) -> UserId {
        self.id.into()
    }
}

impl TenantRow {
    /// The typed id.
    pub(crate) fn id(&self) -> TenantId {
        self.id.into()
    }
}
