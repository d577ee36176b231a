//! Orders and questions for the tests of gateways.

use chrono::{DateTime, TimeDelta};
use ids::PaymentId;
use money::Money;
use uuid::Uuid;

use super::{Ask, CaptureMethod, Flow, Order, Refs, Verb};
use crate::domain::{
    customer::Customer,
    payment::{Phase, Standing},
};

pub(crate) fn order(currency: &str, amount: i64) -> Order {
    let created_at = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    Order {
        id: PaymentId::from(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)),
        money: Money::new(amount, currency.parse().unwrap()).unwrap(),
        capture_method: CaptureMethod::Automatic,
        flow: Flow::Redirect,
        description: Some("Pro plan".to_owned()),
        customer: Customer::default(),
        return_address: "https://api.example.com/payments/return/token".to_owned(),
        refs: Refs::default(),
        standing: Standing {
            amount,
            authorized: 0,
            captured: 0,
            refunded: 0,
            phase: Phase::Created,
            late_success: false,
            reported_at: None,
        },
        refunds: Vec::new(),
        expires_at: created_at + TimeDelta::hours(24),
    }
}

/// A first try.
pub(crate) fn ask(verb: Verb) -> Ask {
    Ask { verb, key: Uuid::from_u128(7), age: None }
}

/// The same, asked again after a minute.
pub(crate) fn later(verb: Verb) -> Ask {
    Ask { age: Some(TimeDelta::minutes(1)), ..ask(verb) }
}
