//! What a gateway's answer makes of a payment, its refunds and the attempt that asked. It is pure but for the ids of what it
//! adds, and the only place where answers become changes.
//!
//! What can never happen: a lost answer settles an attempt; an answer about another amount or currency changes a payment; a
//! repeat of an attempt is taken for undone because it was not done again.
//!
//! Long because half of it are the tables of what each answer comes to.

use chrono::{DateTime, TimeDelta, Utc};
use ids::{EventId, RefundId};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{
        payment::{self, Phase, Standing, State},
        refund, timetable,
    },
    gateway::{Dispute, DisputeState, Failure, FailureCode, NextAction, Outcome, Refs, Report},
    store::{
        attempts::{self, AttemptRow, Kind},
        payments::PaymentRow,
        refunds::RefundRow,
    },
};

/// So long after an attempt a gateway may still be at it: before that, "there is no such thing" proves nothing.
const IN_FLIGHT: TimeDelta = TimeDelta::minutes(4);

/// Why the gateway was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Source {
    Api,
    Webhook,
    Return,
    Sync,
    Sweep,
}

/// What is written in one statement: the argument of `payments.settle`.
#[derive(Debug, Serialize)]
pub(crate) struct Settlement {
    id: Uuid,
    at: DateTime<Utc>,
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<NewStanding>,
    refs: Refs,
    next_action: Option<NextAction>,
    failure: Option<Failure>,
    fee: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<NewDispute>,
    refunds: Vec<RefundMove>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<AttemptEnd>,
    next_look_at: Option<DateTime<Utc>>,
    looks: u32,
    event_id: Uuid,
    note: Option<&'static str>,
    note_details: Value,
    /// Whether the answer was about this payment at all.
    #[serde(skip)]
    pub(crate) fits: bool,
}

#[derive(Debug, Serialize)]
struct NewStanding {
    version: i64,
    authorized: i64,
    captured: i64,
    phase: Phase,
    late_success: bool,
    reported_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
struct NewDispute {
    amount: i64,
    state: DisputeState,
}

#[derive(Debug, Serialize)]
struct RefundMove {
    id: Uuid,
    from: Option<refund::State>,
    to: refund::State,
    amount: i64,
    gateway_ref: Option<String>,
    failure: Option<Failure>,
    is_new: bool,
    event_id: Uuid,
}

#[derive(Debug, Serialize)]
struct AttemptEnd {
    id: Uuid,
    state: attempts::State,
    failure: Option<Failure>,
}

impl Settlement {
    /// How the attempt ends by it.
    pub(crate) fn attempt_state(&self) -> Option<attempts::State> {
        self.attempt.as_ref().map(|attempt| attempt.state)
    }

    /// Why, if it did not succeed.
    pub(crate) fn attempt_failure(&self) -> Option<&Failure> {
        self.attempt.as_ref().and_then(|attempt| attempt.failure.as_ref())
    }

    /// What a returning payer tells of the payment's names, and nothing else.
    pub(crate) fn of_return(payment: &PaymentRow, refs: Refs, at: DateTime<Utc>) -> Self {
        let mut settlement = Self::nothing(payment, Source::Return, at);
        settlement.refs = refs;
        settlement.next_look_at = Some(at);
        settlement
    }

    fn nothing(payment: &PaymentRow, source: Source, at: DateTime<Utc>) -> Self {
        Self {
            id: payment.id,
            at,
            source,
            standing: None,
            refs: Refs::default(),
            next_action: None,
            failure: None,
            fee: None,
            dispute: None,
            refunds: Vec::new(),
            attempt: None,
            next_look_at: None,
            looks: payment.looks,
            event_id: EventId::new().uuid(),
            note: None,
            note_details: json!({}),
            fits: true,
        }
    }
}

/// What was asked about, of what, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) payment: &'a PaymentRow,
    pub(crate) refunds: &'a [RefundRow],
    /// None for a mere look.
    pub(crate) attempt: Option<&'a AttemptRow>,
    /// Whether this was not the first try.
    pub(crate) again: bool,
    pub(crate) source: Source,
    pub(crate) asked_at: DateTime<Utc>,
    /// Now: the answer is there.
    pub(crate) at: DateTime<Utc>,
}

