//! Payments: created, read, listed.
//!
//! What must stay true: what a gateway cannot do is refused before it is asked; a payer is sent to no origin that the tenant has
//! not listed; `next_action` is shown only while somebody may act.

use std::sync::Arc;

use api::{
    Clock, Moment, Page, Path, Posted, Problem, Query, RouteClass, SettingError, decode_cursor, encode_cursor,
    random_bytes,
};
use axum::{Json, Router, extract::State, response::Response, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use db::Once;
use http::{HeaderValue, StatusCode, header};
use identity::{
    Authorized,
    right::{ReadPayments, WritePayments},
};
use ids::PaymentId;
use money::{Currency, Money};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    configured,
    operations::{Beginnings, finish, first_look, fresh, marked, payment_response, required, told},
    refusals::{Creating, JsonBody, OnePayment, Reading, TenantWide, Writing},
};
use crate::{
    PaymentsState,
    choice::{self, Wanted},
    domain::{
        customer::{Customer, Metadata, is_line},
        payment::State as PaymentState,
        web_address::WebAddress,
    },
    error::PaymentError,
    gateway::{CaptureMethod, DisputeState, Failure, Flow, Gateway, Mode, NextAction},
    settings::Gateways,
    store::{
        self, attempts,
        payments::{Beginning, NewPaymentRow, PaymentList, PaymentRow},
    },
    work::LEASE,
};

/// How long a payer has.
const LIFE: TimeDelta = TimeDelta::hours(23);

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/payments", get(list_payments).post(create_payment))
        .route("/payments/{id}", get(find_payment))
        .route_layer(RouteClass::Money.layer())
}

/// What is to be paid.
#[derive(Debug, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPayment {
    /// In the currency's smallest unit: 1099 of USD are 10.99 dollars, 500 of JPY are 500 yen.
    #[garde(range(min = 1, max = money::MINOR_MAX))]
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 1099)]
    amount: i64,
    /// ISO 4217, in capital letters.
    #[garde(skip)]
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
    /// The tenant's routing chooses if it is left out.
    #[garde(skip)]
    gateway: Option<Gateway>,
    /// Whether money moves; by default it does, but at the gateway `test`.
    #[garde(skip)]
    mode: Option<Mode>,
    /// `automatic` by default.
    #[garde(skip)]
    capture_method: Option<CaptureMethod>,
    /// `redirect` by default.
    #[garde(skip)]
    flow: Option<Flow>,
    /// What the payer is shown.
    #[garde(inner(custom(is_line)))]
    #[schema(max_length = 100, example = "Pro plan")]
    description: Option<String>,
    #[garde(dive)]
    #[serde(default)]
    customer: Customer,
    #[garde(dive)]
    #[serde(default)]
    metadata: Metadata,
    /// Where the payer goes afterwards, with `payment_id` added. Its origin must be among the tenant's `return_origins`.
    #[garde(skip)]
    return_url: Option<WebAddress>,
    /// Where the payer goes who gave up; `return_url` if it is left out.
    #[garde(skip)]
    cancel_url: Option<WebAddress>,
}

/// A payment. Amounts are in the currency's smallest unit.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Payment, example = json!({
    "id": "pay_01h455vb4pex5vsknk084sn02q", "state": "partially_refunded", "amount": 1099, "currency": "EUR",
    "authorized": 1099, "captured": 1099, "refunded": 300, "refund_pending": 0, "fee": 0, "gateway": "test", "mode": "test",
    "capture_method": "automatic", "flow": "redirect", "description": "Pro plan", "customer": { "name": "Ada Lovelace", "country": "GB" },
    "metadata": { "order": "1815" }, "return_url": "https://shop.example.com/thanks", "cancel_url": null, "next_action": null,
    "failure": null, "late_success_at": null, "dispute": null,
    "gateway_refs": { "order": null, "payment": "test_01h455vb4pex5vsknk084sn02q", "capture": null },
    "created_at": "2026-01-31T09:30:00.123456Z", "updated_at": "2026-01-31T09:41:12.000512Z",
    "expires_at": "2026-02-01T09:30:00.123456Z"}))]
