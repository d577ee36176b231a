//! Payments: `sql/payments.sql`.

use chrono::{DateTime, Utc};
use db::{Claim, DbError, Once};
use identity::Caller;
use ids::PaymentId;
use money::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{gateway_accounts::KeysRow, refunds::RefundRow};
use crate::{
    domain::{
        customer::{Customer, Metadata},
        payment::{Phase, Standing, State},
        web_address::WebAddress,
    },
    gateway::{CaptureMethod, DisputeState, Failure, Flow, Gateway, KnownRefund, Mode, NextAction, Order, Refs},
    settlement::Settlement,
};

/// A payment as `payments.payment_view` answers it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PaymentRow {
    pub(crate) id: Uuid,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) flow: Flow,
    pub(crate) description: Option<String>,
    pub(crate) customer: Customer,
    pub(crate) metadata: Metadata,
    pub(crate) return_url: Option<WebAddress>,
    pub(crate) cancel_url: Option<WebAddress>,
    pub(crate) return_token: String,
    pub(crate) phase: Phase,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) capturing: i64,
    pub(crate) refunded: i64,
    pub(crate) refunding: i64,
    pub(crate) fee: i64,
    pub(crate) disputed: i64,
    pub(crate) dispute_state: Option<DisputeState>,
    pub(crate) state: State,
    pub(crate) late_success_at: Option<DateTime<Utc>>,
    pub(crate) reported_at: Option<DateTime<Utc>>,
    pub(crate) failure: Option<Failure>,
    pub(crate) next_action: Option<NextAction>,
    pub(crate) order_ref: Option<String>,
    pub(crate) payment_ref: Option<String>,
    pub(crate) capture_ref: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) looks: u32,
    /// The gateways that are left to be asked if this one takes nothing.
    #[serde(default)]
    pub(crate) fallbacks: Vec<Gateway>,
    pub(crate) version: i64,
}

impl PaymentRow {
    /// Its amounts and phase.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            amount: self.amount,
            authorized: self.authorized,
            captured: self.captured,
            refunded: self.refunded,
            phase: self.phase,
            late_success: self.late_success_at.is_some(),
            reported_at: self.reported_at,
        }
    }

    /// As its gateway is told of it; `None` where the row breaks its own rules.
    pub(crate) fn order(&self, public_origin: &str, refunds: &[RefundRow]) -> Option<Order> {
        let refund = |row: &RefundRow| KnownRefund {
            id: row.id.into(),
            gateway_ref: row.gateway_ref.clone(),
            amount: row.amount,
            state: row.state,
        };
        Some(Order {
            id: self.id.into(),
            money: Money::new(self.amount, self.currency)?,
            capture_method: self.capture_method,
            flow: self.flow,
            description: self.description.clone(),
            customer: self.customer.clone(),
            return_address: format!("{public_origin}/payments/return/{}", self.return_token),
            refs: Refs {
                order: self.order_ref.clone(),
                payment: self.payment_ref.clone(),
                capture: self.capture_ref.clone(),
            },
            standing: self.standing(),
            refunds: refunds.iter().map(refund).collect(),
            expires_at: self.expires_at,
        })
    }
}

/// A payment with what its gateway is asked with.
#[derive(Deserialize)]
pub(crate) struct FoundRow {
    pub(crate) payment: PaymentRow,
    /// None where the gateway needs none, or the account was removed.
    pub(crate) account: Option<KeysRow>,
}

/// What is written of a new payment. Has no `Debug`: the return token opens a page.
#[derive(Serialize)]
pub(crate) struct NewPaymentRow<'a> {
    pub(crate) id: Uuid,
    pub(crate) attempt: Uuid,
    pub(crate) gateway: Gateway,
    pub(crate) mode: Mode,
    pub(crate) account_id: Option<Uuid>,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) flow: Flow,
    pub(crate) description: Option<&'a str>,
    pub(crate) customer: &'a Customer,
    pub(crate) metadata: &'a Metadata,
    pub(crate) return_url: Option<&'a WebAddress>,
    pub(crate) cancel_url: Option<&'a WebAddress>,
    pub(crate) return_token: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) next_look_at: DateTime<Utc>,
    pub(crate) leased_until: DateTime<Utc>,
    pub(crate) fallbacks: &'a [Gateway],
    pub(crate) at: DateTime<Utc>,
}

