//! Refunds of a payment: several, each of a part, never more than was captured.
//!
//! What must stay true: the amount is reserved before the gateway is asked, whoever else asks at the same time.

use std::sync::Arc;

use api::{
    Clock, Moment, Page, Path, Posted, Query, RequestOrigin, RouteClass, SettingError, decode_cursor, encode_cursor,
};
use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use identity::{
    Authorized,
    right::{ReadPayments, RefundPayments},
};
use ids::{PaymentId, RefundId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    configured,
    operations::{attempt_args, finish, marked, refusal, required, reserved, told},
    refusals::{JsonBody, OnePayment, Reading, Refunding, Writing},
};
use crate::{
    PaymentsState,
    domain::{customer::is_line, refund::State as RefundState},
    error::PaymentError,
    gateway::Failure,
    settings::Gateways,
    store::{self, attempts, payments::NewAttempt, refunds::RefundRow},
};

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/payments/{id}/refunds", get(list_refunds).post(create_refund))
        .route_layer(RouteClass::Money.layer())
}

/// What is to go back.
#[derive(Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRefund {
    /// In minor units; all that is left of what was captured if it is left out.
    #[garde(range(min = 1, max = money::MINOR_MAX))]
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 300)]
    amount: Option<i64>,
    /// For the tenant's own records.
    #[garde(inner(custom(is_line)))]
    #[schema(max_length = 100, example = "returned goods")]
    reason: Option<String>,
}

/// A refund. Its amount is in the payment's currency, in minor units.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Refund, example = json!({
    "id": "ref_01h455vb4pex5vsknk084sn02q", "payment": "pay_01h455vb4pex5vsknk084sn02q", "amount": 300, "state": "succeeded",
    "reason": "returned goods", "failure": null, "gateway_ref": "test_01h455vb4pex5vsknk084sn02q",
    "created_by": "usr_01h455vb4pex5vsknk084sn02q", "created_at": "2026-01-31T09:41:12.000512Z",
    "updated_at": "2026-01-31T09:41:12.000512Z"}))]
pub(crate) struct RefundView {
    #[schema(value_type = String, example = "ref_01h455vb4pex5vsknk084sn02q")]
    id: RefundId,
    #[schema(value_type = String, example = "pay_01h455vb4pex5vsknk084sn02q")]
    payment: PaymentId,
    #[schema(example = 300)]
    amount: i64,
    state: RefundState,
    #[schema(required)]
    reason: Option<String>,
    #[schema(required)]
    failure: Option<Failure>,
    /// The gateway's name for it.
    #[schema(required)]
    gateway_ref: Option<String>,
    /// Who asked for it; null where it was made at the gateway itself.
    #[schema(value_type = Option<String>, required)]
    created_by: Option<UserId>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<RefundRow> for RefundView {
    fn from(row: RefundRow) -> Self {
        Self {
            id: row.id.into(),
            payment: row.payment_id.into(),
            amount: row.amount,
            state: row.state,
            reason: row.reason,
            failure: row.failure,
            gateway_ref: row.gateway_ref,
            created_by: row.created_by.map(UserId::from),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Returns money. A refund that the gateway would not make is created all the same, and `failed`; one that is not certain yet is
/// `pending`, and one that succeeded may still fail.
#[utoipa::path(post, path = "/payments/{id}/refunds", operation_id = "create_refund", tag = "payments",
    security(("bearer" = ["payments:refund"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q"),
           ("Idempotency-Key" = String, Header, description = "Repeats make no second refund and get the first answer for 24 hours")),
    request_body(content = NewRefund, example = json!({ "amount": 300, "reason": "returned goods" })),
    responses((status = 201, description = "The refund", body = RefundView),
              (status = 202, description = "The gateway did not answer in time: the refund, whose outcome will be found out", body = RefundView),
              Writing, JsonBody, OnePayment, Refunding))]
pub(crate) async fn create_refund(
    caller: Authorized<RefundPayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<PaymentId>,
    Posted { body: new, claim }: Posted<NewRefund>,
) -> Result<Response, PaymentError> {
    let (gateways, claim) = (configured(&gateways)?, required(claim)?);
    let args = NewAttempt {
        refund: Some(RefundId::new().uuid()),
        reason: new.reason.as_deref(),
        ..attempt_args(id, new.amount, &origin, clock.now())
    };
    let begun = store::refunds::begin(&caller, &claim, &args).await?;
    let begun =
        reserved(begun, |payment| refusal(payment.standing().refundable(payment.refunding, new.amount), &payment))?;
    let refund = begun.begun.refund.as_ref().map(|refund| refund.id).unwrap_or_default();
    let finished = finish(gateways, &caller, begun).await?;
    let status = match finished.state {
        attempts::State::Started | attempts::State::Unknown => StatusCode::ACCEPTED,
        attempts::State::Succeeded | attempts::State::Declined | attempts::State::Refused | attempts::State::Undone => {
            StatusCode::CREATED
        }
    };
    let now = match &finished.answer {
        Some(_) => None,
        None => store::refunds::find(&caller, RefundId::from(refund)).await?,
    };
    let refund = match now {
        Some(refund) => refund,
        None => told(finished.answer, None)?.ok_or(PaymentError::PaymentNotFound)?,
    };
    Ok(marked((status, Json(RefundView::from(refund))).into_response(), finished.replayed))
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RefundQuery {
    /// How many refunds to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the refunds of a payment, oldest first, those that were made at the gateway itself too.
#[utoipa::path(get, path = "/payments/{id}/refunds", operation_id = "list_refunds", tag = "payments",
    security(("bearer" = ["payments:read"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q"), RefundQuery),
    responses((status = 200, description = "A page of refunds", body = Page<RefundView>), Reading, OnePayment))]
pub(crate) async fn list_refunds(
    caller: Authorized<ReadPayments>,
    Path(id): Path<PaymentId>,
    Query(query): Query<RefundQuery>,
) -> Result<Json<Page<RefundView>>, PaymentError> {
    let after: Option<(Moment, Uuid)> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let refunds = store::refunds::list(&caller, id, after, query.limit.rows() + 1).await?;
    let mut refunds = refunds.ok_or(PaymentError::PaymentNotFound)?;
    let has_more = refunds.len() > query.limit.rows();
    refunds.truncate(query.limit.rows());
    let last = refunds.last().filter(|_| has_more);
    let next_cursor = last.map(|refund| encode_cursor(&(Moment::from(refund.created_at), refund.id)));
    Ok(Json(Page { data: refunds.into_iter().map(RefundView::from).collect(), next_cursor }))
}
