//! Gateway accounts: `sql/gateway_accounts.sql`. Credentials come and go sealed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::gateway::{Gateway, Mode};

/// An account as clients may see it.
#[derive(Debug, Deserialize)]
pub(crate) struct AccountRow {
    pub(crate) id: Uuid,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) hints: BTreeMap<String, String>,
    pub(crate) verified_at: Option<DateTime<Utc>>,
    pub(crate) previous_valid_until: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// An account's sealed credentials, in base64. Has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct KeysRow {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) credentials: String,
    pub(crate) previous_webhook_secret: Option<String>,
    pub(crate) previous_valid_until: Option<DateTime<Utc>>,
    /// A token that the gateway lent, sealed too, and until when it is good.
    pub(crate) access_token: Option<String>,
    pub(crate) access_token_until: Option<DateTime<Utc>>,
}

/// An account and its keys. Has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct FoundAccountRow {
    pub(crate) view: AccountRow,
    pub(crate) keys: KeysRow,
}

/// What is written of an account. Has no `Debug`.
#[derive(Serialize)]
pub(crate) struct NewAccountRow<'a> {
    pub(crate) id: Uuid,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) credentials: String,
    pub(crate) hints: BTreeMap<&'static str, String>,
    pub(crate) verified_at: Option<DateTime<Utc>>,
    pub(crate) previous_webhook_secret: Option<String>,
    pub(crate) previous_valid_until: Option<DateTime<Utc>>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a api::RequestOrigin,
}

/// Writes an account.
pub(crate) async fn put(caller: &Caller, account: &NewAccountRow<'_>) -> Result<AccountRow, DbError> {
    let function = "payments.put_gateway_account";
    DbError::answered(function, caller.write(function, account).await?)
}

/// One account with its keys; `None` where the tenant has none such.
pub(crate) async fn find(caller: &Caller, gateway: Gateway, mode: Mode) -> Result<Option<FoundAccountRow>, DbError> {
    caller.read("payments.find_gateway_account", &json!({ "gateway": gateway, "mode": mode })).await
}

/// All of the tenant's accounts.
pub(crate) async fn list(caller: &Caller) -> Result<Vec<AccountRow>, DbError> {
    let function = "payments.list_gateway_accounts";
    DbError::answered(function, caller.read(function, &json!({})).await?)
}

/// Forgets an account's credentials; whether there was one.
pub(crate) async fn remove(
    caller: &Caller,
    gateway: Gateway,
    mode: Mode,
    at: DateTime<Utc>,
    origin: &api::RequestOrigin,
) -> Result<bool, DbError> {
    #[derive(Deserialize)]
    struct Removal {
        removed: bool,
    }
    let function = "payments.remove_gateway_account";
    let args = json!({ "gateway": gateway, "mode": mode, "at": at, "origin": origin });
    let removal: Removal = DbError::answered(function, caller.write(function, &args).await?)?;
    Ok(removal.removed)
}

/// Keeps a token that a gateway lent, sealed, until it is no longer good.
pub(crate) async fn keep_access_token(
    caller: &Caller,
    id: Uuid,
    sealed: &str,
    until: DateTime<Utc>,
) -> Result<(), DbError> {
    let args = json!({ "id": id, "access_token": sealed, "until": until });
    let _: Option<serde_json::Value> = caller.write("payments.keep_access_token", &args).await?;
    Ok(())
}
