//! Invitations: `sql/invitations.sql`. Those of the caller's tenant, and the one that a token from a message opens.

use api::{Moment, RequestOrigin};
use chrono::{DateTime, Utc};
use db::{Claim, Db, DbError, Effect, Entry, Once};
use identity::{Caller, Person, Role};
use ids::InvitationId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::users::{AccountRow, PasswordContextRow, TenantRow};
use crate::domain::{
    invitation::{DAY_MAX, DAY_MAX_ADDRESS, Status},
    membership::manages,
};

/// An invitation as `auth.invitation_view` answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct InvitationRow {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) status: Status,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) invited_by: Uuid,
}

/// An invitation to be made.
pub(crate) struct NewInvitation<'a> {
    pub(crate) id: InvitationId,
    pub(crate) email: &'a str,
    pub(crate) email_key: String,
    pub(crate) role: Role,
    pub(crate) expires_at: DateTime<Utc>,
    /// The message to the address.
    pub(crate) event_id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a RequestOrigin,
}

/// What inviting somebody came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Creation {
    /// The message is on its way.
    Created(InvitationRow),
    /// The address was invited before, by this invitation.
    Pending(Uuid),
    /// The caller's role does not give this role.
    OutOfReach,
    /// Somebody with this address is a member.
    AlreadyMember,
    /// As many as a day may have.
    TooMany,
}

/// The last invitation of the page before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) id: InvitationId,
}

/// What withdrawing an invitation came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Withdrawal {
    /// Its token opens nothing.
    Withdrawn,
    /// It was accepted before.
    Accepted,
    /// The caller's role does not take this role back.
    OutOfReach,
}

/// What a visitor with a token must know.
#[derive(Deserialize)]
pub(crate) struct OpenInvitationRow {
    /// Whether the invited address has an account.
    pub(crate) has_account: bool,
    /// What the password of a new one is held against.
    pub(crate) password_context: PasswordContextRow,
}

/// What accepting an invitation came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Acceptance {
    /// The caller is a member.
    Joined(TenantRow),
    /// There is a new account, and it is a member's.
    Registered(AccountRow),
    /// The invitation went to another address than the caller's.
    AnotherAddress,
    /// The invited address has an account, and nobody is logged in.
    HasAccount,
}

/// An account to be made for an invited address. Holds a hash, so it has no `Debug`.
pub(crate) struct InvitedAccount {
    pub(crate) user_id: Uuid,
    pub(crate) password_hash: String,
}

/// Invites an address, at most once for the claim.
pub(crate) async fn insert(
    caller: &Caller,
    claim: Option<&Claim>,
    new: &NewInvitation<'_>,
) -> Result<Once<Creation>, DbError> {
    let function = "auth.create_invitation";
    let args = json!({
        "id": new.id.uuid(), "email": new.email, "email_key": new.email_key, "role": new.role, "manages": manages(),
        "expires_at": new.expires_at, "day_max": DAY_MAX, "day_max_address": DAY_MAX_ADDRESS,
        "event_id": new.event_id, "at": new.at, "origin": new.origin,
    });
    DbError::answered(function, caller.write_once(claim, function, &args).await?.transpose())
}

/// Invitations, newest first.
pub(crate) async fn list(
    caller: &Caller,
    status: Option<Status>,
    after: Option<Place>,
    limit: usize,
    at: DateTime<Utc>,
) -> Result<Vec<InvitationRow>, DbError> {
    let function = "auth.list_invitations";
    let args = json!({
        "status": status, "after_at": after.map(|place| place.at), "after_id": after.map(|place| place.id.uuid()),
        "limit": limit, "at": at,
    });
    DbError::answered(function, caller.read(function, &args).await?)
}

/// Withdraws an invitation; `None` where the tenant has no such invitation.
pub(crate) async fn withdraw(
    caller: &Caller,
    id: InvitationId,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Option<Withdrawal>, DbError> {
    let args = json!({ "id": id.uuid(), "manages": manages(), "at": at, "origin": origin });
    caller.write("auth.withdraw_invitation", &args).await
}

/// The invitation that the token with this hash opens.
pub(crate) async fn find_by_token(
    db: &Db,
    token_hash: &str,
    at: DateTime<Utc>,
) -> Result<Option<OpenInvitationRow>, DbError> {
    let args = json!({ "token_hash": token_hash, "manages": manages(), "at": at });
    db.call_unentered(Effect::Reads, "auth.find_invitation", &args).await
}

/// Uses a token to make the caller a member, at most once for the claim; `None` for one that opens nothing.
pub(crate) async fn accept(
    caller: &Person,
    claim: Option<&Claim>,
    token_hash: &str,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Once<Option<Acceptance>>, DbError> {
    let args = json!({ "token_hash": token_hash, "manages": manages(), "at": at, "origin": origin });
    caller.write_once(claim, "auth.accept_invitation", &args).await
}

/// Uses a token to make an account that is a member's, at most once for the claim; `None` for one that opens nothing.
/// Without an account to be made it gives the first answer again, or none.
pub(crate) async fn accept_as_nobody(
    db: &Db,
    claim: Option<&Claim>,
    token_hash: &str,
    account: Option<&InvitedAccount>,
    at: DateTime<Utc>,
    origin: &RequestOrigin,
) -> Result<Once<Option<Acceptance>>, DbError> {
    let args = json!({
        "token_hash": token_hash, "user_id": account.map(|account| account.user_id),
        "password_hash": account.map(|account| &account.password_hash), "manages": manages(), "at": at,
        "origin": origin,
    });
    db.call_once(claim, &Entry::Nobody, "auth.accept_invitation", &args).await
}
