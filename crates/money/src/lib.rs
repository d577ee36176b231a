//! Amounts of money: whole minor units of a currency, and the forms that gateways want them in.
//!
//! What must stay true: there is no float; an amount is never negative and never larger than JSON carries exactly; what a
//! gateway's form cannot say exactly is refused, never rounded. How many decimals a currency has is ISO 4217's word;
//! where a gateway counts otherwise, its own file says so with a [`Form`].

mod currency;
mod form;

pub use currency::{Currency, UnknownCurrency};
pub use form::{Form, Inexact, read_decimal};

/// The largest amount: twelve digits, far below 2^53, up to which every JSON reader counts exactly.
pub const MINOR_MAX: i64 = 999_999_999_999;

/// An amount in a currency's smallest unit: 1099 of USD are 10.99 dollars, 500 of JPY are 500 yen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount; `None` where it is negative or has more than twelve digits.
    pub fn new(minor: i64, currency: Currency) -> Option<Self> {
        (0..=MINOR_MAX).contains(&minor).then_some(Self { minor, currency })
    }

    /// How many minor units.
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// Of which currency.
    pub fn currency(self) -> Currency {
        self.currency
    }
}
