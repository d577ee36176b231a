//! A tenant's rules for payments: where payers may be sent back to, and who may return money.

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
    domain::web_address::Origin,
    error::PaymentError,
    store::{
        self,
        settings::{Put, SettingsRow},
    },
};

const ORIGINS_MAX: usize = 20;

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/payments/settings", get(find_payment_settings).put(put_payment_settings))
}

/// The rules.
#[derive(Debug, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "return_origins": ["https://shop.example.com"], "members_may_refund": false }))]
pub(crate) struct PaymentSettings {
    /// Origins that payers may be sent back to: https, or the machine at hand.
    #[garde(length(max = ORIGINS_MAX))]
    #[schema(value_type = Vec<String>, max_items = 20, example = json!(["https://shop.example.com"]))]
    return_origins: Vec<Origin>,
    /// Whether members may return money; owners and admins always may.
    #[garde(skip)]
    members_may_refund: bool,
}

fn response(row: SettingsRow) -> Response {
    let settings = PaymentSettings { return_origins: row.return_origins, members_may_refund: row.members_may_refund };
    ([(header::ETAG, etag(row.version))], Json(settings)).into_response()
}

/// Gives the tenant's rules for payments.
#[utoipa::path(get, path = "/payments/settings", operation_id = "find_payment_settings", tag = "payments",
    security(("bearer" = ["payments:read"])),
    responses((status = 200, description = "The rules", body = PaymentSettings,
               headers(("ETag" = String, description = "The version of the rules"))), Reading, TenantWide))]
pub(crate) async fn find_payment_settings(caller: Authorized<ReadPayments>) -> Result<Response, PaymentError> {
    Ok(response(store::settings::find(&caller).await?))
}

/// Replaces the tenant's rules for payments.
#[utoipa::path(put, path = "/payments/settings", operation_id = "put_payment_settings", tag = "payments",
    security(("bearer" = ["gateways:write"])),
    params(("If-Match" = Option<String>, Header, description = "The ETag that the rules must still have")),
    request_body(content = PaymentSettings, example = json!({ "return_origins": ["https://shop.example.com"], "members_may_refund": false })),
    responses((status = 200, description = "The rules", body = PaymentSettings,
               headers(("ETag" = String, description = "The version of the rules"))),
              Writing, JsonBody, TenantWide, Versioned))]
pub(crate) async fn put_payment_settings(
    caller: Authorized<ManageGateways>,
    clock: Clock,
    origin: RequestOrigin,
    if_match: IfMatch,
    JsonIn(new): JsonIn<PaymentSettings>,
) -> Result<Response, PaymentError> {
    let (origins, members_may_refund) = (&new.return_origins, new.members_may_refund);
    match store::settings::put(&caller, origins, members_may_refund, if_match.version(), clock.now(), &origin).await? {
        Put::Put(row) => Ok(response(row)),
        Put::Stale => Err(PaymentError::SettingsStale),
    }
}
