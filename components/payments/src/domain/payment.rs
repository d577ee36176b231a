//! The state machine of a payment.
//!
//! Amounts decide, and the state is the word for them: a payment keeps how much is authorized, captured and refunded, and
//! beside it a phase, which has a say only while no money stands. The database derives the same word from the same
//! columns (`payments.state_of`); a test compares the two for every case.
//!
//! What can never happen: authorized above the amount, captured above authorized, refunded above captured; an amount that
//! sinks because an older report came later (only a refund that the gateway takes back lowers anything, and that is the
//! refund's machine); an ended payment that goes on without money having moved. A verified success after the end is
//! accepted, since the money is real, and flagged.
//!
//! Long because the tables and laws of the one state machine stand beside it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a payment is: the word for its amounts and its phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentState)]
pub(crate) enum State {
    /// It exists; what the gateway makes of it is not known yet.
    Created,
    /// The payer must do something: see `next_action`.
    RequiresAction,
    /// Handed in, and not certain yet.
    Processing,
    /// The money is held, and can be captured.
    Authorized,
    /// A part of the amount was captured.
    PartiallyCaptured,
    /// The whole amount was captured.
    Captured,
    /// A part of what was captured went back.
    PartiallyRefunded,
    /// All that was captured went back.
    Refunded,
    /// Stopped before money moved.
    Canceled,
    /// The time to pay, or to capture, ran out.
    Expired,
    /// Declined, or refused by the gateway: see `failure`.
    Failed,
}

/// What is so while no money stands; afterwards the amounts say it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Created,
    RequiresAction,
    Processing,
    Canceled,
    Expired,
    Failed,
}

impl Phase {
    /// Whether nothing but a late success follows.
    pub(crate) fn is_end(self) -> bool {
        match self {
            Self::Canceled | Self::Expired | Self::Failed => true,
            Self::Created | Self::RequiresAction | Self::Processing => false,
        }
    }
}

/// The amounts and the phase of a payment: all in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What was to be paid.
    pub(crate) amount: i64,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) phase: Phase,
    /// Whether money came after the end.
    pub(crate) late_success: bool,
    /// When the question was asked whose answer stands here; an answer to an earlier question is older.
    pub(crate) reported_at: Option<DateTime<Utc>>,
}

/// What a gateway says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    /// What it says of the phase; nothing where the amounts say it all.
    pub(crate) phase: Option<Phase>,
    /// When it was asked.
    pub(crate) asked_at: DateTime<Utc>,
}

/// A report that cannot be about this payment: an alarm, and no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// More is authorized or captured than was to be paid.
    AboveAmount,
    /// An amount is negative.
    Negative,
}

/// Why something cannot be done with a payment as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing is authorized (any more) that could be captured.
    NotCapturable { state: State },
    /// More than is left of the authorization.
    AboveCapturable { asked: i64, left: i64 },
    /// The gateway captures the whole authorization or nothing.
    PartialCapture { authorized: i64 },
    /// Money was captured already, or the payment is over.
    NotCancelable { state: State },
    /// Nothing is captured that could be refunded.
    NotRefundable { state: State },
    /// More than is left of what was captured; refunds under way count.
    AboveRefundable { asked: i64, left: i64 },
}

impl Standing {
    /// The word for it.
    pub(crate) fn state(&self) -> State {
        match self {
            Self { captured: 1.., .. } if self.refunded == self.captured => State::Refunded,
            Self { captured: 1.., refunded: 1.., .. } => State::PartiallyRefunded,
            Self { captured: 1.., .. } if self.captured >= self.amount => State::Captured,
            Self { captured: 1.., .. } => State::PartiallyCaptured,
            Self { authorized: 1.., phase, .. } if !phase.is_end() => State::Authorized,
            Self { phase, .. } => match phase {
                Phase::Created => State::Created,
                Phase::RequiresAction => State::RequiresAction,
                Phase::Processing => State::Processing,
                Phase::Canceled => State::Canceled,
                Phase::Expired => State::Expired,
                Phase::Failed => State::Failed,
            },
        }
    }

