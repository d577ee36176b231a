//! Gateways to pay with in tests and in development: small servers that keep books of their own, speak the gateway's wire format,
//! and make trouble on command. Each account (a tenant's credentials) has its own books and its own trouble, so tests run at once.
//!
//! Webhooks are signed and kept until somebody delivers them, as often and in the order that they like: a test does so by hand, the
//! [`desk`] of `./dev up` every second.
#![allow(
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "for tests and development: it reads the clock, waits, and a test that cannot go on panics"
)]

pub mod desk;
pub mod paypal;
pub mod payu;
pub mod razorpay;
pub mod stripe;
mod wire;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

pub use paypal::Paypal;
pub use payu::Payu;
pub use razorpay::Razorpay;
pub use stripe::Stripe;

/// What was taken and what went back, in minor units, by our own name of the payment.
pub type Books = BTreeMap<String, (i64, i64)>;

/// Whichever port is free.
const ANY_PORT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// What a payer sees of what waits for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// How much, and of what.
    pub amount: String,
    /// Where the payer goes who paid.
    pub back: String,
    /// Where the payer goes who gave up.
    pub gave_up: String,
}

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The connection breaks before anything is done.
    NotDone,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
    /// It is done, and the answer is no answer.
    Garbled,
    /// It is not done, and this is the answer.
    Status(u16),
    /// The payer's bank declines, with this code.
    Decline(&'static str),
    /// It takes so long.
    Slow(Duration),
}

/// A message of a gateway, signed and ready to be delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}
