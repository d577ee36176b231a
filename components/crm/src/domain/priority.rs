//! How soon a lead wants attention: what the score says, until a person says otherwise.

use serde::{Deserialize, Serialize};

use crate::domain::word::word;

/// How soon a lead wants attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", remote = "Self")]
pub(crate) enum Priority {
    /// A score below 60.
    Low,
    /// A score from 60.
    Medium,
    /// A score from 75.
    High,
    /// A score from 90.
    Urgent,
}

word!(Priority);

impl Priority {
    /// Every priority, least first.
    pub(crate) const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Urgent];

    /// What a score means.
    pub(crate) fn of_score(points: u8) -> Self {
        match points {
            0..60 => Self::Low,
            60..75 => Self::Medium,
            75..90 => Self::High,
            90.. => Self::Urgent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_score() {
        for (points, priority) in [
            (0, Priority::Low),
            (59, Priority::Low),
            (60, Priority::Medium),
            (74, Priority::Medium),
            (75, Priority::High),
            (89, Priority::High),
            (90, Priority::Urgent),
            (100, Priority::Urgent),
        ] {
            assert_eq!(Priority::of_score(points), priority, "{points}");
        }
        assert!((0..=100).map(Priority::of_score).is_sorted(), "more points are never less urgent");
    }
}
