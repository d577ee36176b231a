//! The outbox, by its functions: `sql/outbox.sql`. Acts for all tenants.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::domain::delivery::{ATTEMPTS_MAX, Settlement};

/// How long what is done is kept.
const KEEP_DAYS: u32 = 7;

/// What an event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EventState)]
pub(crate) enum State {
    /// To be delivered, now or later.
    Pending,
    /// The receiver took it.
    Delivered,
    /// There was nothing to send, or nobody to send it to.
    Skipped,
    /// Given up.
    Dead,
}

/// What a dispatcher got.
#[derive(Debug, Deserialize)]
pub(crate) struct Claim {
    pub(crate) events: Vec<ClaimedRow>,
    /// How many were given up because no dispatcher lived to settle them.
    pub(crate) dead: u32,
}

/// An event that nobody else works on now.
#[derive(Debug, Deserialize)]
pub(crate) struct ClaimedRow {
    pub(crate) id: Uuid,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// Which attempt this is, from one.
    pub(crate) attempt: u32,
    pub(crate) created_at: DateTime<Utc>,
}

/// An event as an operator sees it: without its payload.
#[derive(Debug, Deserialize)]
pub(crate) struct EventRow {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Option<Uuid>,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) state: State,
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Option<DateTime<Utc>>,
    pub(crate) settled_at: Option<DateTime<Utc>>,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What asking for an event again came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Replay {
    /// It is pending again.
    Replayed(EventRow),
    /// It was not given up.
    NotDead,
}

/// Claims up to `limit` events that are due, for so many seconds.
pub(crate) async fn claim(db: &Db, limit: u32, lease_seconds: u32, at: DateTime<Utc>) -> Result<Claim, DbError> {
    let function = "app.claim_events";
    let args = json!({
        "limit": limit, "lease_seconds": lease_seconds, "attempts_max": ATTEMPTS_MAX, "keep_days": KEEP_DAYS, "at": at,
    });
    DbError::answered(function, db.call_unentered(Effect::Writes, function, &args).await?)
}

/// Writes down what became of an event's attempt.
pub(crate) async fn settle(
    db: &Db,
    event: &ClaimedRow,
    settlement: Settlement,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    let (state, retry_at, failure) = match settlement {
        Settlement::Delivered => (State::Delivered, None, None),
        Settlement::Skipped => (State::Skipped, None, None),
        Settlement::Retry { at, failure } => (State::Pending, Some(at), Some(failure)),
        Settlement::Dead { failure } => (State::Dead, None, Some(failure)),
    };
    let args = json!({
        "id": event.id, "attempt": event.attempt, "state": state, "retry_at": retry_at, "at": at,
        "error": failure.map(|failure| failure.to_string()),
    });
    let _: Option<Value> = db.call_unentered(Effect::Writes, "app.settle_event", &args).await?;
    Ok(())
}

/// Lists events, the newest first: those in a state, after the one that `before` names.
pub(crate) async fn list(
    db: &Db,
    state: Option<State>,
    before: Option<Uuid>,
    limit: usize,
) -> Result<Vec<EventRow>, DbError> {
    let function = "app.list_events";
    let args = json!({ "state": state, "before": before, "limit": limit });
    DbError::answered(function, db.call_unentered(Effect::Reads, function, &args).await?)
}

/// Takes up a dead event again; `None` if there is none of this id.
pub(crate) async fn replay(db: &Db, event: Uuid, at: DateTime<Utc>) -> Result<Option<Replay>, DbError> {
    db.call_unentered(Effect::Writes, "app.replay_event", &json!({ "id": event, "at": at })).await
}
