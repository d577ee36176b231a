//! Payments. For now the component only says whether it is well: its routes, tables and gateways come with the
//! payments issue, and nothing here pretends to be one of them.
//!
//! - `GET /payments/healthz` · `GET /payments/readyz`

use std::sync::Arc;

use api::{App, Settings};
use axum::{Router, extract::FromRef};

/// What the routes share.
#[derive(Debug, Clone, FromRef)]
pub struct PaymentsState {
    app: Arc<App>,
}

/// The component's routes.
pub fn router(_: &Settings, app: Arc<App>) -> Router {
    api::health_routes("payments", None).with_state(PaymentsState { app })
}

/// The API description of this component.
#[derive(utoipa::OpenApi)]
#[openapi(paths(healthz, readyz))]
#[derive(Debug)]
pub struct ApiDoc;

/// Says that the process answers.
#[utoipa::path(get, path = "/payments/healthz", operation_id = "payments_healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = api::Health)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn healthz() {}

/// Says whether the component can do its work, and what it lacks if not.
#[utoipa::path(get, path = "/payments/readyz", operation_id = "payments_readyz", tag = "health",
    responses((status = 200, description = "Ready, or degraded without the store", body = api::Readiness),
              (status = 503, description = "`not_ready`, `misconfigured`", body = api::ProblemBody)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        INSTANCE.serve("payments", &api::App::SETTINGS, super::router, request).await
    }
}
