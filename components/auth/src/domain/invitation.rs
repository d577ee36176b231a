//! Invitations: pending until they are accepted, withdrawn or over.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// How long an invitation may be accepted.
pub(crate) const LIFETIME_DAYS: i64 = 7;
/// How many a tenant makes in 24 hours: each is a message to somebody who did not ask for it.
pub(crate) const DAY_MAX: usize = 200;
/// How many of these go to one address.
pub(crate) const DAY_MAX_ADDRESS: usize = 5;

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvitationStatus)]
pub(crate) enum Status {
    /// It may be accepted.
    Pending,
    /// Somebody became a member with it.
    Accepted,
    /// Seven days went by.
    Expired,
    /// A member took it back.
    Withdrawn,
}

/// When an invitation that is made now is over.
pub(crate) fn expires_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::days(LIFETIME_DAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_lives_a_week() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(expires_at(time("2026-02-26T12:00:00Z")), time("2026-03-05T12:00:00Z"));
    }
}
