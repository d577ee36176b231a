//! The ledger: where the money is, and how it came there.

use api::{Page, Query, decode_cursor, encode_cursor};
use axum::{Json, Router, routing::get};
use chrono::{DateTime, Utc};
use identity::{Authorized, right::ReadPayments};
use ids::{PaymentId, RefundId};
use serde::{Deserialize, Serialize};

use super::refusals::{Reading, TenantWide};
use crate::{
    PaymentsState,
    error::PaymentError,
    gateway::{Gateway, Mode},
    store::{
        self,
        ledger::{Account, Balance, EntryRow},
    },
};

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/ledger/balances", get(list_ledger_balances))
        .route("/ledger/entries", get(list_ledger_entries))
}

/// Of which money.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BalanceQuery {
    /// `live` by default.
    mode: Option<Mode>,
}

/// What all accounts hold.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "data": [
    { "currency": "EUR", "gateway": "test", "account": "gateway", "balance": 799 },
    { "currency": "EUR", "gateway": "test", "account": "refunds", "balance": 300 },
    { "currency": "EUR", "gateway": "test", "account": "sales", "balance": -1099 }]}))]
pub(crate) struct Balances {
    /// The balances of one currency sum to zero.
    data: Vec<Balance>,
}

/// Lists what each account of the ledger holds, by currency and gateway.
#[utoipa::path(get, path = "/ledger/balances", operation_id = "list_ledger_balances", tag = "ledger",
    security(("bearer" = ["payments:read"])),
    params(BalanceQuery),
    responses((status = 200, description = "The balances", body = Balances), Reading, TenantWide))]
pub(crate) async fn list_ledger_balances(
    caller: Authorized<ReadPayments>,
    Query(query): Query<BalanceQuery>,
) -> Result<Json<Balances>, PaymentError> {
    let data = store::ledger::list_balances(&caller, query.mode.unwrap_or(Mode::Live)).await?;
    Ok(Json(Balances { data }))
}

/// Which entries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntryQuery {
    /// `live` by default.
    mode: Option<Mode>,
    /// Those of one payment.
    #[param(value_type = Option<String>, example = "pay_01h455vb4pex5vsknk084sn02q")]
    payment: Option<PaymentId>,
    /// How many entries to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An entry: an amount that went from one account to another. Entries are never changed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LedgerEntry, example = json!({
    "payment": "pay_01h455vb4pex5vsknk084sn02q", "refund": null, "at": "2026-01-31T09:30:00.123456Z", "type": "capture",
    "gateway": "test", "mode": "test", "currency": "EUR", "amount": 1099, "debit": "gateway", "credit": "sales"}))]
pub(crate) struct EntryView {
    #[schema(value_type = String, example = "pay_01h455vb4pex5vsknk084sn02q")]
    payment: PaymentId,
    #[schema(value_type = Option<String>, required)]
    refund: Option<RefundId>,
    at: DateTime<Utc>,
    /// `capture`, `refund`, `refund_reversal`, `fee`, `dispute` or `dispute_reversal`.
    #[schema(example = "capture")]
    r#type: String,
    gateway: Gateway,
    mode: Mode,
    #[schema(example = "EUR")]
    currency: String,
    /// In minor units, more than zero.
    #[schema(example = 1099)]
    amount: i64,
    debit: Account,
    credit: Account,
}

impl From<EntryRow> for EntryView {
    fn from(row: EntryRow) -> Self {
        Self {
            payment: row.payment_id.into(),
            refund: row.refund_id.map(RefundId::from),
            at: row.at,
            r#type: row.entry_type,
            gateway: row.gateway,
            mode: row.mode,
            currency: row.currency,
            amount: row.amount,
            debit: row.debit,
            credit: row.credit,
        }
    }
}

/// Lists the entries of the ledger, the newest first.
#[utoipa::path(get, path = "/ledger/entries", operation_id = "list_ledger_entries", tag = "ledger",
    security(("bearer" = ["payments:read"])),
    params(EntryQuery),
    responses((status = 200, description = "A page of entries", body = Page<EntryView>), Reading, TenantWide))]
pub(crate) async fn list_ledger_entries(
    caller: Authorized<ReadPayments>,
    Query(query): Query<EntryQuery>,
) -> Result<Json<Page<EntryView>>, PaymentError> {
    let before: Option<i64> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let (mode, payment) = (query.mode.unwrap_or(Mode::Live), query.payment.map(PaymentId::uuid));
    let mut entries = store::ledger::list_entries(&caller, mode, payment, before, query.limit.rows() + 1).await?;
    let has_more = entries.len() > query.limit.rows();
    entries.truncate(query.limit.rows());
    let next_cursor = entries.last().filter(|_| has_more).map(|entry| encode_cursor(&entry.id));
    Ok(Json(Page { data: entries.into_iter().map(EntryView::from).collect(), next_cursor }))
}
