//! The ledger and the figures: `sql/ledger.sql`. It is written with what it is about, by `payments.settle` alone.

use chrono::{DateTime, NaiveDate, Utc};
use db::DbError;
use identity::Caller;
use ids::PaymentId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    domain::reconciliation::{Held, Listed},
    gateway::{Gateway, Mode},
};

/// A side of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Account {
    /// What the gateway owes the tenant.
    Gateway,
    /// What payers paid.
    Sales,
    /// What went back to payers.
    Refunds,
    /// What the gateway keeps for itself.
    Fees,
    /// What payers had their banks take back.
    Disputes,
}

/// An entry as the component reads it.
#[derive(Debug, Deserialize)]
pub(crate) struct EntryRow {
    pub(crate) id: i64,
    pub(crate) payment_id: Uuid,
    pub(crate) refund_id: Option<Uuid>,
    pub(crate) at: DateTime<Utc>,
    #[serde(rename = "type")]
    pub(crate) entry_type: String,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) currency: String,
    pub(crate) amount: i64,
    pub(crate) debit: Account,
    pub(crate) credit: Account,
}

/// What an account holds.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Balance {
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    pub(crate) gateway: Gateway,
    pub(crate) account: Account,
    /// Debits minus credits, in minor units.
    pub(crate) balance: i64,
}

/// Payments of one gateway and currency.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct GatewayFigures {
    pub(crate) gateway: Gateway,
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    pub(crate) payments: i64,
    /// Held or captured, now or before a refund.
    pub(crate) succeeded: i64,
    /// Failed, expired or canceled.
    pub(crate) unsuccessful: i64,
    /// In minor units.
    pub(crate) captured: i64,
    /// In minor units.
    pub(crate) refunded: i64,
    pub(crate) refunded_payments: i64,
}

/// Payments made on one day (UTC), of one currency.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct DayFigures {
    pub(crate) day: NaiveDate,
    #[schema(example = "EUR")]
    pub(crate) currency: String,
    pub(crate) payments: i64,
    pub(crate) succeeded: i64,
    pub(crate) unsuccessful: i64,
    /// In minor units.
    pub(crate) captured: i64,
    /// In minor units.
    pub(crate) refunded: i64,
}

/// The figures of a period.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(example = json!({
    "total": 48,
    "by_gateway": [
        { "gateway": "razorpay", "currency": "INR", "payments": 18, "succeeded": 16, "unsuccessful": 2, "captured": 1_598_400,
          "refunded": 99_900, "refunded_payments": 1 },
        { "gateway": "stripe", "currency": "EUR", "payments": 30, "succeeded": 27, "unsuccessful": 2, "captured": 29_673,
          "refunded": 1_399, "refunded_payments": 2 }],
    "by_day": [
        { "day": "2026-01-30", "currency": "EUR", "payments": 17, "succeeded": 15, "unsuccessful": 2, "captured": 16_485,
          "refunded": 1_099 },
        { "day": "2026-01-30", "currency": "INR", "payments": 11, "succeeded": 10, "unsuccessful": 1, "captured": 999_000,
          "refunded": 99_900 },
        { "day": "2026-01-31", "currency": "EUR", "payments": 13, "succeeded": 12, "unsuccessful": 0, "captured": 13_188,
          "refunded": 300 },
        { "day": "2026-01-31", "currency": "INR", "payments": 7, "succeeded": 6, "unsuccessful": 1, "captured": 599_400,
          "refunded": 0 }]}))]
pub(crate) struct PaymentFigures {
    pub(crate) total: i64,
    pub(crate) by_gateway: Vec<GatewayFigures>,
    pub(crate) by_day: Vec<DayFigures>,
}

/// Entries, the newest first.
pub(crate) async fn list_entries(
    caller: &Caller,
    mode: Mode,
    payment: Option<Uuid>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<EntryRow>, DbError> {
    let function = "payments.list_ledger_entries";
    let args = json!({ "mode": mode, "payment_id": payment, "before": before, "limit": limit });
    DbError::answered(function, caller.read(function, &args).await?)
}

/// What each account holds.
pub(crate) async fn list_balances(caller: &Caller, mode: Mode) -> Result<Vec<Balance>, DbError> {
    let function = "payments.list_balances";
    DbError::answered(function, caller.read(function, &json!({ "mode": mode })).await?)
}

/// The figures of the payments made in a period.
pub(crate) async fn summarize(
    caller: &Caller,
    mode: Mode,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<PaymentFigures, DbError> {
    let function = "payments.summarize_payments";
    DbError::answered(function, caller.read(function, &json!({ "mode": mode, "from": from, "to": to })).await?)
}

/// No report compares more payments of ours.
pub(crate) const HELD_MAX: usize = 2000;

/// The payments of an account that were created between two moments and took money, and those that a gateway's list names. One
/// more than [`HELD_MAX`] where there are more.
pub(crate) async fn list_held(
    caller: &Caller,
    account: Uuid,
    listed: &[Listed],
    after: DateTime<Utc>,
    before: DateTime<Utc>,
) -> Result<Vec<Held>, DbError> {
    let ids: Vec<Uuid> = listed.iter().filter_map(|row| row.payment).map(PaymentId::uuid).collect();
    let refs: Vec<&str> = listed.iter().map(|row| row.gateway_ref.as_str()).collect();
    let args = json!({ "account_id": account, "ids": ids, "refs": refs, "after": after, "before": before,
                       "limit": HELD_MAX + 1 });
    let function = "payments.list_held";
    DbError::answered(function, caller.read(function, &args).await?)
}
