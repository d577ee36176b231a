//! Refunds: `sql/refunds.sql`.

use chrono::{DateTime, Utc};
use db::{Claim, DbError, Once};
use identity::Caller;
use ids::{PaymentId, RefundId};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::payments::{Beginning, NewAttempt};
use crate::{domain::refund::State, gateway::Failure};

/// A refund as `payments.refund_view` answers it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RefundRow {
    pub(crate) id: Uuid,
    pub(crate) payment_id: Uuid,
    pub(crate) amount: i64,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) gateway_ref: Option<String>,
    pub(crate) created_by: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

/// Reserves a refund; `None` where the tenant has no such payment.
pub(crate) async fn begin(
    caller: &Caller,
    claim: &Claim,
    new: &NewAttempt<'_>,
) -> Result<Once<Option<Beginning>>, DbError> {
    caller.write_once(Some(claim), "payments.begin_refund", new).await
}

/// One refund; `None` where the tenant has none such.
pub(crate) async fn find(caller: &Caller, id: RefundId) -> Result<Option<RefundRow>, DbError> {
    caller.read("payments.find_refund", &json!({ "id": id.uuid() })).await
}

/// The refunds of a payment, oldest first; `None` where the tenant has no such payment.
pub(crate) async fn list(
    caller: &Caller,
    payment: PaymentId,
    after: Option<(api::Moment, Uuid)>,
    limit: usize,
) -> Result<Option<Vec<RefundRow>>, DbError> {
    let args = json!({
        "id": payment.uuid(), "after_at": after.map(|(at, _)| at), "after_id": after.map(|(_, id)| id), "limit": limit,
    });
    caller.read("payments.list_refunds", &args).await
}
