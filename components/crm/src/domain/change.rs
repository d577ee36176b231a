//! A field of a PATCH: absent leaves the value, null clears it, anything else takes its place (RFC 7396).

use serde::{Deserialize, Deserializer};

/// What a PATCH says of an optional field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// The field is absent.
    #[default]
    Keep,
    /// The field is null.
    Clear,
    /// The field has this value.
    Set(T),
}

impl<T> Change<T> {
    /// The value after the change.
    pub(crate) fn applied_to(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Keep => present,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Reads a field that is there; `#[serde(default)]` beside it stands for one that is absent.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: garde::Validate<Context = ()>> garde::Validate for Change<T> {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        match self {
            Self::Keep | Self::Clear => {}
            Self::Set(value) => value.validate_into(&(), parent, report),
        }
    }
}

/// Reads a field that may be absent but not null: `#[serde(default, deserialize_with = "not_null")]`.
pub(crate) fn not_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
