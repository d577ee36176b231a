//! When the gateway is asked again about what is not certain: after 5 minutes, an hour, then daily for five days. (The
//! timetable of Kill Bill's janitor, which has been asking for longer than anybody.)

use chrono::TimeDelta;

const LOOKS: [TimeDelta; 7] = [
    TimeDelta::minutes(5),
    TimeDelta::hours(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
];

/// How long after look number `looks` (from 0) the next one comes; `None` when it is given up to a person.
pub(crate) fn next_look(looks: u32) -> Option<TimeDelta> {
    LOOKS.get(usize::try_from(looks).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_looks_within_a_week_and_then_no_more() {
        let all: TimeDelta = (0..7).map(|looks| next_look(looks).unwrap()).sum();
        assert_eq!(all, TimeDelta::days(5) + TimeDelta::minutes(65));
        assert_eq!((next_look(7), next_look(u32::MAX)), (None, None));
    }
}
