//! The dispatch: takes what is due and delivers it. A timer calls it every second or so; several at once share the work.
//!
//! What must stay true: the claim is committed, and no connection held, before anything is sent. What happens after that
//! and before an event is settled is made good by its lease: it runs out, and the event is delivered again.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Notes, Problem, SettingError, random_bytes};
use axum::{Extension, Json, Router, extract::State, routing::post};
use futures::{StreamExt, stream};
use ids::EventId;
use outbox::event_type;
use send_wrapper::SendWrapper;
use serde::Serialize;

use crate::{
    EventsState,
    domain::{
        delivery::{Failure, Outcome, Settlement, settle},
        message::{self, Subject},
    },
    mailer::Mailer,
    post::post as send,
    routes::refusals::Dispatching,
    store::{self, outbox::ClaimedRow},
};

/// How many events are claimed at once: two rounds of those below, so that even receivers that let us wait 10 s each leave
/// time to settle within the 30 s that a request has.
const BATCH: u32 = 16;
/// How many are under way at once; each needs a connection of the database for a moment, before and after.
const AT_ONCE: usize = 8;
/// Twice what the whole request may take: nobody else gets at an event that somebody alive works on.
const LEASE_SECONDS: u32 = 60;

pub(crate) fn router() -> Router<EventsState> {
    // No method tells that there is something here.
    Router::new()
        .route("/internal/events/dispatch", post(dispatch_events).fallback(async || Problem::route_not_found()))
}

/// What became of the events that were due.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "claimed": 5, "delivered": 3, "skipped": 1, "failed": 1, "dead": 0 }))]
pub(crate) struct Dispatched {
    /// How many were taken; as many as 16 say that there may be more.
    claimed: u32,
    /// The receiver took them.
    delivered: u32,
    /// There was nothing to send.
    skipped: u32,
    /// To be tried again later.
    failed: u32,
    /// Given up.
    dead: u32,
}

/// Delivers up to 16 events that are due: each is posted to the mailer, signed as Standard Webhooks has it, and tried again
/// with growing delays for about a day where it fails.
#[utoipa::path(post, path = "/internal/events/dispatch", operation_id = "dispatch_events", tag = "services",
    security(("service" = [])),
    responses((status = 200, description = "What became of them", body = Dispatched), Dispatching))]
pub(crate) async fn dispatch_events(
    _scheduler: InternalCaller,
    State(app): State<Arc<App>>,
    State(mailer): State<Arc<Result<Mailer, SettingError>>>,
    clock: Clock,
    notes: Option<Extension<Notes>>,
) -> Result<Json<Dispatched>, Problem> {
    let mailer = mailer.as_ref().as_ref().map_err(|error| Problem::from(error.clone()))?;
    let claim = {
        let db = app.open_database().await?;
        store::outbox::claim(&db, BATCH, LEASE_SECONDS, clock.now()).await?
    };
    let mut dispatched = Dispatched { claimed: claim.events.len() as u32, dead: claim.dead, ..Dispatched::default() };
    if let (Some(notes), [], 0) = (&notes, &claim.events[..], claim.dead) {
        // A line a second that says nothing would hide those that do.
        notes.unremarkable();
    }
    let (app, mailer) = (&*app, mailer);
    // The host's futures are not Send; one thread is all that an instance has.
    let settlements = SendWrapper::new(async move {
        let attempts = stream::iter(claim.events).map(|event| async move { attempt(app, mailer, &event).await });
        attempts.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
    })
    .await;
    for settlement in settlements {
        *match settlement {
            Settlement::Delivered => &mut dispatched.delivered,
            Settlement::Skipped => &mut dispatched.skipped,
            Settlement::Retry { .. } => &mut dispatched.failed,
            Settlement::Dead { .. } => &mut dispatched.dead,
        } += 1;
    }
    Ok(Json(dispatched))
}

/// Sends one event and writes down what came of it.
async fn attempt(app: &App, mailer: &Mailer, event: &ClaimedRow) -> Settlement {
    let outcome = deliver(app, mailer, event).await;
    let at = Clock::read().now();
    let jitter = random_bytes().map(u16::from_le_bytes).unwrap_or_default();
    let settlement = settle(outcome, event.attempt, at, jitter);
    // Where this cannot be written down, the lease runs out and the event is sent again: at least once is the promise.
    if let Ok(db) = app.open_database().await {
        let _ = store::outbox::settle(&db, event, settlement, at).await;
    }
    settlement
}

async fn deliver(app: &App, mailer: &Mailer, event: &ClaimedRow) -> Outcome {
    if !event_type::is_mail(&event.event_type) {
        // Tenants' own endpoints, which will hear of the others, are still to come.
        return Outcome::Skipped;
    }
    let token = mailer.tokens.derive(&event.event_type, event.id);
    let issued = match app.open_database().await {
        Ok(db) => store::mail_tokens::issue(&db, event.id, &token, Clock::read().now()).await,
        Err(error) => Err(error),
    };
    let letter = match issued {
        Ok(Some(letter)) => letter,
        Ok(None) => return Outcome::Skipped,
        Err(_) => return Outcome::Failed(Failure::NoToken),
    };
    let id = EventId::from(event.id);
    let subject = Subject { id, event_type: &event.event_type, happened_at: event.created_at };
    let body = message::body(subject, letter, token);
    send(mailer, &id.to_string(), body, Clock::read().now()).await
}
