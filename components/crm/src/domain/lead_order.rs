//! The orders in which leads are listed, and places in them.
//!
//! What must stay true: the id breaks ties in the direction of the order, so that a page begins exactly where the one
//! before ended; a place belongs to one order and fits no other.

use api::Moment;
use ids::LeadId;
use serde::{Deserialize, Serialize};

use crate::domain::lead::Lead;

/// By what leads are ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) enum Sort {
    /// Oldest first.
    #[serde(rename = "created_at")]
    CreatedAt,
    /// Newest first.
    #[default]
    #[serde(rename = "-created_at")]
    CreatedAtDescending,
    /// Lowest score first.
    #[serde(rename = "score")]
    Score,
    /// Highest score first.
    #[serde(rename = "-score")]
    ScoreDescending,
}

/// The place of a lead in an order: what a cursor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    sort: Sort,
    key: Key,
    id: LeadId,
}

/// What the order compares first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    /// Of the orders by creation.
    CreatedAt(Moment),
    /// Of the orders by score.
    Score(u8),
}

impl Place {
    /// Where a lead stands.
    pub(crate) fn of(lead: &Lead, sort: Sort) -> Self {
        let key = match sort {
            Sort::CreatedAt | Sort::CreatedAtDescending => Key::CreatedAt(lead.created_at.into()),
            Sort::Score | Sort::ScoreDescending => Key::Score(lead.score.points),
        };
        Self { sort, key, id: lead.id }
    }

    /// Key and id, if this is a place in that order.
    pub(crate) fn within(self, sort: Sort) -> Option<(Key, LeadId)> {
        let fits = match (sort, self.key) {
            (Sort::CreatedAt | Sort::CreatedAtDescending, Key::CreatedAt(_)) => true,
            (Sort::Score | Sort::ScoreDescending, Key::Score(_)) => true,
            (Sort::CreatedAt | Sort::CreatedAtDescending, Key::Score(_)) => false,
            (Sort::Score | Sort::ScoreDescending, Key::CreatedAt(_)) => false,
        };
        (fits && self.sort == sort).then_some((self.key, self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use serde_json::{from_value, json, to_value};

    const SORTS: [Sort; 4] = [Sort::CreatedAt, Sort::CreatedAtDescending, Sort::Score, Sort::ScoreDescending];

    #[test]
    fn a_place_fits_its_own_order_alone() {
        let details = from_value(json!({ "email": "ada@example.com" })).unwrap();
        let created_at = DateTime::from_timestamp_micros(1_767_225_600_123_456).unwrap();
        let lead = Lead::new(LeadId::from(uuid::Uuid::nil()), details, created_at);
        for sort in SORTS {
            let place = Place::of(&lead, sort);
            assert_eq!(from_value::<Place>(to_value(place).unwrap()).unwrap(), place, "reads what it writes");
            for other in SORTS {
                assert_eq!(place.within(other).is_some(), sort == other, "{sort:?} in {other:?}");
            }
        }
    }

    #[test]
    fn a_made_up_place_fits_nowhere() {
        let place = |sort: &str, key| json!({ "sort": sort, "key": key, "id": LeadId::from(uuid::Uuid::nil()) });
        for (sort, key) in [("score", json!("2026-01-01T00:00:00Z")), ("created_at", json!(5))] {
            let place: Place = from_value(place(sort, key)).unwrap();
            assert!(SORTS.iter().all(|&sort| place.within(sort).is_none()), "{place:?}");
        }
        for (sort, key) in [("score", json!(256)), ("created_at", json!("infinity")), ("created_at", json!(null))] {
            assert!(from_value::<Place>(place(sort, key)).is_err());
        }
    }
}