    /// What becomes of it by a report. Amounts only rise; an older report, and one after the end, change nothing else.
    pub(crate) fn reported(self, report: &Report) -> Result<Self, Mismatch> {
        if report.authorized < 0 || report.captured < 0 {
            return Err(Mismatch::Negative);
        }
        let captured = self.captured.max(report.captured);
        let authorized = self.authorized.max(report.authorized).max(captured);
        if authorized > self.amount {
            return Err(Mismatch::AboveAmount);
        }
        let is_fresh = self.reported_at.is_none_or(|last| report.asked_at >= last);
        // After the end an authorization that was there before says nothing: it may be the one that was let go.
        let is_held = self.authorized == 0 && authorized > 0 && !report.phase.is_some_and(Phase::is_end);
        let is_success = captured > self.captured || is_held;
        let (phase, late_success) = match (self.phase.is_end(), report.phase) {
            // Only where no money stood: with money the phase has no say.
            (true, _) if is_success && self.captured == 0 => (Phase::Processing, true),
            (true, _) => (self.phase, self.late_success),
            (false, Some(phase)) if is_fresh && (captured == 0 || !phase.is_end()) => (phase, self.late_success),
            (false, _) => (self.phase, self.late_success),
        };
        let reported_at = if is_fresh { Some(report.asked_at) } else { self.reported_at };
        Ok(Self { authorized, captured, phase, late_success, reported_at, ..self })
    }

    /// How much a capture takes: what is asked for, or all that is held.
    pub(crate) fn capturable(&self, capturing: i64, asked: Option<i64>, may_be_partial: bool) -> Result<i64, Refusal> {
        let left = self.authorized - self.captured - capturing;
        if self.phase.is_end() || left <= 0 {
            return Err(Refusal::NotCapturable { state: self.state() });
        }
        match asked {
            None => Ok(left),
            Some(asked) if asked > left => Err(Refusal::AboveCapturable { asked, left }),
            Some(asked) if asked < left && !may_be_partial => {
                Err(Refusal::PartialCapture { authorized: self.authorized })
            }
            Some(asked) => Ok(asked),
        }
    }

    /// Whether it can be canceled: nothing was captured, and it is not over.
    pub(crate) fn cancelable(&self, capturing: i64) -> Result<(), Refusal> {
        if self.phase.is_end() || self.captured + capturing > 0 {
            return Err(Refusal::NotCancelable { state: self.state() });
        }
        Ok(())
    }

