//! At most once: a unit of work under an `Idempotency-Key`. The claim, the work and its outcome are one statement
//! (`app.once`), so there is no moment in which one exists without the others.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What makes two requests the same: the route, the client's key, and a digest of the body.
#[derive(Clone)]
pub struct Claim {
    /// Method and path: two resources are two routes to a key.
    pub route: String,
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest of the body; keyed wherever the body may hold a secret.
    pub fingerprint: [u8; 32],
    /// When the request came, as an RFC 3339 UTC time.
    pub at: String,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("route", &self.route).finish_non_exhaustive()
    }
}

/// What became of a call that may be a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// The work was done now.
    Done(T),
    /// The work was done by an earlier request with this key; this was its outcome.
    Replayed(T),
    /// The key was used before for another body.
    Mismatch,
}

impl<T> Once<T> {
    /// Changes the outcome, keeps whether it is a repeat.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Once<U> {
        match self {
            Self::Done(outcome) => Once::Done(change(outcome)),
            Self::Replayed(outcome) => Once::Replayed(change(outcome)),
            Self::Mismatch => Once::Mismatch,
        }
    }
}

impl<T> Once<Option<T>> {
    /// `None` where the function answered NULL.
    pub fn transpose(self) -> Option<Once<T>> {
        match self {
            Self::Done(outcome) => outcome.map(Once::Done),
            Self::Replayed(outcome) => outcome.map(Once::Replayed),
            Self::Mismatch => Some(Once::Mismatch),
        }
    }
}

/// What `app.once` answers.
#[derive(Deserialize)]
pub(crate) struct OnceRow {
    #[serde(default)]
    pub(crate) replayed: bool,
    #[serde(default)]
    pub(crate) mismatch: bool,
    pub(crate) outcome: Option<Box<RawValue>>,
}
