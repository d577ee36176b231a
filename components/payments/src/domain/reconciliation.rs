//! Whether a gateway's list of payments and ours say the same.
//!
//! What can never happen: money that only one of the two knows of is left out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use ids::PaymentId;
use money::Currency;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A payment in a gateway's list. Amounts are minor units; −1 is one that its currency cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) gateway_ref: String,
    /// Ours, where the gateway carries our name of it.
    pub(crate) payment: Option<PaymentId>,
    pub(crate) currency: Currency,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) created_at: DateTime<Utc>,
}

/// A payment that we hold.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Held {
    pub(crate) id: Uuid,
    pub(crate) payment_ref: Option<String>,
    pub(crate) currency: Currency,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    /// Asked for, and not certain.
    pub(crate) refunding: i64,
}

/// How the two lists differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DifferenceKind {
    /// The gateway took money that we know nothing of.
    MissingHere,
    /// We hold money as taken that the gateway does not list.
    MissingThere,
    /// Both know the payment, with other amounts or in another currency.
    AmountsDiffer,
}

/// What one side has of a payment, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciledAmounts)]
pub(crate) struct Amounts {
    #[schema(value_type = String, example = "EUR")]
    pub(crate) currency: Currency,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
}

/// One difference.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ReconciliationDifference)]
pub(crate) struct Difference {
    pub(crate) kind: DifferenceKind,
    #[schema(value_type = Option<String>, required, example = "pay_01h455vb4pex5vsknk084sn02q")]
    pub(crate) payment: Option<PaymentId>,
    /// The gateway's names for it.
    pub(crate) gateway_refs: Vec<String>,
    #[schema(required)]
    pub(crate) ours: Option<Amounts>,
    #[schema(required)]
    pub(crate) theirs: Option<Amounts>,
}

/// Compares. `held`: what was taken in the window, and whatever `listed` names. What the gateway made at `before` or later
/// belongs to the next window, unless it is of one of ours.
pub(crate) fn compare(listed: &[Listed], held: &[Held], before: DateTime<Utc>) -> Vec<Difference> {
    let mut theirs: BTreeMap<Uuid, Vec<&Listed>> = BTreeMap::new();
    let mut differences = Vec::new();
    for row in listed {
        let ours = held
            .iter()
            .find(|held| row.payment == Some(held.id.into()) || held.payment_ref.as_ref() == Some(&row.gateway_ref));
        match ours {
            Some(held) => theirs.entry(held.id).or_default().push(row),
            None if row.captured != 0 && row.created_at < before => differences.push(Difference {
                kind: DifferenceKind::MissingHere,
                payment: None,
                gateway_refs: vec![row.gateway_ref.clone()],
                ours: None,
                theirs: Some(Amounts { currency: row.currency, captured: row.captured, refunded: row.refunded }),
            }),
            None => {}
        }
    }
    for held in held {
        let ours = Amounts { currency: held.currency, captured: held.captured, refunded: held.refunded };
        let rows = theirs.remove(&held.id).unwrap_or_default();
        let (kind, theirs) = match rows.first() {
            None if held.captured == 0 => continue,
            None => (DifferenceKind::MissingThere, None),
            Some(first) => {
                // Several tries of one payment: those that failed took nothing.
                let theirs = Amounts {
                    currency: rows.iter().find(|row| row.captured != 0).unwrap_or(first).currency,
                    captured: rows.iter().map(|row| row.captured).sum(),
                    refunded: rows.iter().map(|row| row.refunded).sum(),
                };
                // Some gateways count a refund when it is asked for.
                let may_be_refunded = held.refunded..=held.refunded + held.refunding;
                let agree = theirs.currency == held.currency
                    && theirs.captured == held.captured
                    && may_be_refunded.contains(&theirs.refunded);
                if agree {
                    continue;
                }
                (DifferenceKind::AmountsDiffer, Some(theirs))
            }
        };
        let gateway_refs = if rows.is_empty() {
            held.payment_ref.clone().into_iter().collect()
        } else {
            rows.iter().map(|row| row.gateway_ref.clone()).collect()
        };
        differences.push(Difference { kind, payment: Some(held.id.into()), gateway_refs, ours: Some(ours), theirs });
    }
    differences
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn listed(name: &str, payment: Option<u128>, currency: &str, captured: i64, refunded: i64) -> Listed {
        Listed {
            gateway_ref: name.to_owned(),
            payment: payment.map(|id| Uuid::from_u128(id).into()),
            currency: currency.parse().unwrap(),
            captured,
            refunded,
            created_at: at(1),
        }
    }

    fn held(id: u128, name: Option<&str>, captured: i64, refunded: i64, refunding: i64) -> Held {
        let payment_ref = name.map(str::to_owned);
        Held { id: Uuid::from_u128(id), payment_ref, currency: "EUR".parse().unwrap(), captured, refunded, refunding }
    }

    #[track_caller]
    fn check(listed: &[Listed], held: &[Held], wanted: &[(DifferenceKind, Option<u128>)]) {
        let found: Vec<_> = compare(listed, held, at(24))
            .into_iter()
            .map(|difference| (difference.kind, difference.payment.map(|id| id.uuid().as_u128())))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_both_know_alike_is_no_difference() {
        check(&[listed("a", Some(1), "EUR", 1000, 0)], &[held(1, None, 1000, 0, 0)], &[]);
        // Known by the gateway's name alone; a try that failed before; a refund that is on its way.
        check(&[listed("a", None, "EUR", 1000, 0)], &[held(1, Some("a"), 1000, 0, 0)], &[]);
        let tries = [listed("a", Some(1), "EUR", 0, 0), listed("b", Some(1), "EUR", 1000, 0)];
        check(&tries, &[held(1, Some("b"), 1000, 0, 0)], &[]);
        for refunded in [0, 100, 300] {
            check(&[listed("a", Some(1), "EUR", 1000, refunded)], &[held(1, None, 1000, 0, 300)], &[]);
        }
        // Nothing was taken: of no account.
        check(&[listed("a", None, "EUR", 0, 0)], &[held(1, None, 0, 0, 0)], &[]);
    }

    #[test]
    fn every_other_thing_is_one() {
        use DifferenceKind::{AmountsDiffer, MissingHere, MissingThere};
        check(&[listed("a", None, "EUR", 1000, 0)], &[], &[(MissingHere, None)]);
        check(&[listed("a", Some(9), "EUR", 1000, 0)], &[], &[(MissingHere, None)]);
        check(&[], &[held(1, Some("a"), 1000, 0, 0)], &[(MissingThere, Some(1))]);
        for theirs in [
            listed("a", Some(1), "EUR", 999, 0),
            listed("a", Some(1), "EUR", 1000, 301),
            listed("a", Some(1), "EUR", 1000, 99),
            listed("a", Some(1), "USD", 1000, 100),
            listed("a", Some(1), "EUR", -1, 100),
        ] {
            check(&[theirs], &[held(1, None, 1000, 100, 200)], &[(AmountsDiffer, Some(1))]);
        }
        // Captured twice over two tries.
        let twice = [listed("a", Some(1), "EUR", 1000, 0), listed("b", Some(1), "EUR", 1000, 0)];
        check(&twice, &[held(1, Some("b"), 1000, 0, 0)], &[(AmountsDiffer, Some(1))]);
    }

    #[test]
    fn what_came_after_the_window_belongs_to_the_next() {
        let late = Listed { created_at: at(24), ..listed("a", None, "EUR", 1000, 0) };
        check(std::slice::from_ref(&late), &[], &[]);
        check(&[late], &[held(1, Some("a"), 1000, 0, 0)], &[]);
    }
}
