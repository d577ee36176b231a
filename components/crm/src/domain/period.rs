//! The span of time that analytics speak of: half-open, so that two spans that meet count no lead twice.

use api::Moment;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

/// How many days are shown one by one where the caller names no beginning.
const DAYS_SHOWN: u64 = 30;

/// The most days that are shown one by one.
const DAYS_MAX: i64 = 366;

/// From `after` on and before `before`; open where an end is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) after: Option<Moment>,
    pub(crate) before: Option<Moment>,
}

/// Why a period cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeriodError {
    /// It ends before it begins.
    Reversed,
    /// It has more days than can be shown one by one.
    TooLong,
}

impl Period {
    /// The first and the last UTC day to show. Without a beginning these are the last 30 days of the period; without
    /// an end, today is the last.
    pub(crate) fn days(self, now: DateTime<Utc>) -> Result<(NaiveDate, NaiveDate), PeriodError> {
        if let (Some(after), Some(before)) = (self.after, self.before)
            && after >= before
        {
            return Err(PeriodError::Reversed);
        }
        let last = match self.before {
            // The end itself is outside.
            Some(before) => (before.time() - TimeDelta::microseconds(1)).date_naive(),
            None => now.date_naive(),
        };
        let first = match self.after {
            Some(after) => after.time().date_naive(),
            None => last.checked_sub_days(Days::new(DAYS_SHOWN - 1)).unwrap_or(last),
        };
        if (last - first).num_days() >= DAYS_MAX {
            return Err(PeriodError::TooLong);
        }
        Ok((first, last))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[track_caller]
    fn check(after: &str, before: &str, expected: Result<&str, PeriodError>) {
        let moment = |text: &str| (!text.is_empty()).then(|| from_value::<Moment>(json!(text)).unwrap());
        let now = moment("2026-03-15T23:59:59Z").unwrap().time();
        let found = Period { after: moment(after), before: moment(before) }.days(now);
        assert_eq!(
            found.map(|(first, last)| format!("{first} {last}")),
            expected.map(ToOwned::to_owned),
            "{after} to {before}"
        );
    }

    #[test]
    fn shows_days_of_utc() {
        check("", "", Ok("2026-02-14 2026-03-15"));
        check("2026-03-01T00:00:00Z", "", Ok("2026-03-01 2026-03-15"));
        check("", "2026-03-01T00:00:00Z", Ok("2026-01-30 2026-02-28"));
        check("", "2026-03-01T00:00:00.000001Z", Ok("2026-01-31 2026-03-01"));
        check("2026-03-01T01:00:00+02:00", "2026-03-01T00:00:00Z", Ok("2026-02-28 2026-02-28"));
        check("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z", Ok("2024-01-01 2024-12-31"));
        check("2026-03-16T00:00:00Z", "", Ok("2026-03-16 2026-03-15"));
    }

    #[test]
    fn refuses_what_cannot_be_shown() {
        check("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", Err(PeriodError::Reversed));
        check("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z", Err(PeriodError::Reversed));
        check("2024-01-01T00:00:00Z", "2025-01-01T00:00:00.000001Z", Err(PeriodError::TooLong));
        check("2020-01-01T00:00:00Z", "", Err(PeriodError::TooLong));
        check("1900-01-01T00:00:00Z", "9999-12-31T00:00:00Z", Err(PeriodError::TooLong));
    }
}
