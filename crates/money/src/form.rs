//! How a gateway writes an amount of one currency, and the two ways of writing: a whole number, and a decimal text.

use std::fmt;

use crate::{Currency, MINOR_MAX, Money};

/// How a gateway writes amounts of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// How many decimals its numbers have: 2 where 10.99 is written 1099 or "10.99".
    pub exponent: u8,
    /// How many of these decimals may differ from zero: Stripe writes ISK with two, and takes whole ones alone.
    pub decimals: u8,
}

/// The amount cannot be said exactly in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inexact;

impl fmt::Display for Inexact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the amount has more decimals than the gateway takes in this currency")
    }
}

impl std::error::Error for Inexact {}

impl Form {
    /// As ISO 4217 has it.
    pub fn iso(currency: Currency) -> Self {
        Self::plain(currency.exponent())
    }

    /// So many decimals, all of them used.
    pub fn plain(exponent: u8) -> Self {
        Self { exponent, decimals: exponent }
    }

    /// The amount as a whole number of the gateway's smallest unit.
    pub fn units(self, money: Money) -> Result<i64, Inexact> {
        let iso = money.currency().exponent();
        let used = self.decimals.min(iso);
        if money.minor() % power(iso - used) != 0 {
            return Err(Inexact);
        }
        if self.exponent >= iso {
            money.minor().checked_mul(power(self.exponent - iso)).ok_or(Inexact)
        } else {
            Ok(money.minor() / power(iso - self.exponent))
        }
    }

    /// The amount as a decimal text: `10.99`, `500`.
    pub fn text(self, money: Money) -> Result<String, Inexact> {
        let units = self.units(money)?;
        if self.exponent == 0 {
            return Ok(units.to_string());
        }
        let (whole, part) = (units / power(self.exponent), units % power(self.exponent));
        Ok(format!("{whole}.{part:0width$}", width = usize::from(self.exponent)))
    }

    /// What a whole number of the gateway's smallest unit is; `None` where it is no amount of ours.
    pub fn from_units(self, units: i64, currency: Currency) -> Option<Money> {
        let iso = currency.exponent();
        let minor = if self.exponent >= iso {
            let factor = power(self.exponent - iso);
            (units % factor == 0).then_some(units / factor)?
        } else {
            units.checked_mul(power(iso - self.exponent))?
        };
        Money::new(minor, currency)
    }
}

/// Reads a decimal text as any gateway may write it (`20`, `20.0`, `20.00`, `.50`); further zeros say nothing.
pub fn read_decimal(text: &str, currency: Currency) -> Option<Money> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && part.is_empty()) || !digits(whole) || !digits(part) || whole.len() > 13 {
        return None;
    }
    let exponent = usize::from(currency.exponent());
    let (kept, further) = part.split_at(part.len().min(exponent));
    if further.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let minor: i64 = format!("0{whole}{kept:0<exponent$}").parse().ok()?;
    (minor <= MINOR_MAX).then(|| Money::new(minor, currency))?
}

fn power(exponent: u8) -> i64 {
    10_i64.pow(u32::from(exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().unwrap()).unwrap()
    }

    #[track_caller]
    fn check(minor: i64, code: &str, form: Form, expected: Result<(i64, &str), Inexact>) {
        let money = money(minor, code);
        let found = form.units(money).and_then(|units| Ok((units, form.text(money)?)));
        assert_eq!(found, expected.map(|(units, text)| (units, text.to_owned())), "{minor} {code}");
    }

    #[test]
    fn amounts_are_written_as_the_gateway_counts() {
        check(1099, "USD", Form::plain(2), Ok((1099, "10.99")));
        check(5, "USD", Form::plain(2), Ok((5, "0.05")));
        check(0, "USD", Form::plain(2), Ok((0, "0.00")));
        check(500, "JPY", Form::plain(0), Ok((500, "500")));
        check(100_000, "HUF", Form::plain(0), Ok((1000, "1000")));
        check(100_050, "HUF", Form::plain(0), Err(Inexact));
        check(5, "ISK", Form { exponent: 2, decimals: 0 }, Ok((500, "5.00")));
        check(500, "MGA", Form::plain(0), Ok((5, "5")));
        check(550, "MGA", Form::plain(0), Err(Inexact));
        check(5120, "KWD", Form { exponent: 3, decimals: 2 }, Ok((5120, "5.120")));
        check(5124, "KWD", Form { exponent: 3, decimals: 2 }, Err(Inexact));
        check(MINOR_MAX, "JPY", Form { exponent: 18, decimals: 0 }, Err(Inexact));
    }

    #[test]
    fn decimal_texts_are_read_as_numbers() {
        for (text, code, minor) in [
            ("20", "USD", Some(2000)),
            ("20.0", "USD", Some(2000)),
            ("20.00", "USD", Some(2000)),
            ("20.000", "USD", Some(2000)),
            (".50", "USD", Some(50)),
            ("20.", "USD", Some(2000)),
            ("0010.99", "USD", Some(1099)),
            ("500", "JPY", Some(500)),
            ("500.00", "JPY", Some(500)),
            ("5.120", "KWD", Some(5120)),
            ("10.999", "USD", None),
            ("500.5", "JPY", None),
            ("", "USD", None),
            (".", "USD", None),
            ("-1", "USD", None),
            ("+1", "USD", None),
            ("1e3", "USD", None),
            ("1,00", "USD", None),
            ("10 ", "USD", None),
            ("99999999999.99", "USD", None),
            ("99999999999999999999", "USD", None),
        ] {
            let found = read_decimal(text, code.parse().unwrap());
            assert_eq!(found.map(Money::minor), minor, "{text} {code}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            minor in 0..=MINOR_MAX,
            code in prop::sample::select(vec!["USD", "JPY", "KWD", "HUF", "ISK", "CLF", "MGA"]),
            exponent in 0u8..=4, decimals in 0u8..=4,
        ) {
            let (money, form) = (money(minor, code), Form { exponent, decimals: decimals.min(exponent) });
            if let Ok(units) = form.units(money) {
                prop_assert_eq!(form.from_units(units, money.currency()), Some(money));
                prop_assert_eq!(read_decimal(&form.text(money).unwrap(), money.currency()), Some(money));
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,24}") {
            let _ = read_decimal(&text, "USD".parse().unwrap());
        }
    }
}
