//! `--quick`: what moved since the committed result. Ratios are compared, not requests a second: machines differ.
//!
//! What must stay true: every ratio that the run was to have is compared, or the run fails.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    result::Figures,
    route::Route,
    system::{Runtime, System},
};

const FLAGGED: f64 = 0.15;
const FAILED: f64 = 0.25;

/// One ratio then and now; none where it was not measured.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    route: Route,
    ratio: &'static str,
    then: Option<f64>,
    now: Option<f64>,
}

impl Move {
    /// By which share it changed.
    fn change(&self) -> Option<f64> {
        Some(self.now? / self.then.filter(|then| *then > 0.0)? - 1.0)
    }

    /// Whether it fell so far that this is no noise.
    fn fell_too_far(&self) -> bool {
        self.change().is_some_and(|change| change < -FAILED)
    }
}

/// The ratios that a run of these systems and routes has.
pub(crate) fn wanted(systems: &[System], routes: &[Route]) -> Vec<(Route, &'static str)> {
    let mut wanted = Vec::new();
    if !systems.contains(&Runtime::Devhost.ours()) {
        return wanted;
    }
    for route in routes {
        let peers = System::beside(Runtime::Devhost).filter(|system| systems.contains(system));
        let measured = peers.filter(|peer| !(peer.is_floor() && route.hashes()));
        wanted.extend(measured.filter_map(|peer| Some((*route, peer.facts().ratio?))));
    }
    wanted
}

/// What was measured now, beside what was then.
pub(crate) fn compare(
    wanted: &[(Route, &'static str)],
    then: &BTreeMap<String, Figures>,
    now: &BTreeMap<String, Figures>,
) -> Vec<Move> {
    let of =
        |ratios: &BTreeMap<String, Figures>, route: Route, ratio: &str| ratios.get(route.name())?.get(ratio).copied();
    let moves = wanted.iter().map(|&(route, ratio)| Move {
        route,
        ratio,
        then: of(then, route, ratio),
        now: of(now, route, ratio),
    });
    moves.collect()
}

/// Whether something was compared, all of it could be, and no ratio fell too far.
pub(crate) fn all_well(moves: &[Move]) -> bool {
    !moves.is_empty() && moves.iter().all(|one| one.change().is_some() && !one.fell_too_far())
}

/// The moves as a table for a terminal.
pub(crate) fn table(moves: &[Move]) -> String {
    let mut text = format!("{:<13} {:<16} {:>7} {:>7} {:>8}\n", "route", "ratio", "then", "now", "change");
    for one in moves {
        let [then, now] = [one.then, one.now].map(|value| value.map_or("-".to_owned(), |value| format!("{value:.2}")));
        let change = one.change().map_or("-".to_owned(), |change| format!("{:+.0} %", change * 100.0));
        let flag = match one.change() {
            None => "  cannot be compared",
            Some(_) if one.fell_too_far() => "  fell by more than 25 %",
            Some(change) if change.abs() > FLAGGED => "  moved by more than 15 %",
            Some(_) => "",
        };
        let _ = writeln!(text, "{:<13} {:<16} {then:>7} {now:>7} {change:>8}{flag}", one.route.name(), one.ratio);
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

    fn moves(then: &BTreeMap<String, Figures>, now: &BTreeMap<String, Figures>) -> Vec<Move> {
        compare(&wanted(&[System::Ours, System::Fastapi, System::Floor], &[Route::ListLeads]), then, now)
    }

    #[test]
    fn a_small_move_is_not_flagged_and_a_large_one_is() {
        let moves = moves(&ratios(2.0, 0.8), &ratios(1.9, 0.95));
        let table = table(&moves);
        assert!(table.contains("list_leads    vs_fastapi          2.00    1.90     -5 %\n"), "{table}");
        assert!(table.contains("vs_floor            0.80    0.95    +19 %  moved by more than 15 %"), "{table}");
        assert!(all_well(&moves));
    }

    #[test]
    fn a_fall_by_more_than_a_quarter_fails() {
        assert!(!all_well(&moves(&ratios(2.0, 0.8), &ratios(1.4, 0.8))));
        assert!(all_well(&moves(&ratios(2.0, 0.8), &ratios(1.51, 0.8))));
    }

    #[test]
    fn what_cannot_be_compared_fails() {
        let (there, nothing) = (ratios(2.0, 0.8), BTreeMap::new());
        for (then, now) in [(&nothing, &there), (&there, &nothing), (&ratios(0.0, 0.8), &there)] {
            let moves = moves(then, now);
            assert_eq!(moves.len(), 2);
            assert!(!all_well(&moves));
            assert!(table(&moves).contains("cannot be compared"));
        }
        assert!(!all_well(&[]), "nothing was compared");
        assert!(wanted(&[System::Fastapi, System::Floor], &[Route::ListLeads]).is_empty(), "ours is missing");
        assert!(wanted(&[System::Ours, System::Floor], &[Route::LogIn]).is_empty(), "the floor hashes nothing");
    }
}
