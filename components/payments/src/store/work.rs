//! Work that no caller's token stands behind: `sql/work.sql`. What finds a tenant acts for none.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use identity::Caller;
use ids::{GatewayAccountId, PaymentId};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::gateway_accounts::KeysRow;
use crate::gateway::{Gateway, Webhook};

/// How a statement enters for a payment, and for an account.
pub(crate) const ENTER_PAYMENT: &str = "payments.enter_payment($1)";
/// See above.
pub(crate) const ENTER_ACCOUNT: &str = "payments.enter_account($1)";

/// The account that a webhook's address names.
pub(crate) async fn find_webhook_account(db: &Db, id: GatewayAccountId) -> Result<Option<KeysRow>, DbError> {
    db.call_unentered(Effect::Reads, "payments.find_webhook_account", &json!({ "id": id.uuid() })).await
}

/// The account of the payment that a webhook without one in its address names.
pub(crate) async fn find_payment_account(
    db: &Db,
    gateway: Gateway,
    payment: PaymentId,
) -> Result<Option<KeysRow>, DbError> {
    let args = json!({ "gateway": gateway, "payment": payment.uuid() });
    db.call_unentered(Effect::Reads, "payments.find_payment_account", &args).await
}

/// The payment that a returning payer's token names.
pub(crate) async fn find_return(db: &Db, token: &str) -> Result<Option<PaymentId>, DbError> {
    let id: Option<Uuid> = db.call_unentered(Effect::Reads, "payments.find_return", &json!({ "token": token })).await?;
    Ok(id.map(PaymentId::from))
}

/// Claims payments that are due for a look.
pub(crate) async fn claim_due(
    db: &Db,
    limit: u32,
    lease_seconds: u32,
    at: DateTime<Utc>,
) -> Result<Vec<Uuid>, DbError> {
    let function = "payments.claim_due";
    let args = json!({ "limit": limit, "lease_seconds": lease_seconds, "at": at });
    DbError::answered(function, db.call_unentered(Effect::Writes, function, &args).await?)
}

/// What came of keeping a webhook.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Recording {
    Recorded(RecordedRow),
    /// It was here before.
    Repeated,
}

/// A webhook that is kept.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordedRow {
    /// The payment that it is about, if it is one of this account's.
    pub(crate) payment_id: Option<Uuid>,
}

/// Keeps a webhook, once.
pub(crate) async fn record_webhook(
    caller: &Caller,
    id: Uuid,
    account: Uuid,
    webhook: &Webhook,
    body_base64: &str,
    at: DateTime<Utc>,
) -> Result<Recording, DbError> {
    let function = "payments.record_webhook";
    let args = json!({
        "id": id, "account_id": account, "dedupe_key": webhook.dedupe_key, "type": webhook.event_type,
        "payment_id": webhook.payment.map(PaymentId::uuid), "refs": webhook.refs, "body": body_base64, "at": at,
    });
    DbError::answered(function, caller.write(function, &args).await?)
}

/// Marks a payment's webhooks that came before its gateway was asked.
pub(crate) async fn settle_webhooks(
    caller: &Caller,
    payment: PaymentId,
    fits: bool,
    asked_at: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let state = if fits { "applied" } else { "refused" };
    let args = json!({ "id": payment.uuid(), "state": state, "asked_at": asked_at, "at": at });
    let _: Option<Value> = caller.write("payments.settle_webhooks", &args).await?;
    Ok(())
}

/// Accounts that another key sealed than this one.
pub(crate) async fn list_stale(
    db: &Db,
    key_id: &str,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<KeysRow>, DbError> {
    let function = "payments.list_stale_accounts";
    let args = json!({ "key_id": key_id, "after": after, "limit": limit });
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &args).await?)
}

/// Puts what was sealed again in the place of what it was opened from; whether that was still there.
pub(crate) async fn reseal(
    caller: &Caller,
    stale: &KeysRow,
    fresh: &str,
    fresh_previous: Option<&str>,
) -> Result<bool, DbError> {
    #[derive(Deserialize)]
    struct Answer {
        resealed: bool,
    }
    let function = "payments.reseal_account";
    let args = json!({ "id": stale.id, "stale": stale.credentials, "fresh": fresh, "fresh_previous": fresh_previous });
    let answer: Answer = DbError::answered(function, caller.write(function, &args).await?)?;
    Ok(answer.resealed)
}
