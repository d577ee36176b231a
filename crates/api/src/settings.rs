//! Settings: the component's variables, read once for an instance.
//!
//! Nothing is required at load: a missing or malformed setting is an error at the route that needs it and in
//! `/readyz`, which name it, so that one component's mistake does not stop the others. Values never appear in errors.

use std::{collections::HashMap, fmt, str::FromStr};

use futures::future::join_all;
use send_wrapper::SendWrapper;

use crate::Problem;

/// A setting that is missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it: completes the sentence "the variable `x` …".
    pub problem: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable `{}` {}", self.name, self.problem)
    }
}

impl std::error::Error for SettingError {}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        Self::misconfigured(error.name, error.problem).caused_by(error)
    }
}

/// The values of the variables that a component asked for. `Debug` shows none.
pub struct Settings(HashMap<&'static str, String>);

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// Asks the host for the named variables; one that the manifest does not give is as if it were empty.
    pub async fn load(names: &[&'static str]) -> Self {
        let lookups = names.iter().map(|&name| async move {
            let value = SendWrapper::new(spin_sdk::variables::get(name)).await.unwrap_or_default();
            (name, value)
        });
        Self(join_all(lookups).await.into_iter().collect())
    }

    /// Settings for tests.
    pub fn from_values<const N: usize>(values: [(&'static str, &str); N]) -> Self {
        Self(values.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    /// The value, or the empty text.
    pub fn text(&self, name: &'static str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value, which must not be empty.
    pub fn required(&self, name: &'static str) -> Result<&str, SettingError> {
        match self.text(name) {
            "" => Err(SettingError { name, problem: "is empty" }),
            value => Ok(value),
        }
    }

    /// The value as a number.
    pub fn number<T: FromStr>(&self, name: &'static str) -> Result<T, SettingError> {
        self.required(name)?.trim().parse().map_err(|_| SettingError { name, problem: "is not a number in its range" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_variable_is_wrong_and_never_its_value() {
        let settings = Settings::from_values([("db_port", "54x2"), ("db_host", "")]);
        assert_eq!(settings.required("db_host").unwrap_err().to_string(), "the variable `db_host` is empty");
        assert_eq!(settings.required("missing").unwrap_err().to_string(), "the variable `missing` is empty");
        let error = settings.number::<u16>("db_port").unwrap_err().to_string();
        assert_eq!(error, "the variable `db_port` is not a number in its range");
        assert!(!format!("{settings:?}").contains("54x2"));
    }
}
