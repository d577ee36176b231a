//! The outbox's dispatcher: tells other systems what happened here, at least once.
//!
//! Alone among the components it posts to a host that the deployment names; it reads no table of anybody, only what the
//! functions in `sql/outbox.sql` and `auth.issue_mail_token` give it.
//!
//! - `POST /internal/events/dispatch` delivers what is due ([`routes::dispatch`]); a timer calls it.
//! - `GET /internal/metrics/events` tells what waits ([`routes::metrics`]).
//! - `GET /internal/events` · `POST /internal/events/{id}/replay` show what became of events, and take up what was given up
//!   ([`routes::events`]).
//! - `GET /events/healthz` · `GET /events/readyz`
//!
//! What must stay true: an event is claimed in one statement and that is committed before anything is sent, so a dispatcher
//! that dies loses nothing; the receiver is told the event's id, and may hear of one twice; a token is in a message and
//! nowhere else.

mod domain;
mod error;
mod mailer;
mod post;
mod routes;
mod store;

use std::sync::Arc;

use api::{App, ServiceToken, SettingError, Settings};
use axum::{Router, extract::FromRef};
use mailer::Mailer;

pub use routes::ApiDoc;

/// What the routes share.
#[derive(Debug, Clone, FromRef)]
pub struct EventsState {
    app: Arc<App>,
    service_token: Arc<Result<ServiceToken, SettingError>>,
    mailer: Arc<Result<Mailer, SettingError>>,
}

/// The component's routes.
pub fn router(settings: &Settings, app: Arc<App>) -> Router {
    let service_token = ServiceToken::from_settings(settings);
    let mailer = Mailer::from_settings(settings);
    let misconfigured = service_token.as_ref().err().or(mailer.as_ref().err()).cloned();
    Router::new()
        .merge(routes::dispatch::router())
        .merge(routes::events::router())
        .merge(routes::metrics::router())
        .merge(api::health_routes("events", misconfigured))
        .with_state(EventsState { app, service_token: Arc::new(service_token), mailer: Arc::new(mailer) })
}

/// The variables that the component reads.
pub fn setting_names() -> Vec<&'static str> {
    [&App::SETTINGS[..], &[ServiceToken::SETTING], &mailer::SETTINGS].concat()
}

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        INSTANCE.serve("events", &crate::setting_names(), crate::router, request).await
    }
}
