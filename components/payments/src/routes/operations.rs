//! What is done with a payment: capture, cancel, sync; and how every operation with a gateway begins and ends.
//!
//! What must stay true: the attempt stands before the gateway is asked; a repeat with the same key either gets the answer that
//! the first got, goes on with what the first left behind, or is told that the first is still at it; a definite answer is an
//! answer, and an unknown one is a 202.

use std::sync::Arc;

use api::{Clock, IfMatch, Path, Posted, Problem, RequestOrigin, RouteClass, SettingError, etag};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, TimeDelta, Utc};
use db::{Claim, Once};
use http::{HeaderName, HeaderValue, StatusCode, header};
use identity::{Authorized, Caller, right::WritePayments};
use ids::PaymentId;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    configured,
    payments::PaymentView,
    refusals::{Canceling, Capturing, JsonBody, OnePayment, Syncing, Writing},
};
use crate::{
    PaymentsState,
    domain::{payment::Refusal, timetable},
    error::PaymentError,
    gateway::{Failure, Gateway, send},
    settings::Gateways,
    settlement::Source,
    store::{
        self,
        attempts::{self, AttemptRow, Kind},
        payments::{Beginning, Begun, NewAttempt, PaymentRow},
    },
    work::{LEASE, Work},
};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/payments/{id}/capture", post(capture_payment))
        .route("/payments/{id}/cancel", post(cancel_payment))
        .route("/payments/{id}/sync", post(sync_payment))
        .route_layer(RouteClass::Money.layer())
}

/// How much to capture.
#[derive(Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCapture {
    /// In minor units; all that is held if it is left out.
    #[garde(range(min = 1, max = money::MINOR_MAX))]
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 1099)]
    amount: Option<i64>,
}

/// A cancellation.
#[derive(Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCancellation {}

/// Takes money that is held. Where the gateway can, several captures may each take a part.
#[utoipa::path(post, path = "/payments/{id}/capture", operation_id = "capture_payment", tag = "payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q"),
           ("Idempotency-Key" = String, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewCapture, example = json!({ "amount": 1099 })),
    responses((status = 200, description = "The payment", body = PaymentView),
              (status = 202, description = "The gateway did not answer in time: the payment, whose outcome will be found out", body = PaymentView),
              Writing, JsonBody, OnePayment, Capturing))]
pub(crate) async fn capture_payment(
    caller: Authorized<WritePayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<PaymentId>,
    Posted { body: new, claim }: Posted<NewCapture>,
) -> Result<Response, PaymentError> {
    let (gateways, claim) = (configured(&gateways)?, required(claim)?);
    let found = store::payments::find(&caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
    let gateway = found.payment.gateway;
    let may_be_partial = gateway.capabilities().partial_capture;
    if !may_be_partial {
        // Before anything is reserved; whether there is anything to capture at all is the reservation's to say.
        let left = found.payment.authorized - found.payment.captured - found.payment.capturing;
        if let Some(asked) = new.amount.filter(|asked| left > 0 && *asked < left) {
            found.payment.standing().capturable(found.payment.capturing, Some(asked), false)?;
        }
    }
    let args = attempt_args(id, new.amount, &origin, clock.now());
    let begun = store::payments::begin_capture(&caller, &claim, &args).await?;
    let begun = reserved(begun, |payment| {
        refusal(payment.standing().capturable(payment.capturing, new.amount, may_be_partial), &payment)
    })?;
    let finished = finish(gateways, &caller, begun).await?;
    finished.answer_with_payment(StatusCode::OK)
}

/// Lets go of money that is held, or withdraws a payment that nobody has paid. Where a gateway cannot take it back, the payer
/// may still pay: then the payment comes back as a late success.
#[utoipa::path(post, path = "/payments/{id}/cancel", operation_id = "cancel_payment", tag = "payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q"),
           ("Idempotency-Key" = String, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewCancellation, example = json!({})),
    responses((status = 200, description = "The payment", body = PaymentView),
              (status = 202, description = "The gateway did not answer in time: the payment, whose outcome will be found out", body = PaymentView),
              Writing, JsonBody, OnePayment, Canceling))]
