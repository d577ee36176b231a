//! Messages of gateways.
//!
//! Each is verified over its raw bytes with the secret of the account that the address names, kept under a key that every
//! delivery of it has, and only then a reason to ask the gateway how the payment is: what the message says is not applied. What
//! must stay true: without a secret nothing verifies; a message that was kept is worked on although nobody waits for it (the
//! sweep finds its payment due); the gateway is answered within a few seconds.

use std::{sync::Arc, time::Duration};

use api::{App, BODY_BYTES_MAX, Clock, Problem, SettingError, WebhookSender, read_body};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path as RawPath, State},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::HeaderMap;
use identity::Caller;
use ids::{EventId, GatewayAccountId, PaymentId};
use serde::Serialize;

use super::{configured, refusals::Receiving};
use crate::{
    PaymentsState,
    error::PaymentError,
    gateway::{Gateway, Postback, WebhookRefusal, send},
    settings::Gateways,
    settlement::Source,
    store::{
        self,
        gateway_accounts::KeysRow,
        work::{ENTER_ACCOUNT, ENTER_PAYMENT, Recording},
    },
    work::{Work, keep_token},
};

/// Razorpay waits 5 s for its answer, the others longer.
const LIMIT: Duration = Duration::from_secs(4);

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/webhooks/{gateway}/{account}", post(receive_webhook))
        .route("/webhooks/{gateway}", post(receive_bare_webhook))
}

/// What a gateway is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WebhookReceipt, example = json!({ "received": true }))]
pub(crate) struct Receipt {
    /// Always true: it is kept.
    received: bool,
}

/// Takes a message of a gateway. Repeats are taken and change nothing.
#[utoipa::path(post, path = "/webhooks/{gateway}/{account}", operation_id = "receive_webhook", tag = "gateways",
    params(("gateway" = String, Path, description = "The gateway", example = "stripe"),
           ("account" = String, Path, description = "The gateway account", example = "gwa_01h455vb4pex5vsknk084sn02q")),
    request_body(content = Object, content_type = "application/json", description = "As the gateway sends it, signed in its own way",
        example = json!({ "id": "evt_1Q2w3E4r5T", "type": "checkout.session.completed", "livemode": false, "created": 1_795_000_000,
            "data": { "object": { "id": "cs_test_a1B2c3", "object": "checkout.session", "client_reference_id": "pay_01h455vb4pex5vsknk084sn02q" } } })),
    responses((status = 200, description = "It is kept", body = Receipt), Receiving))]
pub(crate) async fn receive_webhook(
    sender: WebhookSender,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    RawPath((gateway, account)): RawPath<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, PaymentError> {
    let received = receive_for_account(&app, &gateways, &gateway, &account, &headers, body).await;
    counted(&app, &sender, received).await
}

async fn receive_for_account(
    app: &Arc<App>,
    gateways: &Arc<Result<Gateways, SettingError>>,
    gateway: &str,
    account: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, PaymentError> {
    let gateway = Gateway::named(gateway).ok_or(PaymentError::GatewayNotFound)?;
    let id: GatewayAccountId = account.parse().map_err(|_| PaymentError::GatewayAccountNotFound)?;
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let keys = {
        let db = app.open_database().await?;
        store::work::find_webhook_account(&db, id).await?
    };
    let keys = keys.filter(|keys| keys.gateway == gateway).ok_or(PaymentError::GatewayAccountNotFound)?;
    receive(app.clone(), configured(gateways)?, &keys, headers, &body).await
}

/// What is refused counts against the address that it came from.
async fn counted(
    app: &App,
    sender: &WebhookSender,
    received: Result<Json<Receipt>, PaymentError>,
) -> Result<Json<Receipt>, PaymentError> {
    if let Err(
        PaymentError::GatewayNotFound
        | PaymentError::GatewayAccountNotFound
        | PaymentError::WebhookNotSigned
        | PaymentError::WebhookUnreadable
        | PaymentError::WebhookOtherMode,
    ) = received
    {
        sender.refused(app).await;
    }
    received
}

/// The same without an account in the address, for gateways that were given one address for all: the message must name the
/// payment. It is verified with the secret of that payment's account.
#[utoipa::path(post, path = "/webhooks/{gateway}", operation_id = "receive_bare_webhook", tag = "gateways",
    params(("gateway" = String, Path, description = "The gateway", example = "stripe")),
    request_body(content = Object, content_type = "application/json", description = "As the gateway sends it, signed in its own way",
        example = json!({ "id": "evt_1Q2w3E4r5T", "type": "checkout.session.completed", "livemode": false, "created": 1_795_000_000,
            "data": { "object": { "id": "cs_test_a1B2c3", "object": "checkout.session", "client_reference_id": "pay_01h455vb4pex5vsknk084sn02q" } } })),
    responses((status = 200, description = "It is kept", body = Receipt), Receiving))]
