//! Payments through the tenants' own gateways: none taken twice, none returned twice.
//!
//! Owns the schema `payments`; alone may reach gateways, and cannot read a password, a session or a lead.
//!
//! - `POST GET /payments` · `GET /payments/{id}` ([`routes::payments`]) · `GET /payments/{id}/events`
//!   ([`routes::payment_events`])
//! - `POST /payments/{id}/capture` · `POST /payments/{id}/cancel` · `POST /payments/{id}/sync` ([`routes::operations`])
//! - `POST GET /payments/{id}/refunds` ([`routes::refunds`])
//! - `GET /gateways` · `PUT GET DELETE /gateways/{gateway}/account` ([`routes::gateway_accounts`])
//! - `GET PUT /payments/settings` ([`routes::settings`]) · `GET PUT /payments/routing` ([`routes::routing`])
//! - `POST /webhooks/{gateway}/{account}` · `POST /webhooks/{gateway}` ([`routes::webhooks`])
//! - `GET POST /payments/return/{token}` ([`routes::returns`])
//! - `GET /ledger/balances` · `GET /ledger/entries` ([`routes::ledger`]) · `GET /ledger/reconciliation`
//!   ([`routes::reconciliation`]) · `GET /analytics/payments` ([`routes::analytics`])
//! - `POST /internal/payments/sweep` ([`routes::sweep`]) · `POST /internal/payments/reseal` ([`routes::reseal`])
//! - `GET /internal/metrics/payments` ([`routes::metrics`])
//! - `GET /payments/healthz` · `GET /payments/readyz`
//!
//! What must stay true: an attempt is written before a gateway is asked, and its answer after, so that a crash in between is
//! found and finished; a lost answer is asked about again, under the same key, never guessed; amounts decide what a payment is,
//! and counters with checks keep captures within authorizations and refunds within captures; a gateway's message is a reason
//! to ask the gateway, never the truth.

mod choice;
mod domain;
mod error;
mod gateway;
mod routes;
mod settings;
mod settlement;
mod store;
mod work;

use std::sync::Arc;

use api::{App, ServiceToken, SettingError, Settings};
use axum::{Router, extract::FromRef};
use identity::Verifier;

pub use error::CODES;
pub use routes::ApiDoc;
use settings::Gateways;

/// What the routes share.
#[derive(Debug, Clone, FromRef)]
pub struct PaymentsState {
    app: Arc<App>,
    verifier: Arc<Result<Verifier, SettingError>>,
    service_token: Arc<Result<ServiceToken, SettingError>>,
    gateways: Arc<Result<Gateways, SettingError>>,
}

/// The component's routes.
pub fn router(settings: &Settings, app: Arc<App>) -> Router {
    let verifier = Verifier::from_settings(settings);
    let service_token = ServiceToken::from_settings(settings);
    let gateways = Gateways::from_settings(settings);
    let misconfigured = verifier.as_ref().err().or(service_token.as_ref().err()).or(gateways.as_ref().err()).cloned();
    Router::new()
        .merge(routes::payments::router())
        .merge(routes::payment_events::router())
        .merge(routes::operations::router())
        .merge(routes::refunds::router())
        .merge(routes::gateway_accounts::router())
        .merge(routes::settings::router())
        .merge(routes::routing::router())
        .merge(routes::webhooks::router())
        .merge(routes::returns::router())
        .merge(routes::ledger::router())
        .merge(routes::reconciliation::router())
        .merge(routes::analytics::router())
        .merge(routes::sweep::router())
        .merge(routes::reseal::router())
        .merge(routes::metrics::router())
        .merge(api::health_routes("payments", misconfigured))
        .with_state(PaymentsState {
            app,
            verifier: Arc::new(verifier),
            service_token: Arc::new(service_token),
            gateways: Arc::new(gateways),
        })
}

/// The variables that the component reads.
pub fn setting_names() -> Vec<&'static str> {
    [&App::SETTINGS[..], &identity::SETTINGS, &[ServiceToken::SETTING], &settings::SETTINGS].concat()
}

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        INSTANCE.serve("payments", &crate::setting_names(), crate::router, request).await
    }
}
