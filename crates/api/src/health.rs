//! Health: `/healthz` says that the process answers, `/readyz` that it can do its work, or what it lacks.
//!
//! With the store away a component still works and says `degraded`; without the database, or with a setting that is
//! missing or malformed, it is not ready and names what is wrong.
//!
//! Anybody may ask, so asking often costs nothing: an instance looks once a second at most, one request at a time, and
//! everybody else gets what was found last.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{FromRef, State},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use db::DbError;
use futures::{join, lock::Mutex};
use http::StatusCode;
use serde::Serialize;

use crate::{App, Clock, Problem, SettingError, StoreAway};

/// So long what was found stands.
const FRESH: TimeDelta = TimeDelta::seconds(1);

/// The process answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "status": "ok" }))]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
}

/// What the component needs, and how it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "status": "ok", "database": "ok", "store": "ok" }))]
pub struct Readiness {
    /// `ok`, or `degraded` while the store is away.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// `ok`.
    #[schema(example = "ok")]
    pub database: &'static str,
    /// `ok` or `unavailable`.
    #[schema(example = "ok")]
    pub store: &'static str,
}

/// The two routes, below the component's own path. `misconfigured` is the first of the component's own settings that
/// is missing or malformed, if one is; those of [`App`] are checked here.
pub fn routes<S>(component: &str, misconfigured: Option<SettingError>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<App>: FromRef<S>,
{
    let readyz = async move |State(app): State<Arc<App>>| readyz(&app, misconfigured).await;
    Router::new()
        .route(&format!("/{component}/healthz"), get(healthz))
        .route(&format!("/{component}/readyz"), get(readyz))
}

async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

async fn readyz(app: &App, misconfigured: Option<SettingError>) -> Result<Response, Problem> {
    let shared = app.store.misconfigured().or(app.trusted_proxy_hops.as_ref().err()).or(app.limits.as_ref().err());
    if let Some(error) = misconfigured.or(shared.cloned()) {
        return Err(error.into());
    }
    let (database, store) = app.readiness.look(app).await;
    database.map_err(|error| match error {
        DbError::Misconfigured { .. } => error.into(),
        _ => not_ready(&error),
    })?;
    let (status, store) = if store.is_ok() { ("ok", "ok") } else { ("degraded", "unavailable") };
    Ok(Json(Readiness { status, database: "ok", store }).into_response())
}

/// What was found when an instance last looked.
type Found = (Result<(), DbError>, Result<(), StoreAway>);

/// How an instance's database and store are, looked at once a second at most.
#[derive(Debug, Default)]
pub(crate) struct LastLook(Mutex<Option<(DateTime<Utc>, Found)>>);

impl LastLook {
    async fn look(&self, app: &App) -> Found {
        let mut last = self.0.lock().await;
        let now = Clock::read().now();
        match &*last {
            Some((at, found)) if (now - *at).abs() < FRESH => found.clone(),
            _ => {
                let database = async { app.open_database().await?.ping().await };
                let found = join!(database, app.store.ping());
                *last = Some((now, found.clone()));
                found
            }
        }
    }
}

fn not_ready(error: &DbError) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
        "The component is not ready",
        "The database cannot be reached, or does not let this component in.",
    )
    .retry_after(2)
    .caused_by(error)
}