    /// How much a refund returns: what is asked for, or all that is left.
    pub(crate) fn refundable(&self, refunding: i64, asked: Option<i64>) -> Result<i64, Refusal> {
        let left = self.captured - self.refunded - refunding;
        if self.captured == 0 || left <= 0 && asked.is_none() {
            return Err(Refusal::NotRefundable { state: self.state() });
        }
        match asked {
            None => Ok(left),
            Some(asked) if asked > left => Err(Refusal::AboveRefundable { asked, left: left.max(0) }),
            Some(asked) => Ok(asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    /// A payment of 1000 in a state, last reported at second 10.
    fn standing(state: State) -> Standing {
        let of = |phase, authorized, captured, refunded| Standing {
            amount: 1000,
            authorized,
            captured,
            refunded,
            phase,
            late_success: false,
            reported_at: Some(at(10)),
        };
        let standing = match state {
            State::Created => of(Phase::Created, 0, 0, 0),
            State::RequiresAction => of(Phase::RequiresAction, 0, 0, 0),
            State::Processing => of(Phase::Processing, 0, 0, 0),
            State::Authorized => of(Phase::Processing, 1000, 0, 0),
            State::PartiallyCaptured => of(Phase::Processing, 1000, 400, 0),
            State::Captured => of(Phase::Processing, 1000, 1000, 0),
            State::PartiallyRefunded => of(Phase::Processing, 1000, 1000, 300),
            State::Refunded => of(Phase::Processing, 1000, 1000, 1000),
            State::Canceled => of(Phase::Canceled, 0, 0, 0),
            State::Expired => of(Phase::Expired, 0, 0, 0),
            State::Failed => of(Phase::Failed, 0, 0, 0),
        };
        assert_eq!(standing.state(), state);
        standing
    }

    const STATES: [State; 11] = [
        State::Created,
        State::RequiresAction,
        State::Processing,
        State::Authorized,
        State::PartiallyCaptured,
        State::Captured,
        State::PartiallyRefunded,
        State::Refunded,
        State::Canceled,
        State::Expired,
        State::Failed,
    ];

    /// Each event by its letter, each row's states in the order of the columns. `.` stands for no change, `!` after a
    /// state for a success that came late.
    const TABLE: &str = "
        from                requires_action  processing  authorized  captured   canceled  expired  failed
        created             requires_action  processing  authorized  captured   canceled  expired  failed
        requires_action     .                processing  authorized  captured   canceled  expired  failed
        processing          requires_action  .           authorized  captured   canceled  expired  failed
        authorized          .                .           .           captured   canceled  expired  failed
        partially_captured  .                .           .           captured   .         .        .
        captured            .                .           .           .          .         .        .
        partially_refunded  .                .           .           .          .         .        .
        refunded            .                .           .           .          .         .        .
        canceled            .                .           authorized! captured!  .         .        .
        expired             .                .           authorized! captured!  .         .        .
        failed              .                .           authorized! captured!  .         .        .
    ";

    fn state(word: &str) -> State {
        serde_json::from_value(serde_json::Value::from(word)).unwrap_or_else(|_| panic!("{word} is no state"))
    }

    fn event(word: &str, asked_at: DateTime<Utc>) -> Report {
        let of = |phase, authorized, captured| Report { authorized, captured, phase, asked_at };
        match word {
            "requires_action" => of(Some(Phase::RequiresAction), 0, 0),
            "processing" => of(Some(Phase::Processing), 0, 0),
            "authorized" => of(None, 1000, 0),
            "captured" => of(None, 1000, 1000),
            "canceled" => of(Some(Phase::Canceled), 0, 0),
            "expired" => of(Some(Phase::Expired), 0, 0),
            "failed" => of(Some(Phase::Failed), 0, 0),
            other => panic!("{other} is no event"),
        }
    }

    #[test]
    fn every_state_against_every_event() {
        let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty()).map(str::split_whitespace);
        let events: Vec<&str> = lines.next().unwrap().skip(1).collect();
        let mut seen = Vec::new();
        for mut line in lines {
            let from = state(line.next().unwrap());
            seen.push(from);
            for (name, wanted) in events.iter().zip(line) {
                let wanted_late = wanted.ends_with('!');
                let wanted = if wanted == "." { from } else { state(wanted.trim_end_matches('!')) };
                let found = standing(from).reported(&event(name, at(20))).unwrap();
                assert_eq!((found.state(), found.late_success), (wanted, wanted_late), "{from:?}, {name}");

                // The same from an older question: only amounts count.
                let older = standing(from).reported(&event(name, at(5))).unwrap();
                let moves_money = matches!(*name, "authorized" | "captured");
                let wanted = if moves_money { wanted } else { from };
                assert_eq!(older.state(), wanted, "{from:?}, an older {name}");
                assert_eq!(older.reported_at, Some(at(10)));
            }
        }
        assert_eq!(seen, STATES);
    }

    #[test]
    fn a_report_of_more_than_the_amount_changes_nothing() {
        for (authorized, captured) in [(1001, 0), (0, 1001), (1001, 1001)] {
            let report = Report { authorized, captured, phase: None, asked_at: at(20) };
            assert_eq!(standing(State::RequiresAction).reported(&report), Err(Mismatch::AboveAmount));
        }
        let report = Report { authorized: 0, captured: -1, phase: None, asked_at: at(20) };
        assert_eq!(standing(State::Authorized).reported(&report), Err(Mismatch::Negative));
    }

    #[test]
    fn an_authorization_that_was_let_go_does_not_come_back() {
        let canceled = Standing { phase: Phase::Canceled, ..standing(State::Authorized) };
        assert_eq!(canceled.state(), State::Canceled);
        let still = canceled.reported(&event("authorized", at(20))).unwrap();
        assert_eq!((still.state(), still.late_success), (State::Canceled, false));
        let captured = canceled.reported(&event("captured", at(20))).unwrap();
        assert_eq!((captured.state(), captured.late_success), (State::Captured, true));
    }

    #[track_caller]
    fn check<T: PartialEq + std::fmt::Debug>(found: Result<T, Refusal>, expected: Result<T, Refusal>) {
        assert_eq!(found, expected);
    }

    #[test]
    fn captures_stay_within_what_is_held() {
        let held = standing(State::Authorized);
        check(held.capturable(0, None, true), Ok(1000));
        check(held.capturable(0, Some(400), true), Ok(400));
        check(held.capturable(0, Some(1000), false), Ok(1000));
        check(held.capturable(0, Some(400), false), Err(Refusal::PartialCapture { authorized: 1000 }));
        check(held.capturable(0, Some(1001), true), Err(Refusal::AboveCapturable { asked: 1001, left: 1000 }));
        check(held.capturable(1000, None, true), Err(Refusal::NotCapturable { state: State::Authorized }));
        for state in STATES {
            let may = matches!(state, State::Authorized | State::PartiallyCaptured);
            assert_eq!(standing(state).capturable(0, None, true).is_ok(), may, "{state:?}");
        }
    }

    #[test]
    fn what_was_captured_cannot_be_canceled() {
        for state in STATES {
            let may = matches!(state, State::Created | State::RequiresAction | State::Processing | State::Authorized);
            assert_eq!(standing(state).cancelable(0).is_ok(), may, "{state:?}");
        }
        check(standing(State::Authorized).cancelable(1), Err(Refusal::NotCancelable { state: State::Authorized }));
    }

    #[test]
    fn refunds_stay_within_what_was_captured() {
        let captured = standing(State::Captured);
        check(captured.refundable(0, None), Ok(1000));
        check(captured.refundable(0, Some(1000)), Ok(1000));
        check(captured.refundable(300, Some(701)), Err(Refusal::AboveRefundable { asked: 701, left: 700 }));
        check(captured.refundable(1000, None), Err(Refusal::NotRefundable { state: State::Captured }));
        check(standing(State::Refunded).refundable(0, Some(1)), Err(Refusal::AboveRefundable { asked: 1, left: 0 }));
        for state in STATES {
            let may = matches!(state, State::PartiallyCaptured | State::Captured | State::PartiallyRefunded);
            assert_eq!(standing(state).refundable(0, None).is_ok(), may, "{state:?}");
        }
    }

    fn any_report() -> impl Strategy<Value = Report> {
        let phase = prop::option::of(prop::sample::select(vec![
            Phase::RequiresAction,
            Phase::Processing,
            Phase::Canceled,
            Phase::Expired,
            Phase::Failed,
        ]));
        (-1i64..1100, -1i64..1100, phase, 0i64..100).prop_map(|(authorized, captured, phase, second)| Report {
            authorized,
            captured,
            phase,
            asked_at: at(second),
        })
    }

    proptest! {
        #[test]
        fn whatever_is_reported_amounts_stay_in_order_and_never_sink(reports in prop::collection::vec(any_report(), 0..30)) {
            let mut now = Standing { reported_at: None, ..standing(State::Created) };
            for report in reports {
                let before = now;
                if let Ok(after) = now.reported(&report) {
                    prop_assert!(after.captured <= after.authorized && after.authorized <= after.amount);
                    prop_assert!(after.captured >= before.captured && after.authorized >= before.authorized);
                    prop_assert!(after.reported_at >= before.reported_at);
                    // Without money an end is an end.
                    if before.phase.is_end() && after.authorized == before.authorized && after.captured == before.captured {
                        prop_assert_eq!(after.state(), before.state());
                    }
                    now = after;
                }
            }
        }

        #[test]
        fn a_report_twice_is_a_report_once(first in any_report(), report in any_report()) {
            let start = Standing { reported_at: None, ..standing(State::Created) };
            let start = start.reported(&first).unwrap_or(start);
            if let Ok(once) = start.reported(&report) {
                prop_assert_eq!(once.reported(&report).unwrap(), once);
            }
        }

        #[test]
        fn what_money_says_does_not_depend_on_the_order(mut reports in prop::collection::vec(any_report(), 0..8), seed: u64) {
            let money = |reports: &[Report]| {
                reports.iter().fold(standing(State::Created), |now, report| now.reported(report).unwrap_or(now))
            };
            let one = money(&reports);
            let by = (seed as usize) % reports.len().max(1);
            reports.rotate_left(by);
            let other = money(&reports);
            prop_assert_eq!((one.authorized, one.captured), (other.authorized, other.captured));
        }
    }
}