pub(crate) struct PaymentView {
    #[schema(value_type = String, example = "pay_01h455vb4pex5vsknk084sn02q")]
    id: PaymentId,
    state: PaymentState,
    #[schema(example = 1099)]
    amount: i64,
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
    /// Held by the gateway, what was captured of it included.
    authorized: i64,
    captured: i64,
    refunded: i64,
    /// Refunds that were asked for and are not certain yet.
    refund_pending: i64,
    /// What the gateway keeps, where it says so.
    fee: i64,
    gateway: Gateway,
    mode: Mode,
    capture_method: CaptureMethod,
    flow: Flow,
    #[schema(required)]
    description: Option<String>,
    customer: Customer,
    metadata: Metadata,
    #[schema(required)]
    return_url: Option<WebAddress>,
    #[schema(required)]
    cancel_url: Option<WebAddress>,
    /// What the payer's browser must do; null when there is nothing to do.
    #[schema(required)]
    next_action: Option<NextAction>,
    /// Why the last thing that was tried did not work.
    #[schema(required)]
    failure: Option<Failure>,
    /// When money came although the payment was canceled, expired or failed: honour it or refund it.
    #[schema(required)]
    late_success_at: Option<DateTime<Utc>>,
    #[schema(required)]
    dispute: Option<DisputeView>,
    /// The gateway's names for it.
    gateway_refs: GatewayRefsView,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Until then the payer may pay.
    expires_at: DateTime<Utc>,
}

/// A payer's complaint with their bank.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentDispute)]
pub(crate) struct DisputeView {
    amount: i64,
    state: DisputeState,
}

/// The gateway's names for a payment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GatewayRefs)]
pub(crate) struct GatewayRefsView {
    /// The session, order or link.
    #[schema(required)]
    order: Option<String>,
    #[schema(required)]
    payment: Option<String>,
    #[schema(required)]
    capture: Option<String>,
}

impl From<PaymentRow> for PaymentView {
    fn from(row: PaymentRow) -> Self {
        let may_act = matches!(row.state, PaymentState::Created | PaymentState::RequiresAction);
        Self {
            id: row.id.into(),
            state: row.state,
            amount: row.amount,
            currency: row.currency,
            authorized: row.authorized,
            captured: row.captured,
            refunded: row.refunded,
            refund_pending: row.refunding,
            fee: row.fee,
            gateway: row.gateway,
            mode: row.mode,
            capture_method: row.capture_method,
            flow: row.flow,
            description: row.description,
            customer: row.customer,
            metadata: row.metadata,
            return_url: row.return_url,
            cancel_url: row.cancel_url,
            next_action: row.next_action.filter(|_| may_act),
            failure: row.failure,
            late_success_at: row.late_success_at,
            dispute: row.dispute_state.map(|state| DisputeView { amount: row.disputed, state }),
            gateway_refs: GatewayRefsView { order: row.order_ref, payment: row.payment_ref, capture: row.capture_ref },
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
        }
    }
}

/// Creates a payment at a gateway. What the payer must do next is in `next_action`; a payment that was declined is created all
/// the same, and `failed`.
#[utoipa::path(post, path = "/payments", operation_id = "create_payment", tag = "payments",
    security(("bearer" = ["payments:write"])),
    params(("Idempotency-Key" = String, Header, description = "Repeats make no second payment and get the first answer for 24 hours")),
    request_body(content = NewPayment, example = json!({ "amount": 1099, "currency": "EUR", "gateway": "test", "description": "Pro plan" })),
    responses((status = 201, description = "The payment", body = PaymentView,
               headers(("Location" = String, description = "The path of the payment"),
                       ("ETag" = String, description = "The version of the payment"))),
              (status = 202, description = "The gateway did not answer in time: the payment, whose outcome will be found out", body = PaymentView),
              Writing, JsonBody, TenantWide, Creating))]
