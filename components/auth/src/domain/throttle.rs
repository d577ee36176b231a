//! How long to wait after failed log-ins: growing delays, never a lock for ever.
//!
//! Two places count (a script in the store, a function in the database while the store is away); both read the
//! schedule from here, so that the rule stands once.

use std::time::Duration;

/// So many log-ins of one account may fail before anybody waits.
const FREE_FAILURES: u32 = 5;
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Failed log-ins of one account are forgotten after this long without another.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// How many log-ins may fail from one address in [`ADDRESS_WINDOW`].
pub(crate) const ADDRESS_FAILURES_MAX: i64 = 100;
/// The window of the limit by address.
pub(crate) const ADDRESS_WINDOW: Duration = Duration::from_secs(60 * 60);

/// How long an account knows an address from which it was logged in to.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The wait between the `failures`-th failure of an account and its next try.
pub(crate) fn wait_after(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1u64.checked_shl(doublings).unwrap_or(u64::MAX)).min(WAIT_MAX),
    }
}

/// The waits after the first, second, … failure in milliseconds; the last one is for all beyond.
pub(crate) fn schedule_ms() -> Vec<i64> {
    let mut schedule = Vec::new();
    for failures in 1.. {
        let wait = wait_after(failures);
        schedule.push(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        if wait == WAIT_MAX {
            break;
        }
    }
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_then_the_wait_doubles_up_to_five_minutes() {
        let seconds: Vec<u64> = (0..=16).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(wait_after(u32::MAX), WAIT_MAX);
    }

    #[test]
    fn the_schedule_is_the_rule_as_a_list() {
        let schedule = schedule_ms();
        for (index, wait) in schedule.iter().enumerate() {
            assert_eq!(*wait, wait_after(u32::try_from(index).unwrap() + 1).as_millis() as i64);
        }
        assert_eq!(schedule.last(), Some(&300_000));
    }
}
