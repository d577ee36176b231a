//! The clock: the one place where time is read. Everything else gets it as an argument.

use std::{convert::Infallible, time::SystemTime};

use axum::extract::FromRequestParts;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use http::request::Parts;

/// When the request came, as every rule and row of it sees the time.
#[derive(Debug, Clone, Copy)]
pub struct Clock(DateTime<Utc>);

impl Clock {
    /// The wall clock now, cut to microseconds, so that what is written reads back the same. For work that goes on long
    /// after the request came; everything else takes the request's one moment as an argument.
    pub fn read() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
        let now = DateTime::<Utc>::from(SystemTime::now());
        Self(now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now))
    }

    /// The moment, in microseconds as Postgres keeps them.
    pub fn now(self) -> DateTime<Utc> {
        self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Clock {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(*parts.extensions.get_or_insert_with(Self::read))
    }
}
