//! Attempts, the questions to gateways that may move money: `sql/payments.sql`.

use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use ids::PaymentId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::refunds::RefundRow;
use crate::gateway::Failure;

/// How an attempt ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Started,
    Unknown,
    Succeeded,
    Declined,
    Refused,
    Undone,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Create,
    Capture,
    Cancel,
    Refund,
}

/// An attempt as `payments.attempt_view` answers it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AttemptRow {
    pub(crate) id: Uuid,
    pub(crate) refund_id: Option<Uuid>,
    #[serde(rename = "verb")]
    pub(crate) kind: Kind,
    pub(crate) amount: i64,
    pub(crate) captured_before: i64,
    pub(crate) state: State,
    pub(crate) failure: Option<Failure>,
    /// What the client was told.
    pub(crate) answer: Option<Value>,
    pub(crate) asked_at: DateTime<Utc>,
    /// Whether it is ours to go on with.
    pub(crate) taken: bool,
}

/// Finds an attempt, and takes it up where it is open and nobody is at it.
pub(crate) async fn take(
    caller: &Caller,
    id: Uuid,
    at: DateTime<Utc>,
    leased_until: DateTime<Utc>,
) -> Result<Option<AttemptRow>, DbError> {
    caller.write("payments.take_attempt", &json!({ "attempt": id, "at": at, "leased_until": leased_until })).await
}

/// What is open of a payment, and its refunds.
#[derive(Debug, Deserialize)]
pub(crate) struct OpenRow {
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) refunds: Vec<RefundRow>,
}

/// Lists a payment's open attempts that nobody is at, and all of its refunds.
pub(crate) async fn list_open(caller: &Caller, payment: PaymentId, at: DateTime<Utc>) -> Result<OpenRow, DbError> {
    let function = "payments.list_open";
    DbError::answered(function, caller.read(function, &json!({ "id": payment.uuid(), "at": at })).await?)
}
