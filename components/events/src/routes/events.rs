//! What became of events, for operators: the list, and taking up again what was given up.
//!
//! What must stay true: no payload, no address and no token is shown.

use std::sync::Arc;

use api::{App, Clock, InternalCaller, Page, Path, Problem, Query, decode_cursor, encode_cursor};
use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use ids::{EventId, TenantId};
use serde::{Deserialize, Serialize};

use crate::{
    EventsState,
    error::EventsError,
    routes::refusals::{Listing, Replaying},
    store::{
        self,
        outbox::{EventRow, Replay},
    },
};

pub(crate) fn router() -> Router<EventsState> {
    // No method tells that there is something here.
    Router::new()
        .route("/internal/events", get(list_events).fallback(async || Problem::route_not_found()))
        .route("/internal/events/{id}/replay", post(replay_event).fallback(async || Problem::route_not_found()))
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Only those in this state.
    #[param(inline)]
    state: Option<store::outbox::State>,
    /// How many to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An event, without what it holds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Event, example = json!({
    "id": "evt_01h455vb4pex5vsknk084sn02q", "tenant_id": "ten_01h455vb4pex5vsknk084sn02q", "type": "mail.verification",
    "state": "pending", "attempts": 1, "next_attempt_at": "2026-01-31T09:30:06.412587Z", "settled_at": null,
    "last_error": "status 500", "created_at": "2026-01-31T09:30:00.123456Z"}))]
pub(crate) struct EventView {
    /// The receiver knows it by this id.
    #[schema(value_type = String, example = "evt_01h455vb4pex5vsknk084sn02q")]
    id: EventId,
    /// Whose it is; null for what concerns no tenant.
    #[schema(required, value_type = Option<String>, example = "ten_01h455vb4pex5vsknk084sn02q")]
    tenant_id: Option<TenantId>,
    /// What happened, or what is to be sent.
    #[serde(rename = "type")]
    #[schema(example = "mail.verification")]
    event_type: String,
    #[schema(inline)]
    state: store::outbox::State,
    /// How often it was tried.
    attempts: u32,
    /// When it will be tried again; null unless it is pending.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it was delivered, skipped or given up.
    #[schema(required)]
    settled_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    #[schema(required, example = "status 500")]
    last_error: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self {
            id: row.id.into(),
            tenant_id: row.tenant_id.map(Into::into),
            event_type: row.event_type,
            state: row.state,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            settled_at: row.settled_at,
            last_error: row.last_error,
            created_at: row.created_at,
        }
    }
}

/// Lists events, the newest first. What was delivered or skipped goes after seven days; what was given up stays.
#[utoipa::path(get, path = "/internal/events", operation_id = "list_events", tag = "services",
    security(("service" = [])),
    params(EventQuery),
    responses((status = 200, description = "A page of events", body = Page<EventView>), Listing))]
pub(crate) async fn list_events(
    _operator: InternalCaller,
    State(app): State<Arc<App>>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<EventView>>, EventsError> {
    let before: Option<EventId> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let db = app.open_database().await?;
    // One more than the page has: it tells whether there is a next page.
    let wanted = query.limit.rows() + 1;
    let mut rows = store::outbox::list(&db, query.state, before.map(EventId::uuid), wanted).await?;
    let has_more = rows.len() == wanted;
    rows.truncate(query.limit.rows());
    let next_cursor = rows.last().filter(|_| has_more).map(|last| encode_cursor(&EventId::from(last.id)));
    Ok(Json(Page { data: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

/// Takes up an event again that was given up: it is due at once, as if it were new.
#[utoipa::path(post, path = "/internal/events/{id}/replay", operation_id = "replay_event", tag = "services",
    security(("service" = [])),
    params(("id" = String, Path, example = "evt_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The event, pending again", body = EventView,
               example = json!({
                   "id": "evt_01h455vb4pex5vsknk084sn02q", "tenant_id": "ten_01h455vb4pex5vsknk084sn02q", "type": "mail.verification",
                   "state": "pending", "attempts": 0, "next_attempt_at": "2026-02-01T11:02:07.000512Z", "settled_at": null,
                   "last_error": null, "created_at": "2026-01-31T09:30:00.123456Z"})), Replaying))]
pub(crate) async fn replay_event(
    _operator: InternalCaller,
    State(app): State<Arc<App>>,
    clock: Clock,
    Path(id): Path<EventId>,
) -> Result<Json<EventView>, EventsError> {
    let db = app.open_database().await?;
    match store::outbox::replay(&db, id.uuid(), clock.now()).await? {
        Some(Replay::Replayed(event)) => Ok(Json(event.into())),
        Some(Replay::NotDead) => Err(EventsError::EventNotDead),
        None => Err(EventsError::EventNotFound),
    }
}
