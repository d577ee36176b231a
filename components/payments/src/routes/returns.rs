//! Payers who come back from a gateway: their browser brings the token of their payment, and perhaps word of how it went.
//!
//! What must stay true: nothing that the browser says is believed; it is a reason to ask the gateway. The payer goes on to the
//! tenant's page, on an origin that the tenant listed when the payment was made, or sees a page of ours.

use std::{sync::Arc, time::Duration};

use api::{App, Clock, Problem, SettingError, Visitor, read_body};
use axum::{
    Router,
    body::Body,
    extract::{Path as RawPath, RawQuery, State},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use identity::Caller;
use ids::PaymentId;

use super::{configured, refusals::Returning};
use crate::{
    PaymentsState,
    domain::payment::State as PaymentState,
    error::{PaymentError, return_not_found},
    gateway::Gateway,
    settings::Gateways,
    settlement::{Settlement, Source},
    store::{
        self,
        payments::{FoundRow, PaymentRow},
        work::ENTER_PAYMENT,
    },
    work::Work,
};

/// A payer who waits.
const LIMIT: Duration = Duration::from_secs(8);
const FORM_BYTES_MAX: usize = 64 << 10;
const TOKEN_CHARS: usize = 43;

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/payments/return/{token}", get(return_payer).post(return_payer_by_form))
}

/// Takes a payer back whose gateway sends them with a link.
#[utoipa::path(get, path = "/payments/return/{token}", operation_id = "return_payer", tag = "payments",
    params(("token" = String, Path, description = "The payment's token, from the address that its gateway was given")),
    responses((status = 303, description = "On to the tenant's page, with `payment_id` added"),
              (status = 200, description = "A page, where the tenant has none", content_type = "text/html", body = String),
              Returning))]
pub(crate) async fn return_payer(
    _: Visitor,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    RawPath(token): RawPath<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, PaymentError> {
    let parameters = pairs(query.unwrap_or_default().as_bytes());
    welcome_back(app, configured(&gateways)?, &token, parameters, false).await
}

/// Takes a payer back whose gateway sends them with a form.
#[utoipa::path(post, path = "/payments/return/{token}", operation_id = "return_payer_by_form", tag = "payments",
    params(("token" = String, Path, description = "The payment's token, from the address that its gateway was given")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "As the gateway's page sends it",
        example = json!({ "choice": "paid" })),
    responses((status = 303, description = "On to the tenant's page, with `payment_id` added"),
              (status = 200, description = "A page, where the tenant has none", content_type = "text/html", body = String),
              Returning))]
pub(crate) async fn return_payer_by_form(
    _: Visitor,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    RawPath(token): RawPath<String>,
    body: Body,
) -> Result<Response, PaymentError> {
    let parameters = pairs(&read_body(body, FORM_BYTES_MAX).await?);
    welcome_back(app, configured(&gateways)?, &token, parameters, true).await
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().take(100).collect()
}

async fn welcome_back(
    app: Arc<App>,
    gateways: &Gateways,
    token: &str,
    parameters: Vec<(String, String)>,
    by_form: bool,
) -> Result<Response, PaymentError> {
    let is_token = token.len() == TOKEN_CHARS
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let id = if is_token {
        let db = app.open_database().await?;
        store::work::find_return(&db, token).await?
    } else {
        None
    };
    let id: PaymentId = id.ok_or_else(return_not_found)?;
    let caller = Caller::of_row(app, ENTER_PAYMENT, id.uuid());
    let found = store::payments::find(&caller, id).await?.ok_or_else(return_not_found)?;
    let FoundRow { payment, account } = &found;
    let is_test_page = payment.gateway == Gateway::Test && payment.state == PaymentState::RequiresAction && !by_form;
    if is_test_page {
        return Ok(test_page(payment));
    }

    let work = Work { gateways, caller: &caller, source: Source::Return, limit: LIMIT };
    let account = work.account(payment.gateway, account.as_ref());
    if let (Ok(account), Some(order)) = (&account, payment.order(&gateways.public_origin, &[]))
        && let Some(refs) = account.credentials.returned(&order, &parameters)
    {
        store::payments::settle(&caller, &Settlement::of_return(payment, refs, Clock::read().now())).await?;
    }
    // A payer is not to see our troubles: their payment is as it is, and the sweep will look again.
    let asked: Result<_, Problem> = work.sync(id).await.map_err(Problem::from);
    let payment = match asked {
        Ok(Some(payment)) => *payment,
        Ok(None) | Err(_) => found.payment,
    };
    let gave_up = parameters.iter().any(|(name, value)| name == "canceled" && value == "1")
        || matches!(payment.state, PaymentState::Canceled | PaymentState::Failed | PaymentState::Expired);
    let address =
        if gave_up { payment.cancel_url.as_ref().or(payment.return_url.as_ref()) } else { payment.return_url.as_ref() };
    let location = address.and_then(|address| HeaderValue::from_str(&address.with("payment_id", &id.to_string())).ok());
    Ok(match location {
        Some(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        None => page("Thank you", "<p>You can close this page.</p>"),
    })
}

/// Where the payer of the gateway `test` decides.
fn test_page(payment: &PaymentRow) -> Response {
    let button = |choice: &str, label: &str| {
        format!("<form method=\"post\"><button name=\"choice\" value=\"{choice}\">{label}</button></form>")
    };
    let amount = money::Money::new(payment.amount, payment.currency)
        .and_then(|money| money::Form::iso(payment.currency).text(money).ok())
        .unwrap_or_default();
    let text = format!(
        "<p>This is the page of the gateway <code>test</code>. No money moves.</p><p><strong>{amount} {}</strong></p>{}{}",
        payment.currency,
        button("paid", "Pay"),
        button("declined", "Decline"),
    );
    page("Pay", &text)
}

fn page(title: &str, body: &str) -> Response {
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'; base-uri 'none'",
    );
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:26rem;margin:15vh auto;padding:0 1rem}}\
         button{{font:inherit;width:100%;padding:.6rem;margin:.2rem 0}}</style><h1>{title}</h1>{body}</html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
