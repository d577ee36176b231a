//! What a gateway's answer makes of a payment, its refunds and the attempt that asked. It is pure but for the ids of what it
//! adds, and the only place where answers become changes.
//!
//! What can never happen: a lost answer settles an attempt; an answer about another amount or currency changes a payment; a
//! repeat of an attempt is taken for undone because it was not done again.

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
    schedule(asked, &standing, &mut new);
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
fn schedule(asked: &Asked<'_>, standing: &Standing, new: &mut Settlement) {
    let payment = asked.payment;
    let is_pending = |id: Uuid, state| {
        let to = new.refunds.iter().find(|refund| refund.id == id).map_or(state, |refund| refund.to);
        to == refund::State::Pending
    };
    let has_pending_refund = asked.refunds.iter().any(|refund| is_pending(refund.id, refund.state))
        || new.refunds.iter().any(|refund| refund.to == refund::State::Pending);
    let is_open = new.attempt_state() == Some(attempts::State::Unknown)
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
