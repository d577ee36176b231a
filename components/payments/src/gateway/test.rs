//! The gateway `test`: moves no money, needs no account, and keeps nothing. What it does follows from the last two digits of
//! the amount, so that every way a payment can go may be tried without a sandbox of anybody's:
//!
//! | amount ends in | what happens |
//! | --- | --- |
//! | 01 | declined |
//! | 02 | declined for lack of funds |
//! | 03 | the payer is sent to a page where they pay, or do not |
//! | 04 | processing; captured when it is looked at |
//! | 05 | processing; failed when it is looked at |
//! | 06 | captured, and the answer is lost |
//! | 07 | nothing happens, and the answer is lost |
//! | 08 | only authorized, though it was to be captured |
//! | 09 | declined, and captured all the same when it is looked at |
//! | 10 | a refund stays pending until it is looked at |
//! | 11 | a refund succeeds, and fails when it is looked at |
//! | 12 | a refund is refused |
//! | 13 | a refund is done, and the answer is lost |
//! | 14 | a capture is done, and the answer is lost |
//! | 15 | the gateway refuses the payment |
//! | other | it works |
//!
//! What it would remember it reads from what we hold: the standing of the payment, and in `refs.payment` what the payer chose.

use super::{
    Ask, Capabilities, CaptureMethod, Failure, FailureCode, Flow, NextAction, Order, Outcome, Refs, RefundReport,
    Report, Step, Verb,
};
use crate::domain::{payment::Phase, refund};

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    flows: &[Flow::Redirect, Flow::Sdk],
    manual_capture: &[Flow::Redirect, Flow::Sdk],
    partial_capture: true,
    cancel_authorized: true,
    cancel_unpaid: true,
    partial_refund: true,
    lists_payments: false,
    needs_account: false,
    customer: &[],
};

/// The parameter that a returning payer brings, and its two values.
const CHOICE: &str = "choice";
const PAID: &str = "paid";
const DECLINED: &str = "declined";

pub(super) fn step(order: &Order, ask: &Ask) -> Step {
    let ending = order.money.minor() % 100;
    let declined = |code| Step::Done(Outcome::Declined(Failure::new(code, Some("test"))));
    match ask.verb {
        Verb::Create => match (ending, ask.age) {
            (1 | 9, _) => declined(FailureCode::Declined),
            (2, _) => declined(FailureCode::InsufficientFunds),
            (3, _) => asked_to_pay(order),
            (4 | 5, _) => Report { phase: Some(Phase::Processing), refs: refs(order), ..Report::of(order) }.done(),
            (6, None) | (7, None) => Step::Done(Outcome::Unknown),
            (7, Some(_)) => Step::Done(Outcome::NotFound),
            (15, _) => Step::Done(Outcome::Refused(Failure::new(FailureCode::Refused, Some("test")))),
            _ => paid(order),
        },
        Verb::Capture { .. } if ending == 14 && ask.age.is_none() => Step::Done(Outcome::Unknown),
        Verb::Capture { amount } => {
            let captured = order.standing.captured + amount;
            Report { authorized: order.standing.authorized, captured, ..Report::of(order) }.done()
        }
        Verb::Cancel => Report { phase: Some(Phase::Canceled), ..Report::of(order) }.done(),
        Verb::Refund { id, amount } => {
            let state = match (ending, ask.age) {
                (12, _) => return Step::Done(Outcome::Refused(Failure::new(FailureCode::Refused, Some("test")))),
                (13, None) => return Step::Done(Outcome::Unknown),
                (10, _) => refund::State::Pending,
                _ => refund::State::Succeeded,
            };
            let gateway_ref = format!("test_{id}");
            let refund = RefundReport { id: Some(id), gateway_ref, amount, state, failure: None };
            Report { refunds: vec![refund], ..Report::of(order) }.done()
        }
        Verb::Look => look(order, ending),
        Verb::Check => Report::of(order).done(),
    }
}

fn look(order: &Order, ending: i64) -> Step {
    if order.standing.captured > 0 {
        return stands(order);
    }
    match (ending, order.refs.payment.as_deref()) {
        (3, Some(PAID)) => paid(order),
        (3, Some(DECLINED)) => Step::Done(Outcome::Declined(Failure::new(FailureCode::Declined, Some("test")))),
        (3, _) => asked_to_pay(order),
        (4 | 6 | 9, _) => paid(order),
        (5, _) => Step::Done(Outcome::Declined(Failure::new(FailureCode::Declined, Some("test_failed_late")))),
        (7, _) => Step::Done(Outcome::NotFound),
        _ => stands(order),
    }
}

