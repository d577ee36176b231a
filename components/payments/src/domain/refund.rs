//! The state machine of a refund.
//!
//! A refund reserves its amount from the moment it is asked for until the gateway says that it will not be. What can never
//! happen: a refund that is settled becomes pending again. One that succeeded may still fail (a closed bank account): then
//! the money is back, and that is the one thing that lowers a payment's refunded amount.

use serde::{Deserialize, Serialize};

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RefundState)]
pub(crate) enum State {
    /// Asked for; its amount is reserved.
    Pending,
    /// The gateway returned the money, or promised to.
    Succeeded,
    /// The gateway did not return it: the amount can be refunded again.
    Failed,
    /// Withdrawn before it was done.
    Canceled,
}

impl State {
    /// What becomes of it by a report of the gateway; `None` where nothing does.
    pub(crate) fn reported(self, report: Self, is_fresh: bool) -> Option<Self> {
        match (self, report) {
            (State::Pending, State::Succeeded | State::Failed | State::Canceled) => Some(report),
            // Either way money has moved or come back: the newest word counts.
            (State::Succeeded, State::Failed | State::Canceled) if is_fresh => Some(report),
            (State::Failed | State::Canceled, State::Succeeded) if is_fresh => Some(report),
            (State::Pending | State::Succeeded | State::Failed | State::Canceled, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_against_every_report() {
        use State::{Canceled, Failed, Pending, Succeeded};
        for (from, report, fresh, older) in [
            (Pending, Pending, None, None),
            (Pending, Succeeded, Some(Succeeded), Some(Succeeded)),
            (Pending, Failed, Some(Failed), Some(Failed)),
            (Pending, Canceled, Some(Canceled), Some(Canceled)),
            (Succeeded, Pending, None, None),
            (Succeeded, Succeeded, None, None),
            (Succeeded, Failed, Some(Failed), None),
            (Succeeded, Canceled, Some(Canceled), None),
            (Failed, Pending, None, None),
            (Failed, Succeeded, Some(Succeeded), None),
            (Failed, Failed, None, None),
            (Failed, Canceled, None, None),
            (Canceled, Pending, None, None),
            (Canceled, Succeeded, Some(Succeeded), None),
            (Canceled, Failed, None, None),
            (Canceled, Canceled, None, None),
        ] {
            assert_eq!(from.reported(report, true), fresh, "{from:?}, {report:?}");
            assert_eq!(from.reported(report, false), older, "{from:?}, an older {report:?}");
        }
    }
}