/// What came of beginning something with a payment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Beginning {
    /// The attempt stands; the gateway is to be asked.
    Begun(Begun),
    /// The payment's amounts do not allow it: as it stands.
    Refused(Box<PaymentRow>),
    /// The gateway account is gone.
    NoAccount,
    /// The tenant does not let members return money.
    NotAllowed,
}

/// An attempt that stands.
#[derive(Debug, Deserialize)]
pub(crate) struct Begun {
    pub(crate) attempt: Uuid,
    pub(crate) payment: Box<PaymentRow>,
    /// How much was reserved: none of a payment that is being created, 0 of a cancellation.
    pub(crate) amount: Option<i64>,
    pub(crate) refund: Option<RefundRow>,
}

/// Writes a payment and the attempt to create it, at most once for the claim.
pub(crate) async fn begin(caller: &Caller, claim: &Claim, new: &NewPaymentRow<'_>) -> Result<Once<Beginning>, DbError> {
    let function = "payments.begin_payment";
    DbError::answered(function, caller.write_once(Some(claim), function, new).await?.transpose())
}

/// What an operation on a payment begins with.
#[derive(Serialize)]
pub(crate) struct NewAttempt<'a> {
    pub(crate) id: Uuid,
    pub(crate) attempt: Uuid,
    pub(crate) amount: Option<i64>,
    /// For refunds: its id, and why.
    pub(crate) refund: Option<Uuid>,
    pub(crate) reason: Option<&'a str>,
    pub(crate) next_look_at: DateTime<Utc>,
    pub(crate) leased_until: DateTime<Utc>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) origin: &'a api::RequestOrigin,
}

/// Reserves a capture; `None` where the tenant has no such payment.
pub(crate) async fn begin_capture(
    caller: &Caller,
    claim: &Claim,
    new: &NewAttempt<'_>,
) -> Result<Once<Option<Beginning>>, DbError> {
    caller.write_once(Some(claim), "payments.begin_capture", new).await
}

/// Opens a cancellation; `None` where the tenant has no such payment.
pub(crate) async fn begin_cancel(
    caller: &Caller,
    claim: &Claim,
    new: &NewAttempt<'_>,
) -> Result<Once<Option<Beginning>>, DbError> {
    caller.write_once(Some(claim), "payments.begin_cancel", new).await
}

/// One payment; `None` where the tenant has none such.
pub(crate) async fn find(caller: &Caller, id: PaymentId) -> Result<Option<FoundRow>, DbError> {
    caller.read("payments.find_payment", &json!({ "id": id.uuid() })).await
}

/// Which payments.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PaymentList {
    pub(crate) state: Option<State>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) mode: Option<Mode>,
    pub(crate) created_after: Option<DateTime<Utc>>,
    pub(crate) created_before: Option<DateTime<Utc>>,
    pub(crate) after_at: Option<api::Moment>,
    pub(crate) after_id: Option<Uuid>,
    pub(crate) limit: usize,
}

/// Payments, the newest first.
pub(crate) async fn list(caller: &Caller, list: &PaymentList) -> Result<Vec<PaymentRow>, DbError> {
    let function = "payments.list_payments";
    DbError::answered(function, caller.read(function, list).await?)
}

/// A line of a payment's timeline.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRow {
    pub(crate) id: i64,
    pub(crate) at: DateTime<Utc>,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) source: String,
    pub(crate) state: State,
    pub(crate) details: Value,
}

/// The timeline of a payment, oldest first; `None` where the tenant has none such.
pub(crate) async fn list_events(
    caller: &Caller,
    id: PaymentId,
    after: Option<i64>,
    limit: usize,
) -> Result<Option<Vec<EventRow>>, DbError> {
    caller.read("payments.list_payment_events", &json!({ "id": id.uuid(), "after": after, "limit": limit })).await
}

/// What came of settling.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Settled {
    Settled(SettledRow),
    /// The payment is at another version than the one that was read.
    Stale,
}

/// A payment as it is now.
#[derive(Debug, Deserialize)]
pub(crate) struct SettledRow {
    pub(crate) payment: Box<PaymentRow>,
}

/// Writes down what a gateway's answer makes of a payment; `None` where the tenant has none such.
pub(crate) async fn settle(caller: &Caller, settlement: &Settlement) -> Result<Option<Settled>, DbError> {
    caller.write("payments.settle", settlement).await
}
