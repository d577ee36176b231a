//! How far leads come on the first day: a plausible mix, better for those with a high score, the same in every run.

use serde::Serialize;

/// What a move says.
#[derive(Serialize)]
pub(crate) struct Move<'a> {
    pub(crate) status: &'a str,
}

/// From this score on a lead is followed up first: where the priority URGENT begins.
const PROMISING: u8 = 90;

const PROMISING_JOURNEYS: [&[&str]; 10] = [
    &[],
    &["CONTACTED"],
    &["CONTACTED", "QUALIFIED"],
    &["QUALIFIED"],
    &["CONTACTED", "PROPOSAL"],
    &["CONTACTED", "QUALIFIED", "PROPOSAL"],
    &["CONTACTED", "QUALIFIED", "PROPOSAL", "WON"],
    &["QUALIFIED", "WON"],
    &["CONTACTED", "LOST"],
    &["QUALIFIED", "PROPOSAL"],
];

const OTHER_JOURNEYS: [&[&str]; 10] = [
    &[],
    &[],
    &["CONTACTED"],
    &[],
    &["LOST"],
    &["CONTACTED"],
    &[],
    &["CONTACTED", "LOST", "CONTACTED"],
    &["CONTACTED", "QUALIFIED"],
    &[],
];

/// The moves of the lead in a row of the table.
pub(crate) fn of(row: usize, score: u8) -> &'static [&'static str] {
    let journeys = if score >= PROMISING { PROMISING_JOURNEYS } else { OTHER_JOURNEYS };
    // Seven and ten have no common divisor: neighbours differ, and every journey gets its turn.
    journeys[row * 7 % journeys.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moves that the CRM allows.
    fn is_allowed(from: &str, to: &str) -> bool {
        let allowed: &[&str] = match from {
            "NEW" => &["CONTACTED", "QUALIFIED", "LOST"],
            "CONTACTED" => &["QUALIFIED", "PROPOSAL", "LOST"],
            "QUALIFIED" => &["CONTACTED", "PROPOSAL", "WON", "LOST"],
            "PROPOSAL" => &["QUALIFIED", "WON", "LOST"],
            "LOST" => &["CONTACTED"],
            _ => &[],
        };
        allowed.contains(&to)
    }

    #[test]
    fn every_move_is_allowed() {
        for journey in PROMISING_JOURNEYS.iter().chain(&OTHER_JOURNEYS) {
            let mut from = "NEW";
            for to in *journey {
                assert!(is_allowed(from, to), "{from} to {to}");
                from = to;
            }
        }
    }

    #[test]
    fn every_journey_gets_its_turn() {
        let rows = |score| (0..10).map(|row| of(row, score)).collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(rows(100), 10);
        assert!(rows(50) > 4);
    }
}
