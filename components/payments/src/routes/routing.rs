//! The tenant's routing: who takes the payments whose clients name no gateway.

use api::{Clock, IfMatch, Json as JsonIn, RequestOrigin, etag};
use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use identity::{
    Authorized,
    right::{ManageGateways, ReadPayments},
};
use serde::{Deserialize, Serialize};

use super::refusals::{JsonBody, Reading, TenantWide, Versioned, Writing};
use crate::{
    PaymentsState,
    domain::routing::{RULES_MAX, Rule},
    error::PaymentError,
    store::{
        self,
        routing::{Put, RoutingRow},
    },
};

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/payments/routing", get(find_payment_routing).put(put_payment_routing))
}

/// The rules, in the order in which they are looked at: the first that is for a payment decides.
#[derive(Debug, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "rules": [
    { "currencies": ["INR"], "gateways": ["razorpay", "payu"] }, { "gateways": ["stripe", "paypal"] }]}))]
pub(crate) struct PaymentRouting {
    #[garde(length(max = RULES_MAX), dive)]
    #[schema(max_items = 50)]
    rules: Vec<Rule>,
}

fn response(row: RoutingRow) -> Response {
    ([(header::ETAG, etag(row.version))], Json(PaymentRouting { rules: row.rules })).into_response()
}

/// Gives the tenant's routing.
#[utoipa::path(get, path = "/payments/routing", operation_id = "find_payment_routing", tag = "payments",
    security(("bearer" = ["payments:read"])),
    responses((status = 200, description = "The rules", body = PaymentRouting,
               headers(("ETag" = String, description = "The version of the rules"))), Reading, TenantWide))]
pub(crate) async fn find_payment_routing(caller: Authorized<ReadPayments>) -> Result<Response, PaymentError> {
    Ok(response(store::routing::find(&caller).await?))
}

/// Replaces the tenant's routing. Payments that are there stay where they are.
#[utoipa::path(put, path = "/payments/routing", operation_id = "put_payment_routing", tag = "payments",
    security(("bearer" = ["gateways:write"])),
    params(("If-Match" = Option<String>, Header, description = "The ETag that the rules must still have")),
    request_body(content = PaymentRouting, example = json!({ "rules": [
        { "currencies": ["INR"], "gateways": ["razorpay", "payu"] }, { "gateways": ["stripe", "paypal"] }] })),
    responses((status = 200, description = "The rules", body = PaymentRouting,
               headers(("ETag" = String, description = "The version of the rules"))),
              Writing, JsonBody, TenantWide, Versioned))]
pub(crate) async fn put_payment_routing(
    caller: Authorized<ManageGateways>,
    clock: Clock,
    origin: RequestOrigin,
    if_match: IfMatch,
    JsonIn(new): JsonIn<PaymentRouting>,
) -> Result<Response, PaymentError> {
    match store::routing::put(&caller, &new.rules, if_match.version(), clock.now(), &origin).await? {
        Put::Put(row) => Ok(response(row)),
        Put::Stale => Err(PaymentError::SettingsStale),
    }
}