/// Decides.
pub(crate) fn settle(asked: &Asked<'_>, outcome: &Outcome) -> Settlement {
    let mut new = Settlement::nothing(asked.payment, asked.source, asked.at);
    let before = asked.payment.standing();
    let mut standing = before;
    match outcome {
        Outcome::Reported(report) => match taken_in(asked, report, &mut new) {
            Some(reported) => standing = reported,
            None => {
                new.fits = false;
                new.note = Some("gateway.mismatch");
                new.note_details =
                    json!({ "currency": report.currency, "amount": report.amount, "captured": report.captured });
            }
        },
        Outcome::Declined(failure) | Outcome::Refused(failure) | Outcome::NotSent(failure) => {
            if ends_payment(asked, outcome) {
                standing = ended(before, asked, Phase::Failed);
                new.failure = Some(failure.clone());
            }
        }
        Outcome::NotFound | Outcome::Unknown => {}
    }
    if let Some(attempt) = asked.attempt {
        let (state, failure) = attempt_end(asked, attempt, outcome, &standing, &new);
        let is_undone = matches!(state, attempts::State::Declined | attempts::State::Refused | attempts::State::Undone);
        if is_undone && attempt.kind == Kind::Create && !standing.phase.is_end() {
            standing = ended(standing, asked, Phase::Failed);
            new.failure = failure.clone();
        }
        if let (true, Some(id)) = (is_undone, attempt.refund_id) {
            new.refunds.retain(|refund| refund.id != id);
            new.refunds.push(RefundMove {
                id,
                from: Some(refund::State::Pending),
                to: refund::State::Failed,
                amount: attempt.amount,
                gateway_ref: None,
                failure: failure.clone(),
                is_new: false,
                event_id: EventId::new().uuid(),
            });
        }
        if is_undone && matches!(attempt.kind, Kind::Capture | Kind::Cancel) {
            new.note = Some(if attempt.kind == Kind::Capture { "capture.failed" } else { "cancel.failed" });
            new.note_details = json!({ "failure": failure });
        }
        if state == attempts::State::Unknown && new.note.is_none() {
            new.note = Some("gateway.unanswered");
            new.note_details = json!({ "verb": attempt.kind });
        }
        new.attempt = Some(AttemptEnd { id: attempt.id, state, failure });
    }
    // The gateway still waits for a payer whose time is over.
    if asked.at >= asked.payment.expires_at
        && new.attempt_state() != Some(attempts::State::Unknown)
        && matches!(standing.state(), State::RequiresAction | State::Created)
        && matches!(outcome, Outcome::Reported(_) | Outcome::NotFound)
        && new.fits
    {
        standing = ended(standing, asked, Phase::Expired);
    }
    if standing != before {
        new.standing = Some(NewStanding {
            version: asked.payment.version,
            authorized: standing.authorized,
            captured: standing.captured,
            phase: standing.phase,
            late_success: standing.late_success,
            reported_at: standing.reported_at,
        });
    }
    // A look that told nothing is still owed: a message may have asked for it.
    let was_told = matches!(outcome, Outcome::Reported(_) | Outcome::Declined(_) | Outcome::NotFound) && new.fits;
    schedule(asked, &standing, asked.attempt.is_none() && !was_told, &mut new);
    new
}

/// Whether a refusal means that the payment is over: an answer to creating it, or the word of a look. After a lost answer
/// only what speaks of the first try as well does.
fn ends_payment(asked: &Asked<'_>, outcome: &Outcome) -> bool {
    match asked.attempt.map(|attempt| attempt.kind) {
        None => matches!(outcome, Outcome::Declined(_)),
        Some(Kind::Create) => !asked.again || speaks_of_the_first_try(outcome),
        Some(Kind::Capture | Kind::Cancel | Kind::Refund) => false,
    }
}

/// Whether a refusal of a later try, under the same key, says that the first one did nothing either.
fn speaks_of_the_first_try(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Declined(_) => true,
        // Other credentials, or none that are taken any more, say nothing of what was done before.
        Outcome::Refused(failure) => failure.code == FailureCode::Refused,
        Outcome::Reported(_) | Outcome::NotSent(_) | Outcome::NotFound | Outcome::Unknown => false,
    }
}

fn ended(standing: Standing, asked: &Asked<'_>, phase: Phase) -> Standing {
    let report = payment::Report { authorized: 0, captured: 0, phase: Some(phase), asked_at: asked.asked_at };
    standing.reported(&report).unwrap_or(standing)
}

