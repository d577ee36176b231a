//! Gateways: what each can do, and the tenant's accounts there.
//!
//! What must stay true: credentials come in and never go out again, but for the last four characters of each; test and live are
//! two accounts; the webhook secret that is replaced stays valid for a day, because messages that wait are signed with it.

use std::{collections::BTreeMap, sync::Arc};

use api::{Clock, Json as JsonIn, Query, RequestOrigin, RouteClass, SettingError};
use axum::{
    Json, Router,
    extract::{Path as RawPath, State},
    routing::{get, put},
};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use identity::{
    Authorized,
    right::{ManageGateways, ReadPayments},
};
use ids::GatewayAccountId;
use serde::{Deserialize, Serialize};

use super::{
    configured,
    refusals::{JsonBody, OneAccount, Reading, RemovingAccount, SavingAccount, TenantWide, Writing},
};
use crate::{
    PaymentsState,
    error::PaymentError,
    gateway::{Ask, Capabilities, Gateway, Mode, Order, Outcome, Verb, send},
    settings::Gateways,
    store::{
        self,
        gateway_accounts::{AccountRow, FoundAccountRow, NewAccountRow},
    },
    work::keep_token,
};

/// So long a webhook secret stays valid after it was replaced.
const PREVIOUS_SECRET_LIFE: TimeDelta = TimeDelta::hours(24);

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new()
        .route("/gateways", get(list_gateways))
        .route(
            "/gateways/{gateway}/account",
            put(put_gateway_account).get(find_gateway_account).delete(remove_gateway_account),
        )
        .route_layer(RouteClass::Money.layer())
}

/// A gateway and what it can do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GatewayDescription)]
pub(crate) struct GatewayView {
    gateway: Gateway,
    capabilities: Capabilities,
    /// What an account there consists of.
    #[schema(value_type = Vec<String>, example = json!(["secret_key", "webhook_secret"]))]
    credentials: &'static [&'static str],
    /// The tenant's accounts there.
    accounts: Vec<AccountView>,
}

/// All gateways.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GatewayDescriptions, example = json!({ "data": [
    { "gateway": "stripe",
      "capabilities": { "flows": ["redirect", "sdk"], "manual_capture": ["redirect", "sdk"], "partial_capture": true,
                        "cancel_authorized": true, "cancel_unpaid": true, "partial_refund": true, "lists_payments": true,
                        "needs_account": true, "customer": [] },
      "credentials": ["secret_key", "webhook_secret"],
      "accounts": [{ "id": "gwa_01h455vb4pex5vsknk084sn02q", "gateway": "stripe", "mode": "test",
                     "credentials": { "secret_key": "x7Qa", "webhook_secret": "9f3c" },
                     "webhook_url": "https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q",
                     "verified_at": "2026-01-31T09:30:00.123456Z", "previous_webhook_secret_until": null,
                     "created_at": "2026-01-31T09:30:00.123456Z", "updated_at": "2026-01-31T09:30:00.123456Z" }] },
    { "gateway": "test",
      "capabilities": { "flows": ["redirect", "sdk"], "manual_capture": ["redirect", "sdk"], "partial_capture": true,
                        "cancel_authorized": true, "cancel_unpaid": true, "partial_refund": true, "lists_payments": false,
                        "needs_account": false, "customer": [] },
      "credentials": [],
      "accounts": [] }]}))]
pub(crate) struct GatewaysView {
    data: Vec<GatewayView>,
}

/// An account at a gateway, without its credentials.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = GatewayAccount, example = json!({
    "id": "gwa_01h455vb4pex5vsknk084sn02q", "gateway": "stripe", "mode": "test",
    "credentials": { "secret_key": "x7Qa", "webhook_secret": "9f3c" },
    "webhook_url": "https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q",
    "verified_at": "2026-01-31T09:30:00.123456Z", "previous_webhook_secret_until": null,
    "created_at": "2026-01-31T09:30:00.123456Z", "updated_at": "2026-01-31T09:30:00.123456Z"}))]
