//! Customers to be: leads, how good they look and why, how far they have come, and the figures of them all.
//!
//! Owns the schema `crm`; cannot read a password, a session or a payment.
//!
//! - `POST GET /leads` · `GET PATCH DELETE /leads/{id}` ([`routes::leads`], [`routes::lead_lists`])
//! - `POST /leads/{id}/status` · `GET /leads/{id}/status-changes` ([`routes::lead_status`])
//! - `GET /analytics/leads` ([`routes::lead_analytics`])
//! - `GET /crm/healthz` · `GET /crm/readyz`
//!
//! What must stay true: every statement names the caller's tenant beside the row policies; a lead's score is that of
//! its present details and explains itself; a status changes by a move that the one table allows, and the move is kept.

mod domain;
mod error;
mod routes;
mod store;

use std::sync::Arc;

use api::{App, SettingError, Settings};
use axum::{Router, extract::FromRef};
use identity::Verifier;

pub use error::CODES;
pub use routes::ApiDoc;

/// What the routes share.
#[derive(Debug, Clone, FromRef)]
pub struct CrmState {
    app: Arc<App>,
    verifier: Arc<Result<Verifier, SettingError>>,
}

/// The component's routes.
pub fn router(settings: &Settings, app: Arc<App>) -> Router {
    let verifier = Verifier::from_settings(settings);
    let misconfigured = verifier.as_ref().err().cloned();
    Router::new()
        .merge(routes::leads::router())
        .merge(routes::lead_status::router())
        .merge(routes::lead_analytics::router())
        .merge(api::health_routes("crm", misconfigured))
        .with_state(CrmState { app, verifier: Arc::new(verifier) })
}

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        let names = [&api::App::SETTINGS[..], &identity::SETTINGS].concat();
        INSTANCE.serve("crm", &names, crate::router, request).await
    }
}