/// Takes a report in: the new standing, or nothing where it cannot be about this payment.
fn taken_in(asked: &Asked<'_>, report: &Report, new: &mut Settlement) -> Option<Standing> {
    let payment = asked.payment;
    if report.currency != payment.currency || report.amount.is_some_and(|amount| amount != payment.amount) {
        return None;
    }
    if report.refunds.iter().any(|refund| refund.amount <= 0)
        || report.dispute.is_some_and(|dispute| dispute.amount < 0)
    {
        return None;
    }
    let before = payment.standing();
    let standing = before
        .reported(&payment::Report {
            authorized: report.authorized,
            captured: report.captured,
            phase: report.phase,
            asked_at: asked.asked_at,
        })
        .ok()?;
    let is_fresh = before.reported_at.is_none_or(|last| asked.asked_at >= last);
    new.refs = report.refs.clone();
    new.next_action = report.next_action.clone();
    new.failure = report.failure.clone();
    new.fee = report.fee.filter(|fee| *fee >= 0);
    new.dispute = report.dispute.filter(|_| is_fresh).map(|Dispute { amount, state }| NewDispute { amount, state });
    for reported in &report.refunds {
        let known = asked.refunds.iter().find(|known| {
            reported.id == Some(RefundId::from(known.id)) || known.gateway_ref.as_ref() == Some(&reported.gateway_ref)
        });
        // One of ours is under way and has no name there yet: this may be it.
        let may_be_ours = asked.refunds.iter().any(|known| {
            known.gateway_ref.is_none() && known.state == refund::State::Pending && known.amount == reported.amount
        });
        if known.is_none() && reported.id.is_none() && may_be_ours {
            continue;
        }
        let to = match known {
            None => Some(reported.state),
            Some(known) => known.state.reported(reported.state, is_fresh),
        };
        let names_itself = known.is_some_and(|known| known.gateway_ref.is_none());
        if to.is_none() && !names_itself {
            continue;
        }
        new.refunds.push(RefundMove {
            id: known.map_or_else(|| RefundId::new().uuid(), |known| known.id),
            from: known.map(|known| known.state),
            to: to.or(known.map(|known| known.state)).unwrap_or(reported.state),
            // Ours is what was asked for; a gateway that returned another amount is seen by the reconciliation.
            amount: known.map_or(reported.amount, |known| known.amount),
            gateway_ref: Some(reported.gateway_ref.clone()),
            failure: reported.failure.clone(),
            is_new: known.is_none(),
            event_id: EventId::new().uuid(),
        });
    }
    Some(standing)
}

/// How an attempt ends by an outcome.
fn attempt_end(
    asked: &Asked<'_>,
    attempt: &AttemptRow,
    outcome: &Outcome,
    standing: &Standing,
    new: &Settlement,
) -> (attempts::State, Option<Failure>) {
    let never_confirmed = || Some(Failure { code: FailureCode::NeverConfirmed, gateway_code: None });
    match outcome {
        Outcome::Unknown => (attempts::State::Unknown, None),
        Outcome::Declined(failure) if !asked.again || speaks_of_the_first_try(outcome) => {
            (attempts::State::Declined, Some(failure.clone()))
        }
        Outcome::Refused(failure) if !asked.again || speaks_of_the_first_try(outcome) => {
            (attempts::State::Refused, Some(failure.clone()))
        }
        Outcome::NotSent(failure) if !asked.again => (attempts::State::Refused, Some(failure.clone())),
        Outcome::NotFound if !asked.again || asked.asked_at - attempt.asked_at >= IN_FLIGHT => {
            (attempts::State::Undone, never_confirmed())
        }
        Outcome::Declined(_) | Outcome::Refused(_) | Outcome::NotSent(_) | Outcome::NotFound => {
            (attempts::State::Unknown, None)
        }
        Outcome::Reported(_) if !new.fits => (attempts::State::Unknown, None),
        Outcome::Reported(_) => {
            let is_done = match attempt.kind {
                Kind::Create => true,
                Kind::Capture => standing.captured >= attempt.captured_before + attempt.amount,
                Kind::Cancel => standing.phase.is_end() && standing.captured == 0,
                Kind::Refund => {
                    new.refunds.iter().any(|refund| Some(refund.id) == attempt.refund_id)
                        || asked
                            .refunds
                            .iter()
                            .any(|known| Some(known.id) == attempt.refund_id && known.gateway_ref.is_some())
                }
            };
            let is_too_late = match attempt.kind {
                Kind::Capture => standing.phase.is_end(),
                Kind::Cancel => standing.captured > 0,
                Kind::Create | Kind::Refund => false,
            };
            if is_done {
                (attempts::State::Succeeded, None)
            } else if is_too_late || (asked.again && asked.asked_at - attempt.asked_at > TimeDelta::days(1)) {
                (attempts::State::Undone, never_confirmed())
            } else {
                (attempts::State::Unknown, None)
            }
        }
    }
}