pub(crate) struct AccountView {
    #[schema(value_type = String, example = "gwa_01h455vb4pex5vsknk084sn02q")]
    id: GatewayAccountId,
    gateway: Gateway,
    mode: Mode,
    /// The last four characters of each credential.
    #[schema(example = json!({ "secret_key": "x7Qa", "webhook_secret": "9f3c" }))]
    credentials: BTreeMap<String, String>,
    /// Enter this address at the gateway.
    #[schema(example = "https://api.example.com/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q")]
    webhook_url: String,
    /// When the gateway last took the credentials; null where it did not, or could not be asked.
    #[schema(required)]
    verified_at: Option<DateTime<Utc>>,
    /// Until then the webhook secret before this one is valid as well.
    #[schema(required)]
    previous_webhook_secret_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl AccountView {
    fn of(row: AccountRow, public_origin: &str) -> Self {
        let id = GatewayAccountId::from(row.id);
        Self {
            id,
            gateway: row.gateway,
            mode: row.mode,
            credentials: row.hints,
            webhook_url: format!("{public_origin}/webhooks/{}/{id}", row.gateway.as_str()),
            verified_at: row.verified_at,
            previous_webhook_secret_until: row.previous_valid_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Credentials at a gateway.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    #[garde(skip)]
    mode: Mode,
    /// By their names: see `credentials` in `GET /gateways`.
    #[garde(skip)]
    #[schema(value_type = BTreeMap<String, String>)]
    credentials: serde_json::Value,
}

/// Which of the two accounts.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModeQuery {
    mode: Mode,
}

/// Lists the gateways, what each can do, and the tenant's accounts there.
#[utoipa::path(get, path = "/gateways", operation_id = "list_gateways", tag = "gateways",
    security(("bearer" = ["payments:read"])),
    responses((status = 200, description = "All gateways", body = GatewaysView), Reading, TenantWide))]
pub(crate) async fn list_gateways(
    caller: Authorized<ReadPayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
) -> Result<Json<GatewaysView>, PaymentError> {
    let origin = &configured(&gateways)?.public_origin;
    let mut accounts = store::gateway_accounts::list(&caller).await?;
    let data = Gateway::ALL.map(|gateway| {
        let (its, others) = accounts.drain(..).partition(|account| account.gateway == gateway);
        accounts = others;
        let its: Vec<AccountRow> = its;
        GatewayView {
            gateway,
            capabilities: gateway.capabilities(),
            credentials: gateway.credential_names(),
            accounts: its.into_iter().map(|row| AccountView::of(row, origin)).collect(),
        }
    });
    Ok(Json(GatewaysView { data: data.into() }))
}

/// Saves the credentials of an account, and tries them. An account that the gateway did not take is saved all the same, with
/// `verified_at` null. Its id, and so the webhook's address, stays when credentials are replaced.
#[utoipa::path(put, path = "/gateways/{gateway}/account", operation_id = "put_gateway_account", tag = "gateways",
    security(("bearer" = ["gateways:write"])),
    params(("gateway" = Gateway, Path, description = "The gateway")),
    request_body(content = NewAccount, example = json!({ "mode": "test",
        "credentials": { "secret_key": "sk_test_ada_0001", "webhook_secret": "whsec_ada_0001" } })),
    responses((status = 200, description = "The account, without its credentials", body = AccountView),
              Writing, JsonBody, SavingAccount))]
pub(crate) async fn put_gateway_account(
    caller: Authorized<ManageGateways>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    clock: Clock,
    origin: RequestOrigin,
    RawPath(gateway): RawPath<String>,
    JsonIn(new): JsonIn<NewAccount>,
) -> Result<Json<AccountView>, PaymentError> {
    let gateways = configured(&gateways)?;
    let gateway = named(&gateway)?;
    // The right is read before what is wrong with the credentials is told.
    let before = store::gateway_accounts::find(&caller, gateway, new.mode).await?;
    let credentials = gateway.credentials(new.mode, new.credentials).map_err(PaymentError::Credentials)?;
    let tenant = tenant_of(&caller, before.as_ref()).await?;

    caller.without_connection().await;
    let check = Ask { verb: Verb::Check, key: tenant, age: None };
    let order = Order::nothing(clock.now());
    let asked = send::ask(&credentials, gateways.hosts(gateway, new.mode), &order, &check, send::CHECK_LIMIT).await;
    let at = Clock::read().now();
    let (previous_webhook_secret, previous_valid_until) =
        previous_secret(gateways, before.as_ref(), credentials.webhook_secret(), at)?;
    let row = store::gateway_accounts::put(
        &caller,
        &NewAccountRow {
            id: GatewayAccountId::new().uuid(),
            gateway,
            mode: new.mode,
            credentials: gateways.seal_credentials(tenant, &credentials)?,
            hints: credentials.hints().into_iter().collect(),
            verified_at: matches!(asked.outcome, Outcome::Reported(_)).then_some(at),
            previous_webhook_secret,
            previous_valid_until,
            at,
            origin: &origin,
        },
    )
    .await?;
    if let Some(minted) = asked.minted {
        keep_token(gateways, &caller, row.id, tenant, &minted).await;
    }
    Ok(Json(AccountView::of(row, &gateways.public_origin)))
}