pub(crate) async fn cancel_payment(
    caller: Authorized<WritePayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<PaymentId>,
    Posted { body: NewCancellation {}, claim }: Posted<NewCancellation>,
) -> Result<Response, PaymentError> {
    let (gateways, claim) = (configured(&gateways)?, required(claim)?);
    let found = store::payments::find(&caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
    let (gateway, held) = (found.payment.gateway, found.payment.authorized > 0);
    if held && !gateway.capabilities().cancel_authorized {
        return Err(PaymentError::NotSupported { gateway, what: "way to let go of what is held" });
    }
    let args = attempt_args(id, None, &origin, clock.now());
    let begun = store::payments::begin_cancel(&caller, &claim, &args).await?;
    let begun = reserved(begun, |payment| refusal(payment.standing().cancelable(payment.capturing), &payment))?;
    let finished = finish(gateways, &caller, begun).await?;
    finished.answer_with_payment(StatusCode::OK)
}

/// Asks the gateway how a payment is, and goes on with what is open. Nothing waits for this: webhooks, returning payers and the
/// sweep do the same.
#[utoipa::path(post, path = "/payments/{id}/sync", operation_id = "sync_payment", tag = "payments",
    security(("bearer" = ["payments:write"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The payment as the gateway has it now", body = PaymentView,
               headers(("ETag" = String, description = "The version of the payment"))),
              Writing, OnePayment, Syncing))]
pub(crate) async fn sync_payment(
    caller: Authorized<WritePayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    Path(id): Path<PaymentId>,
    if_match: IfMatch,
) -> Result<Response, PaymentError> {
    if let Some(version) = if_match.version() {
        let found = store::payments::find(&caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
        if found.payment.version != version {
            return Err(Problem::version_mismatch().into());
        }
    }
    let work =
        Work { gateways: configured(&gateways)?, caller: &caller, source: Source::Sync, limit: send::CALL_LIMIT };
    let payment = work.sync(id).await?.ok_or(PaymentError::PaymentNotFound)?;
    Ok(payment_response(StatusCode::OK, *payment))
}

/// A payment at its version.
pub(super) fn payment_response(status: StatusCode, payment: PaymentRow) -> Response {
    let etag = etag(payment.version);
    (status, [(header::ETAG, etag)], Json(PaymentView::from(payment))).into_response()
}

/// The key that a request which moves money must have.
pub(super) fn required(claim: Option<Claim>) -> Result<Claim, PaymentError> {
    claim.ok_or(PaymentError::IdempotencyKeyRequired)
}

/// What every operation on a payment begins with.
pub(super) fn attempt_args(
    id: PaymentId,
    amount: Option<i64>,
    origin: &RequestOrigin,
    at: DateTime<Utc>,
) -> NewAttempt<'_> {
    NewAttempt {
        id: id.uuid(),
        attempt: fresh(),
        amount,
        refund: None,
        reason: None,
        next_look_at: first_look(at),
        leased_until: at + LEASE,
        at,
        origin,
    }
}

/// A new id for an attempt, which its gateway knows it by.
pub(super) fn fresh() -> Uuid {
    ids::EventId::new().uuid()
}

/// When the sweep looks at an attempt whose maker is gone.
pub(super) fn first_look(at: DateTime<Utc>) -> DateTime<Utc> {
    at + timetable::next_look(0).unwrap_or(TimeDelta::minutes(5))
}

/// The refusal that the payment's amounts give; where they give none by now, the caller may try again.
pub(super) fn refusal<T>(rule: Result<T, Refusal>, _: &PaymentRow) -> PaymentError {
    match rule {
        Err(refusal) => refusal.into(),
        Ok(_) => Problem::conflict_in_flight().into(),
    }
}

/// What was begun, now or by the first request with this key.
pub(super) struct Beginnings {
    pub(super) begun: Begun,
    pub(super) replayed: bool,
}

/// Reads what came of beginning; a refusal is told as the payment stood then.
pub(super) fn reserved(
    once: Once<Option<Beginning>>,
    refuse: impl FnOnce(PaymentRow) -> PaymentError,
) -> Result<Beginnings, PaymentError> {
    let (beginning, replayed) = match once {
        Once::Done(beginning) => (beginning, false),
        Once::Replayed(beginning) => (beginning, true),
        Once::Mismatch => return Err(Problem::idempotency_key_reused().into()),
    };
    match beginning {
        None => Err(PaymentError::PaymentNotFound),
        Some(Beginning::Begun(begun)) => Ok(Beginnings { begun, replayed }),
        Some(Beginning::Refused(payment)) => Err(refuse(*payment)),
        Some(Beginning::NoAccount) => Err(PaymentError::GatewayAccountMissing { gateway: Gateway::Test }),
        Some(Beginning::NotAllowed) => Err(PaymentError::RefundsNotAllowed),
    }
}

