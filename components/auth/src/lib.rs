//! Accounts: people, their tenants, and their sessions.
//!
//! Owns the schema `auth` and, alone, the key that signs access tokens. The routes that fastapi-users has keep its
//! paths, statuses and codes, so that its clients go on working.
//!
//! - `POST /auth/register` makes a person, a tenant and the membership that owns it, or none of the three.
//! - `POST /auth/jwt/login` · `POST /auth/jwt/logout` begin and end a session ([`routes::sessions`]).
//! - `GET /users/me` · `GET /.well-known/jwks.json` · `GET /auth/healthz` · `GET /auth/readyz`
//!
//! What must stay true: a password is compared only as an Argon2id hash and never leaves its request; known and
//! unknown addresses cost a log-in the same work; a log-in is throttled also while the store is away; a session that
//! ended is refused by every component at once (`app.enter`).

mod domain;
mod error;
mod routes;
mod secrets;
mod store;

use std::sync::Arc;

use api::{App, ServiceToken, SettingError, Settings};
use axum::{Router, extract::FromRef};
use identity::Verifier;
use secrets::Secrets;

/// What the routes share.
#[derive(Debug, Clone, FromRef)]
pub struct AuthState {
    app: Arc<App>,
    verifier: Arc<Result<Verifier, SettingError>>,
    secrets: Arc<Result<Secrets, SettingError>>,
    service_token: Arc<Result<ServiceToken, SettingError>>,
}

/// The component's routes.
pub fn router(settings: &Settings, app: Arc<App>) -> Router {
    let verifier = Verifier::from_settings(settings);
    let secrets = Secrets::from_settings(settings, verifier.as_ref().ok());
    let misconfigured = verifier.as_ref().err().or(secrets.as_ref().err()).cloned();
    // Only neighbours and the scheduler lack it where it is missing: the component is ready without.
    let service_token = Arc::new(ServiceToken::from_settings(settings));
    Router::new()
        .merge(routes::registration::router())
        .merge(routes::log_in::router())
        .merge(routes::sessions::router())
        .merge(routes::passwords::router())
        .merge(routes::verification::router())
        .merge(routes::mfa::router())
        .merge(routes::users::router())
        .merge(routes::managed_users::router())
        .merge(routes::tenants::router())
        .merge(routes::memberships::router())
        .merge(routes::invitations::router())
        .merge(routes::api_keys::router())
        .merge(routes::audit_log::router())
        .merge(routes::introspection::router())
        .merge(routes::sweep::router())
        .merge(routes::reseal::router())
        .merge(routes::jwks::router())
        .merge(routes::metrics::router())
        .merge(api::health_routes("auth", misconfigured))
        .with_state(AuthState { app, verifier: Arc::new(verifier), secrets: Arc::new(secrets), service_token })
}

pub use routes::ApiDoc;

/// The variables that the component reads.
pub fn setting_names() -> Vec<&'static str> {
    [&App::SETTINGS[..], &identity::SETTINGS, &secrets::SETTINGS, &[ServiceToken::SETTING]].concat()
}

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        INSTANCE.serve("auth", &crate::setting_names(), crate::router, request).await
    }
}
