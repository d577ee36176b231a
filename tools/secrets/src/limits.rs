//! Rate limits out of reach, for those who test or measure something else.

use crate::Variables;

/// Every limit of `spin.toml`; a test compares.
const NAMES: [&str; 12] = [
    "USER",
    "KEY",
    "TENANT",
    "ADDRESS",
    "CREDENTIALS_ADDRESS",
    "CREDENTIALS_CALLER",
    "MONEY_CALLER",
    "MONEY_TENANT",
    "REPORTS_CALLER",
    "REPORTS_TENANT",
    "WEBHOOKS_ADDRESS",
    "WEBHOOKS_ACCOUNT",
];

/// The limiter goes on counting every request, and refuses none.
pub fn lift_limits(variables: &mut Variables) {
    for name in NAMES {
        variables.insert(format!("SPIN_VARIABLE_RATE_LIMIT_{name}"), "1000000000".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_forgotten() {
        let manifest = include_str!("../../../spin.toml");
        let there: Vec<String> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("rate_limit_")?.split_once(" = { default"))
            .map(|(name, _)| name.to_uppercase())
            .collect();
        assert_eq!(there, NAMES);
    }
}
