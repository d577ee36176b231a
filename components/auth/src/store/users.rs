//! People and their tenants. Registering is the one unit that acts as nobody: its context is the tenant that it makes.

use api::RequestOrigin;
use chrono::{DateTime, Utc};
use db::{Claim, Db, DbError, Entry, Once};
use identity::{Caller, Person};
use ids::{EventId, TenantId, UserId};
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
    /// The message to the address: to be verified, or about the account that it has already.
    pub(crate) event_id: Uuid,
    /// Whether the owner of a taken address is written to, because the answer tells nothing.
    pub(crate) hides_accounts: bool,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// What a person's new password is held against. Holds a hash, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct PasswordContextRow {
    pub(crate) email: String,
    pub(crate) tenant_names: Vec<String>,
    /// The longest minimum that one of the person's tenants asks for; 0 for none.
    pub(crate) chars_min: usize,
}

/// What is to change of an account; `None` stays. Holds a hash, so it has no `Debug`.
#[derive(Default, Serialize)]
pub(crate) struct AccountChange {
    pub(crate) email: Option<String>,
    pub(crate) email_key: Option<String>,
    pub(crate) password_hash: Option<String>,
    pub(crate) is_active: Option<bool>,
    /// Whose failed log-ins to forget, in hex.
    pub(crate) account: String,
}

/// What changing one's own account came to.
#[derive(Debug)]
pub(crate) enum MyChange {
    /// As it is now.
    Changed(AccountRow),
    /// Another account has the address.
    EmailTaken,
}

/// What changing a member's account came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberChange {
    /// As it is now.
    #[serde(alias = "found")]
    Changed(AccountRow),
    /// Nobody of this tenant.
    NotFound,
    /// The caller's role does not reach to theirs.
    Outranked,
    /// The account belongs to other tenants too.
    InOtherTenants,
    /// Nobody deactivates themself.
    Oneself,
    /// The membership has ended.
    Deleted,
    /// Another account has the address.
    #[serde(skip)]
    EmailTaken,
    /// The tenant would be left without an owner.
    #[serde(skip)]
    LastOwner,
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

/// What the caller's new password is held against.
pub(crate) async fn find_my_password_context(caller: &Person) -> Result<Option<PasswordContextRow>, DbError> {
    caller.read("auth.find_my_password_context", &json!({})).await
}

/// Changes the caller's own account.
pub(crate) async fn change_me(
    caller: &Person,
    change: &AccountChange,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<MyChange, DbError> {
    let function = "auth.change_me";
    match caller.write(function, &ChangeArgs::new(None, change, at, origin)).await {
        Err(error) if error.violates("users_email_key") => Ok(MyChange::EmailTaken),
        answer => DbError::answered(function, answer?).map(MyChange::Changed),
    }
}

/// A member's account.
pub(crate) async fn find_member(caller: &Caller, user: UserId) -> Result<MemberChange, DbError> {
    let function = "auth.find_user";
    DbError::answered(function, caller.read(function, &json!({ "user_id": user.uuid() })).await?)
}

/// What a member's new password is held against; `None` for nobody of this tenant.
pub(crate) async fn find_member_password_context(
    caller: &Caller,
    user: UserId,
) -> Result<Option<PasswordContextRow>, DbError> {
    caller.read("auth.find_user_password_context", &json!({ "user_id": user.uuid() })).await
}

/// Changes a member's account.
pub(crate) async fn change_member(
    caller: &Caller,
    user: UserId,
    change: &AccountChange,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<MemberChange, DbError> {
    let function = "auth.change_member";
    match caller.write(function, &ChangeArgs::new(Some(user), change, at, origin)).await {
        Err(error) if error.violates("users_email_key") => Ok(MemberChange::EmailTaken),
        answer => DbError::answered(function, answer?),
    }
}

/// Ends a membership, and with the last one the account.
pub(crate) async fn delete_member(
    caller: &Caller,
    user: UserId,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<MemberChange, DbError> {
    let function = "auth.delete_user";
    let args = json!({ "user_id": user.uuid(), "at": at, "origin": origin });
    match caller.write(function, &args).await {
        Err(error) if error.violates("tenants_owner_count_check") => Ok(MemberChange::LastOwner),
        answer => DbError::answered(function, answer?),
    }
}

/// The argument of the functions that change an account, with the ids of the messages that they may send.
#[derive(Serialize)]
struct ChangeArgs<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
    #[serde(flatten)]
    change: &'a AccountChange,
    event_id: Uuid,
    notice_event_id: Uuid,
    password_event_id: Uuid,
    at: DateTime<Utc>,
    origin: &'a RequestOrigin,
}

impl<'a> ChangeArgs<'a> {
    fn new(user: Option<UserId>, change: &'a AccountChange, at: DateTime<Utc>, origin: &'a RequestOrigin) -> Self {
        let [event_id, notice_event_id, password_event_id] = [(); 3].map(|()| EventId::new().uuid());
        Self { user_id: user.map(UserId::uuid), change, event_id, notice_event_id, password_event_id, at, origin }
    }
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
