//! The sweep: the scheduler has what is over removed, a batch at a time.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Problem};
use axum::{Json, Router, extract::State, routing::post};
use serde::Serialize;

use crate::{AuthState, routes::refusals::Internal, store};

/// So many rows of a kind go in one statement: few enough to hold up nobody.
const BATCH: u32 = 1000;

pub(crate) fn router() -> Router<AuthState> {
    // No method tells that there is something here.
    Router::new().route("/internal/auth/sweep", post(sweep).fallback(async || Problem::route_not_found()))
}

/// How many went of each kind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "sessions": 128, "mfa_challenges": 7, "mail_tokens": 31, "has_more": false }))]
pub(crate) struct Swept {
    /// Ended or expired more than 30 days ago, with their refresh tokens.
    sessions: u32,
    /// Expired.
    mfa_challenges: u32,
    /// Expired more than 7 days ago.
    mail_tokens: u32,
    /// Whether there may be more: sweep again.
    has_more: bool,
}

/// Removes sessions, second steps of log-ins and mailed tokens that are long over, up to 1,000 of each.
#[utoipa::path(post, path = "/internal/auth/sweep", operation_id = "sweep_auth", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "What was removed", body = Swept), Internal))]
pub(crate) async fn sweep(
    _scheduler: InternalCaller,
    State(app): State<Arc<App>>,
    clock: Clock,
) -> Result<Json<Swept>, Problem> {
    let gone = store::sweep::sweep(&app.open_database().await?, BATCH, clock.now()).await?;
    let has_more = [gone.sessions, gone.mfa_challenges, gone.mail_tokens].contains(&BATCH);
    Ok(Json(Swept {
        sessions: gone.sessions,
        mfa_challenges: gone.mfa_challenges,
        mail_tokens: gone.mail_tokens,
        has_more,
    }))
}