/// A payment that money stands in, with its refunds.
fn stands(order: &Order) -> Step {
    let refunds = order.refunds.iter().map(|known| RefundReport {
        id: Some(known.id),
        gateway_ref: known.gateway_ref.clone().unwrap_or_else(|| format!("test_{}", known.id)),
        amount: known.amount,
        state: match (order.money.minor() % 100, known.state) {
            (10, refund::State::Pending) => refund::State::Succeeded,
            (11, refund::State::Succeeded) => refund::State::Failed,
            (_, state) => state,
        },
        failure: None,
    });
    let (authorized, captured) = (order.standing.authorized, order.standing.captured);
    Report { authorized, captured, refunds: refunds.collect(), ..Report::of(order) }.done()
}

fn asked_to_pay(order: &Order) -> Step {
    let next_action = match order.flow {
        Flow::Redirect => NextAction::Redirect { url: order.return_address.clone() },
        Flow::Sdk => NextAction::ClientSdk { parameters: vec![("page".to_owned(), order.return_address.clone())] },
    };
    Report {
        phase: Some(Phase::RequiresAction),
        refs: refs(order),
        next_action: Some(next_action),
        ..Report::of(order)
    }
    .done()
}

fn paid(order: &Order) -> Step {
    let amount = order.money.minor();
    let takes = order.capture_method == CaptureMethod::Automatic && amount % 100 != 8;
    let captured = if takes { amount } else { 0 };
    Report { amount: Some(amount), authorized: amount, captured, refs: refs(order), ..Report::of(order) }.done()
}

fn refs(order: &Order) -> Refs {
    Refs { order: Some(format!("test_{}", order.id)), ..Refs::default() }
}

pub(super) fn returned(_: &Order, parameters: &[(String, String)]) -> Option<Refs> {
    let choice = parameters.iter().find(|(name, _)| name == CHOICE).map(|(_, value)| value.as_str())?;
    let choice = [PAID, DECLINED].into_iter().find(|known| *known == choice)?;
    Some(Refs { payment: Some(choice.to_owned()), ..Refs::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::fixture::{ask, later, order};

    #[track_caller]
    fn check(amount: i64, first: &str, looked_at: &str) {
        let order = order("EUR", amount);
        let told = |step: Step| match step {
            Step::Done(Outcome::Reported(report)) => match (report.phase, report.authorized, report.captured) {
                (None, held, taken) => format!("authorized {held}, captured {taken}"),
                (Some(phase), ..) => format!("{phase:?}"),
            },
            Step::Done(outcome) => format!("{outcome:?}").split(['(', ' ']).next().unwrap().to_owned(),
            Step::Send(_) => panic!("it has nobody to send to"),
        };
        assert_eq!(told(step(&order, &ask(Verb::Create))), first, "{amount}");
        assert_eq!(told(step(&order, &ask(Verb::Look))), looked_at, "{amount}, looked at");
    }

    #[test]
    fn the_amount_decides() {
        check(1000, "authorized 1000, captured 1000", "authorized 0, captured 0");
        check(1001, "Declined", "authorized 0, captured 0");
        check(1002, "Declined", "authorized 0, captured 0");
        check(1003, "RequiresAction", "RequiresAction");
        check(1004, "Processing", "authorized 1004, captured 1004");
        check(1005, "Processing", "Declined");
        check(1006, "Unknown", "authorized 1006, captured 1006");
        check(1007, "Unknown", "NotFound");
        check(1008, "authorized 1008, captured 0", "authorized 0, captured 0");
        check(1009, "Declined", "authorized 1009, captured 1009");
        check(1015, "Refused", "authorized 0, captured 0");
    }

    #[test]
    fn what_was_lost_is_found_when_it_is_asked_again() {
        let captured = |order: &Order, ask: &Ask| match step(order, ask) {
            Step::Done(Outcome::Reported(report)) => Some(report.captured),
            _ => None,
        };
        assert_eq!(captured(&order("EUR", 1006), &later(Verb::Create)), Some(1006));
        assert!(matches!(step(&order("EUR", 1007), &later(Verb::Create)), Step::Done(Outcome::NotFound)));
        assert_eq!(captured(&order("EUR", 1014), &ask(Verb::Capture { amount: 1014 })), None);
        assert_eq!(captured(&order("EUR", 1014), &later(Verb::Capture { amount: 1014 })), Some(1014));
    }

    #[test]
    fn the_payer_chooses_on_the_page() {
        let mut order = order("EUR", 1003);
        let choose = |value: &str| returned(&order, &[("choice".to_owned(), value.to_owned())]);
        assert_eq!(choose("stolen"), None);
        order.refs = choose("paid").unwrap();
        let Step::Done(Outcome::Reported(report)) = step(&order, &ask(Verb::Look)) else { panic!("a report") };
        assert_eq!(report.captured, 1003);
    }
}
