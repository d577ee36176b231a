//! Which gateways may take a payment whose client names none: the tenant's rules, in order; the first that is for the payment
//! decides, and its gateways are asked in their order.
//!
//! What can never happen: two rules have a say in one payment; an amount is compared with one of another currency.

use money::{Currency, Money};
use serde::{Deserialize, Serialize};

use super::country::Country;
use crate::gateway::Gateway;

/// A tenant has no more rules.
pub(crate) const RULES_MAX: usize = 50;
const NAMED_MAX: usize = 250;

/// A rule: the payments that it is for, and who takes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RoutingRule)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// For payments in one of these; in any, if it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 250, example = json!(["INR"]))]
    currencies: Vec<Currency>,
    /// For customers in one of these countries; in any or none, if it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 250, example = json!(["IN"]))]
    countries: Vec<Country>,
    /// For no smaller amounts than this, in minor units of the one currency that the rule then names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 100)]
    amount_min: Option<i64>,
    /// For no larger amounts than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 10_000_000)]
    amount_max: Option<i64>,
    /// Who is asked first, who then, if the one before certainly took nothing.
    #[schema(min_items = 1, max_items = 5)]
    gateways: Vec<Gateway>,
}

impl Rule {
    fn is_for(&self, money: Money, country: Option<Country>) -> bool {
        let has = |currencies: &[Currency]| currencies.is_empty() || currencies.contains(&money.currency());
        let from =
            |countries: &[Country]| countries.is_empty() || country.is_some_and(|country| countries.contains(&country));
        has(&self.currencies)
            && from(&self.countries)
            && self.amount_min.is_none_or(|least| money.minor() >= least)
            && self.amount_max.is_none_or(|most| money.minor() <= most)
    }
}

impl garde::Validate for Rule {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        let mut refuse = |field: &str, why: &str| report.append(parent().join(field), garde::Error::new(why));
        if self.gateways.is_empty() {
            refuse("gateways", "at least one is wanted");
        }
        if (1..self.gateways.len()).any(|at| self.gateways[..at].contains(&self.gateways[at])) {
            refuse("gateways", "each may stand there once");
        }
        if self.currencies.len() > NAMED_MAX {
            refuse("currencies", "at most 250 are wanted");
        }
        if self.countries.len() > NAMED_MAX {
            refuse("countries", "at most 250 are wanted");
        }
        for (field, amount) in [("amount_min", self.amount_min), ("amount_max", self.amount_max)] {
            match amount {
                Some(amount) if !(1..=money::MINOR_MAX).contains(&amount) => {
                    refuse(field, "1 to 999999999999 minor units are wanted");
                }
                Some(_) if self.currencies.len() != 1 => refuse(field, "amounts need one currency that they are of"),
                _ => {}
            }
        }
        if self.amount_min.zip(self.amount_max).is_some_and(|(least, most)| least > most) {
            refuse("amount_max", "is less than `amount_min`");
        }
    }
}

/// The gateways of the first rule that is for the payment; none where no rule is.
pub(crate) fn gateways_for(rules: &[Rule], money: Money, country: Option<Country>) -> &[Gateway] {
    rules.iter().find(|rule| rule.is_for(money, country)).map_or(&[], |rule| &rule.gateways)
}

#[cfg(test)]
mod tests {
    use garde::Validate;
    use proptest::prelude::*;
    use serde_json::{Value, from_value, json};

    use super::*;

    fn rule(value: Value) -> Rule {
        from_value(value).unwrap()
    }

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_first_rule_that_is_for_a_payment_decides() {
        let rules = [
            rule(json!({ "currencies": ["INR"], "amount_max": 50_000, "gateways": ["razorpay", "payu"] })),
            rule(json!({ "currencies": ["INR"], "gateways": ["payu"] })),
            rule(json!({ "countries": ["DE", "FR"], "gateways": ["paypal", "stripe"] })),
            rule(json!({ "currencies": ["USD"], "amount_min": 100, "amount_max": 200, "gateways": ["test"] })),
            rule(json!({ "currencies": ["EUR", "USD"], "gateways": ["stripe"] })),
        ];
        for (minor, currency, country, wanted) in [
            (50_000, "INR", None, "razorpay payu"),
            (50_001, "INR", None, "payu"),
            (50_001, "INR", Some("DE"), "payu"),
            (1, "GBP", Some("DE"), "paypal stripe"),
            (1, "GBP", Some("GB"), ""),
            (1, "GBP", None, ""),
            (99, "USD", None, "stripe"),
            (100, "USD", None, "test"),
            (200, "USD", None, "test"),
            (201, "USD", None, "stripe"),
            (150, "EUR", Some("US"), "stripe"),
        ] {
            let country = country.map(|country| country.parse().unwrap());
            let found = gateways_for(&rules, money(minor, currency), country);
            let found: Vec<_> = found.iter().map(|gateway| gateway.as_str()).collect();
            assert_eq!(found.join(" "), wanted, "{minor} {currency} {country:?}");
        }
        assert!(gateways_for(&[], money(1, "EUR"), None).is_empty());
    }

    #[test]
    fn rules_that_mean_nothing_are_refused() {
        assert!(rule(json!({ "gateways": ["stripe"] })).validate().is_ok());
        for (wrong, field) in [
            (json!({ "gateways": [] }), "gateways"),
            (json!({ "gateways": ["stripe", "payu", "stripe"] }), "gateways"),
            (json!({ "gateways": ["stripe"], "amount_min": 1 }), "amount_min"),
            (json!({ "gateways": ["stripe"], "amount_max": 1, "currencies": ["EUR", "USD"] }), "amount_max"),
            (json!({ "gateways": ["stripe"], "amount_min": 0, "currencies": ["EUR"] }), "amount_min"),
            (json!({ "gateways": ["stripe"], "amount_min": 2, "amount_max": 1, "currencies": ["EUR"] }), "amount_max"),
        ] {
            let report = rule(wrong.clone()).validate().unwrap_err();
            assert!(report.iter().any(|(path, _)| path.to_string() == field), "{wrong}: {report}");
        }
        assert!(from_value::<Rule>(json!({ "gateways": ["stripe"], "weight": 1 })).is_err());
        assert!(from_value::<Rule>(json!({ "gateways": ["stripe"], "countries": ["UK"] })).is_err());
    }

    proptest! {
        #[test]
        fn what_comes_behind_the_rule_that_decides_has_no_say(minor in 1i64..1000, least in 1i64..1000, most in 1i64..1000) {
            let first = rule(json!({ "currencies": ["EUR"], "amount_min": least, "amount_max": most, "gateways": ["stripe"] }));
            let rest = rule(json!({ "gateways": ["paypal"] }));
            let found = gateways_for(&[first, rest], money(minor, "EUR"), None).to_vec();
            let wanted = if (least..=most).contains(&minor) { Gateway::Stripe } else { Gateway::Paypal };
            prop_assert_eq!(found, vec![wanted]);
        }
    }
}
