//! How far a lead has come, and the one table of moves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::word::word;

/// How far a lead has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", remote = "Self")]
pub(crate) enum Status {
    /// Nobody has been in touch.
    New,
    /// Somebody wrote or called.
    Contacted,
    /// Worth an offer.
    Qualified,
    /// An offer is out.
    Proposal,
    /// A customer now; the end.
    Won,
    /// Not a customer; may be contacted again.
    Lost,
}

word!(Status);

impl Status {
    /// Every status, in the order in which a good lead passes them.
    pub(crate) const ALL: [Self; 6] =
        [Self::New, Self::Contacted, Self::Qualified, Self::Proposal, Self::Won, Self::Lost];

    /// Where a lead may go from here: the one table of moves. A lead never moves to where it is.
    pub(crate) const fn moves(self) -> &'static [Self] {
        match self {
            Self::New => &[Self::Contacted, Self::Qualified, Self::Lost],
            Self::Contacted => &[Self::Qualified, Self::Proposal, Self::Lost],
            Self::Qualified => &[Self::Contacted, Self::Proposal, Self::Won, Self::Lost],
            Self::Proposal => &[Self::Qualified, Self::Won, Self::Lost],
            Self::Won => &[],
            Self::Lost => &[Self::Contacted],
        }
    }

    /// From where a lead may come here.
    pub(crate) fn allowed_from(self) -> Vec<Self> {
        Self::ALL.into_iter().filter(|from| from.moves().contains(&self)).collect()
    }

    /// As the API and the database write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Contacted => "CONTACTED",
            Self::Qualified => "QUALIFIED",
            Self::Proposal => "PROPOSAL",
            Self::Won => "WON",
            Self::Lost => "LOST",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(from: Status, moves: &str) {
        let found: Vec<_> = from.moves().iter().map(|to| to.as_str()).collect();
        assert_eq!(found.join(" "), moves, "from {from}");
    }

    #[test]
    fn the_table_of_moves() {
        check(Status::New, "CONTACTED QUALIFIED LOST");
        check(Status::Contacted, "QUALIFIED PROPOSAL LOST");
        check(Status::Qualified, "CONTACTED PROPOSAL WON LOST");
        check(Status::Proposal, "QUALIFIED WON LOST");
        check(Status::Won, "");
        check(Status::Lost, "CONTACTED");
    }

    #[test]
    fn is_written_one_way() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn every_status_but_new_can_be_reached_from_new_and_none_leads_to_itself() {
        let mut reached = vec![Status::New];
        for at in 0..Status::ALL.len() {
            let next: Vec<_> = reached.get(at).map_or(&[][..], |from| from.moves()).to_vec();
            reached.extend(next.into_iter().filter(|to| !reached.contains(to)).collect::<Vec<_>>());
        }
        reached.sort();
        reached.dedup();
        assert_eq!(reached, Status::ALL);
        assert!(Status::New.allowed_from().is_empty());
        assert!(Status::ALL.iter().all(|status| !status.moves().contains(status)));
    }

    fn any_status() -> impl Strategy<Value = Status> {
        proptest::sample::select(&Status::ALL[..])
    }

    proptest! {
        #[test]
        fn both_ways_of_asking_agree(from in any_status(), to in any_status()) {
            prop_assert_eq!(from.moves().contains(&to), to.allowed_from().contains(&from));
        }

        #[test]
        fn nothing_comes_after_won(wishes in proptest::collection::vec(any_status(), 0..40)) {
            let mut path = vec![Status::New];
            for to in wishes {
                if path.last().unwrap().moves().contains(&to) {
                    path.push(to);
                }
            }
            let won = path.iter().position(|status| *status == Status::Won);
            prop_assert!(won.is_none_or(|at| at == path.len() - 1));
        }
    }
}