/// When the sweep is to look again, if at all.
fn schedule(asked: &Asked<'_>, standing: &Standing, is_owed_a_look: bool, new: &mut Settlement) {
    let payment = asked.payment;
    let is_pending = |id: Uuid, state| {
        let to = new.refunds.iter().find(|refund| refund.id == id).map_or(state, |refund| refund.to);
        to == refund::State::Pending
    };
    let has_pending_refund = asked.refunds.iter().any(|refund| is_pending(refund.id, refund.state))
        || new.refunds.iter().any(|refund| refund.to == refund::State::Pending);
    let is_open = is_owed_a_look
        || new.attempt_state() == Some(attempts::State::Unknown)
        || has_pending_refund
        || matches!(
            standing.state(),
            State::Created | State::RequiresAction | State::Processing | State::Authorized | State::PartiallyCaptured
        );
    new.looks = if asked.source == Source::Sweep { payment.looks.saturating_add(1) } else { payment.looks };
    if !is_open {
        return;
    }
    let next = timetable::next_look(new.looks).map(|wait| asked.at + wait);
    // Whoever has not paid by then will not.
    let waits_for_payer = matches!(standing.state(), State::Created | State::RequiresAction);
    let expiry = payment.expires_at.max(asked.at + TimeDelta::minutes(5));
    new.next_look_at = match next {
        Some(next) if waits_for_payer => Some(next.min(expiry)),
        None if waits_for_payer => Some(expiry),
        next => next,
    };
    if new.next_look_at.is_none() && new.note.is_none() {
        new.note = Some("payment.unresolved");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, to_value};

    use super::*;
    use crate::gateway::RefundReport;

    const ID: Uuid = Uuid::from_u128(1);
    const REFUND: Uuid = Uuid::from_u128(2);

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    /// A payment of 1000 EUR that was made in minute 0 and has an hour.
    fn payment(phase: &str, authorized: i64, captured: i64) -> PaymentRow {
        from_value(json!({
            "id": ID, "gateway": "test", "mode": "test", "amount": 1000, "currency": "EUR", "capture_method": "manual",
            "flow": "redirect", "description": null, "customer": {}, "metadata": {}, "return_url": null,
            "cancel_url": null, "return_token": "", "phase": phase, "authorized": authorized, "captured": captured,
            "capturing": 0, "refunded": 0, "refunding": 0, "fee": 0, "disputed": 0, "dispute_state": null,
            "state": "created", "late_success_at": null, "reported_at": null, "failure": null, "next_action": null,
            "order_ref": null, "payment_ref": null, "capture_ref": null, "created_at": at(0), "updated_at": at(0),
            "expires_at": at(60), "looks": 0, "version": 7,
        }))
        .unwrap()
    }

    fn attempt(kind: Kind, amount: i64) -> AttemptRow {
        AttemptRow {
            id: Uuid::from_u128(3),
            refund_id: (kind == Kind::Refund).then_some(REFUND),
            kind,
            amount,
            captured_before: 0,
            state: attempts::State::Started,
            failure: None,
            answer: None,
            asked_at: at(0),
            taken: true,
        }
    }

    fn refund() -> RefundRow {
        from_value(
            json!({ "id": REFUND, "payment_id": ID, "amount": 300, "state": "pending", "reason": null, "failure": null,
                           "gateway_ref": null, "created_by": null, "created_at": at(0), "updated_at": at(0) }),
        )
        .unwrap()
    }

    fn report(authorized: i64, captured: i64, phase: Option<Phase>) -> Outcome {
        Outcome::Reported(Box::new(Report {
            currency: "EUR".parse().unwrap(),
            amount: Some(1000),
            authorized,
            captured,
            phase,
            refs: Refs::default(),
            next_action: None,
            failure: None,
            refunds: Vec::new(),
            fee: None,
            dispute: None,
        }))
    }

    fn failure(code: FailureCode) -> Failure {
        Failure::new(code, None)
    }

    /// What an attempt comes to: its own end, and the phase of the payment if that changes.
    fn ends(kind: Kind, minute: i64, outcome: &Outcome) -> (attempts::State, Option<Phase>) {
        let payment = match kind {
            Kind::Create => payment("created", 0, 0),
            Kind::Capture | Kind::Cancel => payment("processing", 1000, 0),
            Kind::Refund => payment("processing", 1000, 1000),
        };
        let attempt = attempt(kind, if kind == Kind::Refund { 300 } else { 1000 });
        let refunds = [refund()];
        let refunds = if kind == Kind::Refund { &refunds[..] } else { &[] };
        let asked = Asked {
            payment: &payment,
            refunds,
            attempt: Some(&attempt),
            again: minute > 0,
            source: Source::Api,
            asked_at: at(minute),
            at: at(minute),
        };
        let settlement = settle(&asked, outcome);
        (settlement.attempt_state().unwrap(), settlement.standing.map(|standing| standing.phase))
    }

    #[test]
    fn a_lost_answer_settles_nothing() {
        for kind in [Kind::Create, Kind::Capture, Kind::Cancel, Kind::Refund] {
            for minute in [0, 1, 6, 100_000] {
                assert_eq!(ends(kind, minute, &Outcome::Unknown), (attempts::State::Unknown, None), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_later_try_speaks_of_the_first_only_where_it_can() {
        use attempts::State::{Declined, Refused, Undone, Unknown};
        let create = |minute, outcome| ends(Kind::Create, minute, &outcome);
        let declined = || Outcome::Declined(failure(FailureCode::Declined));
        let refused = |code| Outcome::Refused(failure(code));
        let not_sent = || Outcome::NotSent(failure(FailureCode::Unreachable));
        assert_eq!(create(0, declined()), (Declined, Some(Phase::Failed)));
        assert_eq!(create(6, declined()), (Declined, Some(Phase::Failed)));
        assert_eq!(create(0, refused(FailureCode::CredentialsRefused)), (Refused, Some(Phase::Failed)));
        assert_eq!(create(6, refused(FailureCode::CredentialsRefused)), (Unknown, None));
        assert_eq!(create(6, refused(FailureCode::Refused)), (Refused, Some(Phase::Failed)));
        assert_eq!(create(0, not_sent()), (Refused, Some(Phase::Failed)));
        assert_eq!(create(6, not_sent()), (Unknown, None));
        assert_eq!(create(0, Outcome::NotFound), (Undone, Some(Phase::Failed)));
        assert_eq!(create(1, Outcome::NotFound), (Unknown, None), "the first may still be under way");
        assert_eq!(create(6, Outcome::NotFound), (Undone, Some(Phase::Failed)));
    }

    #[test]
    fn a_capture_is_done_when_so_much_more_is_captured() {
        use attempts::State::{Declined, Succeeded, Undone, Unknown};
        let capture = |minute, outcome| ends(Kind::Capture, minute, &outcome).0;
        assert_eq!(capture(0, report(1000, 1000, None)), Succeeded);
        assert_eq!(capture(0, report(1000, 0, None)), Unknown, "queued");
        assert_eq!(capture(0, report(1000, 999, None)), Unknown);
        assert_eq!(capture(0, report(0, 0, Some(Phase::Expired))), Undone);
        assert_eq!(capture(2000, report(1000, 0, None)), Undone, "not within a day");
        assert_eq!(capture(0, Outcome::Declined(failure(FailureCode::Declined))), Declined);
        let cancel = |outcome| ends(Kind::Cancel, 0, &outcome).0;
        assert_eq!(cancel(report(0, 0, Some(Phase::Canceled))), Succeeded);
        assert_eq!(cancel(report(1000, 0, None)), Unknown);
        assert_eq!(cancel(report(1000, 1000, None)), Undone, "the money was faster");
    }

    #[test]
    fn what_is_about_another_payment_changes_nothing() {
        let payment = payment("requires_action", 0, 0);
        let Outcome::Reported(good) = report(1000, 1000, None) else { unreachable!() };
        for wrong in [
            Report { currency: "USD".parse().unwrap(), ..(*good).clone() },
            Report { amount: Some(999), ..(*good).clone() },
            Report { captured: 1001, ..(*good).clone() },
            Report { captured: -1, ..(*good).clone() },
        ] {
            let asked = Asked {
                payment: &payment,
                refunds: &[],
                attempt: None,
                again: false,
                source: Source::Webhook,
                asked_at: at(1),
                at: at(1),
            };
            let settlement = settle(&asked, &Outcome::Reported(Box::new(wrong)));
            let written = to_value(&settlement).unwrap();
            assert_eq!((settlement.fits, &written["note"]), (false, &json!("gateway.mismatch")));
            assert!(written.get("standing").is_none() && written["refunds"] == json!([]), "{written}");
            assert!(written["next_look_at"].is_string(), "it is looked at again");
        }
    }

    #[test]
    fn a_look_that_told_nothing_is_owed_and_one_that_told_is_not() {
        let payment = payment("processing", 1000, 1000);
        let next_look = |outcome: &Outcome| {
            let asked = Asked {
                payment: &payment,
                refunds: &[],
                attempt: None,
                again: false,
                source: Source::Webhook,
                asked_at: at(1),
                at: at(1),
            };
            settle(&asked, outcome).next_look_at
        };
        assert_eq!(next_look(&report(1000, 1000, None)), None, "it is captured, and nothing is open");
        let failure = failure(FailureCode::Throttled);
        for outcome in [Outcome::Unknown, Outcome::NotSent(failure.clone()), Outcome::Refused(failure)] {
            assert_eq!(next_look(&outcome), Some(at(6)), "{outcome:?}");
        }
    }

    #[test]
    fn refunds_are_known_by_either_name_and_unknown_ones_are_taken_in() {
        let payment = payment("processing", 1000, 1000);
        let known = [refund()];
        let attempt = attempt(Kind::Refund, 300);
        let told = |id: Option<Uuid>, name: &str, state| {
            let Outcome::Reported(mut report) = report(1000, 1000, None) else { unreachable!() };
            let gateway_ref = name.to_owned();
            report.refunds =
                vec![RefundReport { id: id.map(RefundId::from), gateway_ref, amount: 300, state, failure: None }];
            let asked = Asked {
                payment: &payment,
                refunds: &known,
                attempt: Some(&attempt),
                again: false,
                source: Source::Api,
                asked_at: at(1),
                at: at(1),
            };
            let settlement = settle(&asked, &Outcome::Reported(report));
            let moved: Vec<_> = settlement
                .refunds
                .iter()
                .map(|refund| (refund.id == REFUND, refund.from, refund.to, refund.is_new))
                .collect();
            (settlement.attempt_state().unwrap(), moved)
        };
        use refund::State::{Pending, Succeeded};
        let ours = (attempts::State::Succeeded, vec![(true, Some(Pending), Succeeded, false)]);
        assert_eq!(told(Some(REFUND), "re_1", Succeeded), ours);
        let named = (attempts::State::Succeeded, vec![(true, Some(Pending), Pending, false)]);
        assert_eq!(told(Some(REFUND), "re_1", Pending), named, "it has a name at the gateway: it was heard");
        let unnamed = (attempts::State::Unknown, vec![]);
        assert_eq!(told(None, "re_2", Succeeded), unnamed, "it may be the one that is under way");
        let other = (attempts::State::Unknown, vec![(false, None, Succeeded, true)]);
        assert_eq!(told(Some(Uuid::from_u128(9)), "re_2", Succeeded), other, "made by somebody else");
    }

    #[test]
    fn whoever_does_not_pay_in_time_is_not_waited_for() {
        let payment = payment("requires_action", 0, 0);
        let look = |minute| {
            let asked = Asked {
                payment: &payment,
                refunds: &[],
                attempt: None,
                again: false,
                source: Source::Sweep,
                asked_at: at(minute),
                at: at(minute),
            };
            settle(&asked, &report(0, 0, Some(Phase::RequiresAction)))
        };
        let early = look(30);
        assert_eq!(
            (early.standing.map(|standing| standing.phase), early.next_look_at),
            (Some(Phase::RequiresAction), Some(at(60)))
        );
        let late = look(60);
        assert_eq!((late.standing.map(|standing| standing.phase), late.next_look_at), (Some(Phase::Expired), None));
    }
}