/// The tenant that credentials are sealed for: the one that the database says the caller acts in.
async fn tenant_of(
    caller: &Authorized<ManageGateways>,
    before: Option<&FoundAccountRow>,
) -> Result<uuid::Uuid, PaymentError> {
    match before {
        Some(found) => Ok(found.keys.tenant_id),
        None => Ok(store::settings::find(caller).await?.tenant_id),
    }
}

/// The webhook secret that stays valid beside the new one, sealed, and until when.
fn previous_secret(
    gateways: &Gateways,
    before: Option<&FoundAccountRow>,
    new: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(Option<String>, Option<DateTime<Utc>>), PaymentError> {
    let Some(FoundAccountRow { keys, .. }) = before else { return Ok((None, None)) };
    let old = gateways.open_credentials(keys, at)?;
    match old.webhook_secret() {
        Some(old) if Some(old) != new => {
            Ok((Some(gateways.seal_webhook_secret(keys.tenant_id, old)?), Some(at + PREVIOUS_SECRET_LIFE)))
        }
        _ => Ok((keys.previous_webhook_secret.clone(), keys.previous_valid_until)),
    }
}

/// Gives an account, without its credentials.
#[utoipa::path(get, path = "/gateways/{gateway}/account", operation_id = "find_gateway_account", tag = "gateways",
    security(("bearer" = ["payments:read"])),
    params(("gateway" = Gateway, Path, description = "The gateway"), ModeQuery),
    responses((status = 200, description = "The account", body = AccountView), Reading, OneAccount))]
pub(crate) async fn find_gateway_account(
    caller: Authorized<ReadPayments>,
    State(gateways): State<Arc<Result<Gateways, SettingError>>>,
    RawPath(gateway): RawPath<String>,
    Query(ModeQuery { mode }): Query<ModeQuery>,
) -> Result<Json<AccountView>, PaymentError> {
    let gateways = configured(&gateways)?;
    let found = store::gateway_accounts::find(&caller, named(&gateway)?, mode).await?;
    let found = found.ok_or(PaymentError::GatewayAccountNotFound)?;
    Ok(Json(AccountView::of(found.view, &gateways.public_origin)))
}

/// Forgets the credentials of an account. Payments made with it stay, and can be neither captured nor refunded until there are
/// credentials again.
#[utoipa::path(delete, path = "/gateways/{gateway}/account", operation_id = "remove_gateway_account", tag = "gateways",
    security(("bearer" = ["gateways:write"])),
    params(("gateway" = Gateway, Path, description = "The gateway"), ModeQuery),
    responses((status = 204, description = "The credentials are forgotten"), Writing, OneAccount, RemovingAccount))]
pub(crate) async fn remove_gateway_account(
    caller: Authorized<ManageGateways>,
    clock: Clock,
    origin: RequestOrigin,
    RawPath(gateway): RawPath<String>,
    Query(ModeQuery { mode }): Query<ModeQuery>,
) -> Result<StatusCode, PaymentError> {
    if store::gateway_accounts::remove(&caller, named(&gateway)?, mode, clock.now(), &origin).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(PaymentError::GatewayAccountNotFound)
    }
}

fn named(gateway: &str) -> Result<Gateway, PaymentError> {
    Gateway::named(gateway).ok_or(PaymentError::GatewayNotFound)
}
