//! `--quick`: what moved since the committed result. Ratios are compared, not requests a second: machines differ.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{result::Figures, route::Route};

const FLAGGED: f64 = 0.15;
const FAILED: f64 = 0.25;
const RATIOS: [&str; 3] = ["vs_fastapi", "vs_axum", "vs_floor"];

/// One ratio then and now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    route: Route,
    ratio: &'static str,
    then: Option<f64>,
    now: f64,
}

impl Move {
    /// By which share it changed.
    fn change(&self) -> Option<f64> {
        Some(self.now / self.then.filter(|then| *then > 0.0)? - 1.0)
    }

    /// Whether it fell so far that this is no noise.
    fn fell_too_far(&self) -> bool {
        self.change().is_some_and(|change| change < -FAILED)
    }
}

/// What was measured now, beside what was then.
pub(crate) fn compare(then: &BTreeMap<String, Figures>, now: &BTreeMap<String, Figures>) -> Vec<Move> {
    let of =
        |ratios: &BTreeMap<String, Figures>, route: Route, ratio: &str| ratios.get(route.name())?.get(ratio).copied();
    let pairs = Route::ALL.into_iter().flat_map(|route| RATIOS.map(|ratio| (route, ratio)));
    pairs
        .filter_map(|(route, ratio)| {
            Some(Move { route, ratio, then: of(then, route, ratio), now: of(now, route, ratio)? })
        })
        .collect()
}

/// Whether any ratio fell too far.
pub(crate) fn regressed(moves: &[Move]) -> bool {
    moves.iter().any(Move::fell_too_far)
}

/// The moves as a table for a terminal.
pub(crate) fn table(moves: &[Move]) -> String {
    let mut text = format!("{:<13} {:<11} {:>7} {:>7} {:>8}\n", "route", "ratio", "then", "now", "change");
    for one in moves {
        let then = one.then.map_or("-".to_owned(), |then| format!("{then:.2}"));
        let change = one.change().map_or("-".to_owned(), |change| format!("{:+.0} %", change * 100.0));
        let flag = match one.change() {
            _ if one.fell_too_far() => "  fell by more than 25 %",
            Some(change) if change.abs() > FLAGGED => "  moved by more than 15 %",
            _ => "",
        };
        let _ =
            writeln!(text, "{:<13} {:<11} {then:>7} {:>7.2} {change:>8}{flag}", one.route.name(), one.ratio, one.now);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratios(fastapi: f64, floor: f64) -> BTreeMap<String, Figures> {
        let figures = Figures::from([("vs_fastapi".to_owned(), fastapi), ("vs_floor".to_owned(), floor)]);
        BTreeMap::from([("list_leads".to_owned(), figures)])
    }

    #[test]
    fn a_small_move_is_not_flagged_and_a_large_one_is() {
        let moves = compare(&ratios(2.0, 0.8), &ratios(1.9, 0.95));
        let table = table(&moves);
        assert!(table.contains("list_leads    vs_fastapi     2.00    1.90     -5 %\n"), "{table}");
        assert!(table.contains("vs_floor       0.80    0.95    +19 %  moved by more than 15 %"), "{table}");
        assert!(!regressed(&moves));
    }

    #[test]
    fn a_fall_by_more_than_a_quarter_fails() {
        assert!(regressed(&compare(&ratios(2.0, 0.8), &ratios(1.4, 0.8))));
        assert!(!regressed(&compare(&ratios(2.0, 0.8), &ratios(1.51, 0.8))));
    }

    #[test]
    fn what_is_new_has_nothing_to_fall_from() {
        let moves = compare(&BTreeMap::new(), &ratios(2.0, 0.8));
        assert_eq!(moves.len(), 2);
        assert!(!regressed(&moves));
        assert!(table(&moves).contains('-'));
    }
}
