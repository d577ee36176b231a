//! Every way the dispatcher says no.
//!
//! What must stay true: each variant is one kind of problem with a code of its own, listed in `docs/errors.md`.

use api::Problem;
use axum::response::{IntoResponse, Response};
use db::DbError;
use http::StatusCode;

/// A refusal of the dispatcher; what all components share is a [`Problem`] already.
#[derive(Debug)]
pub(crate) enum EventsError {
    /// The outbox has no such event (any more).
    EventNotFound,
    /// Only what was given up can be taken up again.
    EventNotDead,
    /// What every component may answer.
    Shared(Problem),
}

impl From<DbError> for EventsError {
    fn from(error: DbError) -> Self {
        Self::Shared(error.into())
    }
}

impl From<Problem> for EventsError {
    fn from(problem: Problem) -> Self {
        Self::Shared(problem)
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::EventNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "event_not_found",
                "There is no such event",
                "The outbox has no event with this id; what was delivered is kept for seven days.",
            ),
            EventsError::EventNotDead => Self::new(
                StatusCode::CONFLICT,
                "event_not_dead",
                "The event was not given up",
                "Only an event in the state `dead` can be taken up again; this one is delivered, skipped or still pending.",
            ),
            EventsError::Shared(problem) => problem,
        }
    }
}

impl IntoResponse for EventsError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