pub(crate) async fn create_payment(
    caller: Authorized<WritePayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    Posted { body: new, claim }: Posted<NewPayment>,
) -> Result<Response, PaymentError> {
    let (gateways, claim) = (configured(&gateways)?, required(claim)?);
    let money = Money::new(new.amount, new.currency).ok_or_else(|| Problem::internal("an amount was not validated"))?;
    let wanted = Wanted {
        money,
        mode: new.mode.unwrap_or(if new.gateway == Some(Gateway::Test) { Mode::Test } else { Mode::Live }),
        flow: new.flow.unwrap_or(Flow::Redirect),
        capture_method: new.capture_method.unwrap_or(CaptureMethod::Automatic),
        customer: &new.customer,
    };
    check_addresses(&caller, &new).await?;
    let chosen = choice::choose(&caller, new.gateway, &wanted).await?;

    let at = clock.now();
    let args = NewPaymentRow {
        id: PaymentId::new().uuid(),
        attempt: fresh(),
        gateway: chosen.gateway,
        mode: wanted.mode,
        account_id: chosen.account_id,
        amount: new.amount,
        currency: new.currency,
        capture_method: wanted.capture_method,
        flow: wanted.flow,
        description: new.description.as_deref(),
        customer: &new.customer,
        metadata: &new.metadata,
        return_url: new.return_url.as_ref(),
        cancel_url: new.cancel_url.as_ref(),
        return_token: URL_SAFE_NO_PAD.encode(random_bytes::<32>()?),
        expires_at: at + LIFE,
        next_look_at: first_look(at),
        leased_until: at + LEASE,
        fallbacks: &chosen.fallbacks,
        at,
    };
    let (begun, replayed) = match store::payments::begin(&caller, &claim, &args).await? {
        Once::Done(Beginning::Begun(begun)) => (begun, false),
        Once::Replayed(Beginning::Begun(begun)) => (begun, true),
        Once::Mismatch => return Err(Problem::idempotency_key_reused().into()),
        Once::Done(_) | Once::Replayed(_) => {
            return Err(PaymentError::GatewayAccountMissing { gateway: chosen.gateway });
        }
    };
    let finished = finish(gateways, &caller, Beginnings { begun, replayed }).await?;
    let status = match finished.state {
        attempts::State::Started | attempts::State::Unknown => StatusCode::ACCEPTED,
        attempts::State::Succeeded | attempts::State::Declined | attempts::State::Refused | attempts::State::Undone => {
            StatusCode::CREATED
        }
    };
    let payment = told(finished.answer, *finished.payment)?;
    let location = HeaderValue::from_str(&format!("/payments/{}", PaymentId::from(payment.id)));
    let mut response = payment_response(status, payment);
    response.headers_mut().extend(location.ok().map(|path| (header::LOCATION, path)));
    Ok(marked(response, finished.replayed))
}

async fn check_addresses(caller: &Authorized<WritePayments>, new: &NewPayment) -> Result<(), PaymentError> {
    if new.return_url.is_none() && new.cancel_url.is_none() {
        return Ok(());
    }
    let settings = store::settings::find(caller).await?;
    for (field, address) in [("return_url", &new.return_url), ("cancel_url", &new.cancel_url)] {
        let Some(address) = address else { continue };
        if !settings.return_origins.iter().any(|origin| origin.as_str() == address.origin()) {
            return Err(PaymentError::ReturnUrlNotAllowed { field });
        }
    }
    Ok(())
}

/// Which payments; filters narrow each other down.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    state: Option<PaymentState>,
    gateway: Option<Gateway>,
    mode: Option<Mode>,
    /// Created at this moment or later.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_after: Option<Moment>,
    /// Created before this moment.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_before: Option<Moment>,
    /// How many payments to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The place of a payment in the list.
#[derive(Serialize, Deserialize)]
struct Place {
    at: Moment,
    id: Uuid,
}

/// Lists payments, the newest first.
#[utoipa::path(get, path = "/payments", operation_id = "list_payments", tag = "payments",
    security(("bearer" = ["payments:read"])),
    params(PaymentQuery),
    responses((status = 200, description = "A page of payments", body = Page<PaymentView>), Reading, TenantWide))]
pub(crate) async fn list_payments(
    caller: Authorized<ReadPayments>,
    Query(query): Query<PaymentQuery>,
) -> Result<Json<Page<PaymentView>>, PaymentError> {
    let after: Option<Place> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let list = PaymentList {
        state: query.state,
        gateway: query.gateway,
        mode: query.mode,
        created_after: query.created_after.map(Moment::time),
        created_before: query.created_before.map(Moment::time),
        after_at: after.as_ref().map(|place| place.at),
        after_id: after.as_ref().map(|place| place.id),
        limit: query.limit.rows() + 1,
    };
    let mut payments = store::payments::list(&caller, &list).await?;
    let has_more = payments.len() > query.limit.rows();
    payments.truncate(query.limit.rows());
    let last = payments.last().filter(|_| has_more);
    let next_cursor = last.map(|payment| encode_cursor(&Place { at: payment.created_at.into(), id: payment.id }));
    Ok(Json(Page { data: payments.into_iter().map(PaymentView::from).collect(), next_cursor }))
}

/// Gives a payment.
#[utoipa::path(get, path = "/payments/{id}", operation_id = "find_payment", tag = "payments",
    security(("bearer" = ["payments:read"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The payment", body = PaymentView,
               headers(("ETag" = String, description = "The version of the payment"))),
              Reading, OnePayment))]
pub(crate) async fn find_payment(
    caller: Authorized<ReadPayments>,
    Path(id): Path<PaymentId>,
) -> Result<Response, PaymentError> {
    let found = store::payments::find(&caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
    Ok(payment_response(StatusCode::OK, found.payment))
}
