//! The component's variables.

use std::fmt;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The component's table in the manifest does not have it.
    Undefined(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Undefined(name) = self;
        write!(f, "undefined variable: {name}")
    }
}

impl std::error::Error for Error {}

/// The value of a variable of the component that asks.
pub async fn get(key: impl AsRef<str>) -> Result<String, Error> {
    let name = key.as_ref();
    crate::native::variable(name).ok_or_else(|| Error::Undefined(name.to_owned()))
}