/// How an operation ended, or that nobody knows yet.
pub(super) struct Finished {
    pub(super) payment: Box<PaymentRow>,
    pub(super) state: attempts::State,
    failure: Option<Failure>,
    /// What the first request with this key was told.
    pub(super) answer: Option<serde_json::Value>,
    pub(super) replayed: bool,
}

impl Finished {
    /// The answer of an operation whose resource is the payment.
    pub(super) fn answer_with_payment(self, done: StatusCode) -> Result<Response, PaymentError> {
        let status = match (self.state, self.failure) {
            (attempts::State::Succeeded, _) => done,
            (attempts::State::Started | attempts::State::Unknown, _) => StatusCode::ACCEPTED,
            (attempts::State::Declined, Some(failure)) => return Err(PaymentError::GatewayDeclined(failure)),
            (attempts::State::Refused | attempts::State::Undone, Some(failure)) => {
                return Err(PaymentError::GatewayRefused(failure));
            }
            (_, None) => return Err(Problem::internal("an attempt failed without a reason").into()),
        };
        let payment = told(self.answer, *self.payment)?;
        Ok(marked(payment_response(status, payment), self.replayed))
    }
}

/// What the first request was told, if there is such an answer.
pub(super) fn told<T: serde::de::DeserializeOwned>(
    answer: Option<serde_json::Value>,
    now: T,
) -> Result<T, PaymentError> {
    match answer {
        Some(answer) => {
            serde_json::from_value(answer).map_err(|_| Problem::internal("an attempt's answer is none").into())
        }
        None => Ok(now),
    }
}

/// Marks the answer to a repeat.
pub(super) fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    if response.status() == StatusCode::ACCEPTED {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("300"));
    }
    response
}

/// Asks the gateway for what was begun, unless somebody has, or is at it.
pub(super) async fn finish(
    gateways: &Gateways,
    caller: &Caller,
    beginnings: Beginnings,
) -> Result<Finished, PaymentError> {
    let Beginnings { begun, replayed } = beginnings;
    let id = PaymentId::from(begun.payment.id);
    let now = Clock::read().now();
    let work = Work { gateways, caller, source: Source::Api, limit: send::CALL_LIMIT };
    let (attempt, found) = if replayed {
        let attempt = store::attempts::take(caller, begun.attempt, now, now + LEASE).await?;
        let attempt = attempt.ok_or_else(|| Problem::internal("a claimed attempt is gone"))?;
        let found = store::payments::find(caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
        if !attempt.taken {
            return match attempt.state {
                attempts::State::Started | attempts::State::Unknown => Err(Problem::conflict_in_flight().into()),
                state => Ok(Finished {
                    payment: Box::new(found.payment),
                    state,
                    failure: attempt.failure,
                    answer: attempt.answer,
                    replayed,
                }),
            };
        }
        (attempt, found)
    } else {
        let found = store::payments::find(caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
        (first_try(&begun, now), found)
    };
    let account = work.account(found.payment.gateway, found.account.as_ref())?;
    let refunds = store::attempts::list_open(caller, id, now).await?.refunds;
    let done = work.attempt(Box::new(found.payment), refunds, &account, &attempt, replayed).await?;
    Ok(Finished { payment: done.payment, state: done.state, failure: done.failure, answer: None, replayed })
}

/// The attempt that was just written, as it stands in the table.
fn first_try(begun: &Begun, now: DateTime<Utc>) -> AttemptRow {
    let (kind, refund_id, amount) = match (&begun.refund, begun.amount) {
        (Some(refund), _) => (Kind::Refund, Some(refund.id), refund.amount),
        (None, None) => (Kind::Create, None, begun.payment.amount),
        (None, Some(0)) => (Kind::Cancel, None, 0),
        (None, Some(amount)) => (Kind::Capture, None, amount),
    };
    AttemptRow {
        id: begun.attempt,
        refund_id,
        kind,
        amount,
        captured_before: begun.payment.captured,
        state: attempts::State::Started,
        failure: None,
        answer: None,
        asked_at: now,
        taken: true,
    }
}