pub(crate) async fn receive_bare_webhook(
    sender: WebhookSender,
    State(app): State<Arc<App>>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    RawPath(gateway): RawPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, PaymentError> {
    let received = receive_for_payment(&app, &gateways, &gateway, &headers, body).await;
    counted(&app, &sender, received).await
}

async fn receive_for_payment(
    app: &Arc<App>,
    gateways: &Arc<Result<Gateways, SettingError>>,
    gateway: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<Receipt>, PaymentError> {
    let gateway = Gateway::named(gateway).ok_or(PaymentError::GatewayNotFound)?;
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let named = gateway.payment_named_in(&body).ok_or(PaymentError::WebhookUnreadable)?;
    let keys = {
        let db = app.open_database().await?;
        store::work::find_payment_account(&db, gateway, named).await?
    };
    let keys = keys.ok_or(PaymentError::GatewayAccountNotFound)?;
    receive(app.clone(), configured(gateways)?, &keys, headers, &body).await
}

async fn receive(
    app: Arc<App>,
    gateways: &Gateways,
    keys: &KeysRow,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Json<Receipt>, PaymentError> {
    let at = Clock::read().now();
    let credentials = gateways.open_credentials(keys, at)?;
    let previous = match (&keys.previous_webhook_secret, keys.previous_valid_until) {
        (Some(sealed), Some(until)) if at < until => Some(gateways.open_webhook_secret(keys.tenant_id, sealed)?),
        _ => None,
    };
    let secrets: Vec<&str> = credentials.webhook_secret().into_iter().chain(previous.as_deref()).collect();
    let webhook =
        credentials.read_webhook(keys.mode, &secrets, headers, body, at).map_err(|refusal| match refusal {
            WebhookRefusal::NotSigned => PaymentError::WebhookNotSigned,
            WebhookRefusal::Unreadable => PaymentError::WebhookUnreadable,
            WebhookRefusal::OtherMode => PaymentError::WebhookOtherMode,
        })?;

    let caller = Caller::of_row(app.clone(), ENTER_ACCOUNT, keys.id);
    let hosts = gateways.hosts(keys.gateway, keys.mode);
    let (verdict, minted) = send::verify(&credentials, hosts, &Postback { headers, body }, LIMIT).await;
    if let Some(minted) = minted {
        keep_token(gateways, &caller, keys.id, keys.tenant_id, &minted).await;
    }
    match verdict {
        Some(true) => {}
        Some(false) => return Err(PaymentError::WebhookNotSigned),
        // Never taken unverified: the gateway sends it again.
        None => return Err(PaymentError::WebhookNotVerified),
    }
    let id = EventId::new().uuid();
    let recording = store::work::record_webhook(&caller, id, keys.id, &webhook, &STANDARD.encode(body), at).await?;
    caller.without_connection().await;
    if let Recording::Recorded(row) = recording
        && let Some(payment) = row.payment_id
    {
        let caller = Caller::of_row(app, ENTER_PAYMENT, payment);
        let work = Work { gateways, caller: &caller, source: Source::Webhook, limit: LIMIT };
        // It is kept, and its payment is due: what does not come of it now comes of it in the sweep.
        let _: Result<_, Problem> = work.sync(PaymentId::from(payment)).await.map_err(Problem::from);
    }
    Ok(Json(Receipt { received: true }))
}
