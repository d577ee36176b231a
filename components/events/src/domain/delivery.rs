//! What becomes of an attempt: what the receiver's reply means, and when an event is tried again.
//!
//! What must stay true: every reply, and none, is an outcome; an event is given up after the last delay, about a day after
//! the first attempt; what is kept of a reply is a few words of ours.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// How long to wait after the n-th attempt, in seconds. After one more the event is given up.
const DELAYS_SECONDS: [u32; 8] = [5, 30, 2 * 60, 10 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600];

/// So many attempts an event has.
pub(crate) const ATTEMPTS_MAX: u32 = DELAYS_SECONDS.len() as u32 + 1;

/// What came of sending one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Delivered,
    /// There was nothing to send: its reason is over, or nobody receives events of its type.
    Skipped,
    /// The receiver has it not, as far as we know.
    Failed(Failure),
}

/// Why the receiver does not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It answered with another status than 2xx.
    Status(u16),
    /// It did not answer in time.
    TimedOut,
    /// Nobody listens there.
    Refused,
    /// Its name or its network cannot be found.
    Unreachable,
    /// Its certificate was not accepted, or it speaks no TLS.
    Untrusted,
    /// The host does not let the component reach it.
    NotAllowed,
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// The message could not be made: the database gave no token.
    NoToken,
}

/// The words that an operator reads as `last_error`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("not reachable"),
            Self::Untrusted => f.write_str("not trusted"),
            Self::NotAllowed => f.write_str("not allowed by the host"),
            Self::Broken => f.write_str("connection broken"),
            Self::NoToken => f.write_str("no token from the database"),
        }
    }
}

/// What an event is after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Done.
    Delivered,
    /// Done without sending.
    Skipped,
    /// To be tried again.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        failure: Failure,
    },
    /// Given up.
    Dead {
        /// Why.
        failure: Failure,
    },
}

/// What a reply's status means: any 2xx takes the message.
pub(crate) fn outcome_of(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        other => Outcome::Failed(Failure::Status(other)),
    }
}

/// What an event is after its `attempt`-th attempt (from one), which ended `at`. `jitter` is any number: it spreads what
/// failed together over a fifth more than the delay.
pub(crate) fn settle(outcome: Outcome, attempt: u32, at: DateTime<Utc>, jitter: u16) -> Settlement {
    let failure = match outcome {
        Outcome::Delivered => return Settlement::Delivered,
        Outcome::Skipped => return Settlement::Skipped,
        // 410 Gone: the receiver wants no more (Standard Webhooks, "Operational considerations").
        Outcome::Failed(failure @ Failure::Status(410)) => return Settlement::Dead { failure },
        Outcome::Failed(failure) => failure,
    };
    let delay = attempt.checked_sub(1).and_then(|tried| DELAYS_SECONDS.get(tried as usize));
    match delay {
        Some(&seconds) => {
            let milliseconds = i64::from(seconds) * 1000;
            let spread = milliseconds / 5 * i64::from(jitter) / i64::from(u16::MAX);
            Settlement::Retry { at: at + TimeDelta::milliseconds(milliseconds + spread), failure }
        }
        None => Settlement::Dead { failure },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// A failed attempt is followed by a wait of so many seconds, or by none.
    #[track_caller]
    fn check(attempt: u32, jitter: u16, seconds: Option<f64>) {
        let failure = Failure::Status(500);
        let expected = match seconds {
            Some(seconds) => {
                let at = AT + TimeDelta::milliseconds((seconds * 1000.0) as i64);
                Settlement::Retry { at, failure }
            }
            None => Settlement::Dead { failure },
        };
        assert_eq!(settle(Outcome::Failed(failure), attempt, AT, jitter), expected);
    }

    #[test]
    fn the_waits_grow_to_half_a_day_and_then_it_is_given_up() {
        check(1, 0, Some(5.0));
        check(2, 0, Some(30.0));
        check(3, 0, Some(120.0));
        check(4, 0, Some(600.0));
        check(5, 0, Some(3600.0));
        check(6, 0, Some(10_800.0));
        check(7, 0, Some(21_600.0));
        check(8, 0, Some(43_200.0));
        check(ATTEMPTS_MAX, 0, None);
        check(1000, 0, None);
        let all: u32 = DELAYS_SECONDS.iter().sum();
        assert!((20 * 3600..24 * 3600).contains(&all), "{all} s");
    }

    #[test]
    fn chance_adds_a_fifth_at_most() {
        check(1, u16::MAX, Some(6.0));
        check(8, u16::MAX, Some(51_840.0));
        check(2, u16::MAX / 2, Some(32.999));
    }

    #[test]
    fn any_2xx_takes_the_message_and_nothing_else_does() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome_of(status), Outcome::Delivered);
        }
        for status in [100, 199, 300, 302, 304, 400, 404, 410, 429, 500, 503, 999] {
            assert_eq!(outcome_of(status), Outcome::Failed(Failure::Status(status)));
        }
    }

    #[test]
    fn who_wants_no_more_is_not_asked_again() {
        let failure = Failure::Status(410);
        assert_eq!(settle(Outcome::Failed(failure), 1, AT, 0), Settlement::Dead { failure });
        assert_eq!(settle(Outcome::Delivered, 1, AT, 0), Settlement::Delivered);
        assert_eq!(settle(Outcome::Skipped, ATTEMPTS_MAX, AT, 0), Settlement::Skipped);
    }

    #[test]
    fn what_is_kept_of_a_failure_fits_its_column() {
        for failure in [
            Failure::Status(65_535),
            Failure::TimedOut,
            Failure::Refused,
            Failure::Unreachable,
            Failure::Untrusted,
            Failure::NotAllowed,
            Failure::Broken,
            Failure::NoToken,
        ] {
            assert!((1..=60).contains(&failure.to_string().len()), "{failure}");
        }
    }
}
