//! API keys: what one looks like, what it may be called, what it may do and how long it may live.
//!
//! What must stay true: the text of a key is given out once and kept nowhere but as its SHA-256; a key is never given a
//! right that only people may have.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Months, Utc};
use identity::{API_KEY_START, right};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::domain::opaque_token::hash_of;

/// The most keys of a tenant that may live at once.
pub(crate) const LIVING_MAX: usize = 50;

/// The longest name.
pub(crate) const NAME_CHARS_MAX: usize = 100;

/// How much of a key is shown for ever: enough to tell keys apart, 42 bits of 256.
const PREFIX_CHARS: usize = 12;

/// The longest life of a key that ends by itself, in months.
const LIFE_MONTHS_MAX: Months = Months::new(24);

/// A key to give out. Has no `Debug`.
pub(crate) struct ApiKey(String);

impl ApiKey {
    /// The key of these bits.
    pub(crate) fn new(bits: [u8; 32]) -> Self {
        Self(format!("{API_KEY_START}{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    /// What people tell it apart by.
    pub(crate) fn prefix(&self) -> &str {
        &self.0[..PREFIX_CHARS]
    }

    /// The hash that is kept, in hex.
    pub(crate) fn hash(&self) -> String {
        hash_of(&self.0)
    }

    /// The text that is given out.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The name of a right that a key may be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Scope(String);

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if right::is_scope(&name) {
            return Ok(Self(name));
        }
        Err(D::Error::custom(format!("no API key may be given this; it may be given {}", right::scopes().join(", "))))
    }
}

/// Whether these can be the scopes of a key: one or more, each named once.
pub(crate) fn are_scopes(scopes: &[Scope]) -> Result<(), &'static str> {
    let is_repeated = scopes.iter().enumerate().any(|(at, scope)| scopes[..at].contains(scope));
    match (scopes.is_empty(), is_repeated) {
        (true, _) => Err("a key needs at least one scope"),
        (false, true) => Err("a scope is named twice"),
        (false, false) => Ok(()),
    }
}

/// Whether this can be the name of a key.
pub(crate) fn is_name(name: &str) -> bool {
    let name = name.trim();
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// Whether a key that is made now may end then.
pub(crate) fn may_expire(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at > now && now.checked_add_months(LIFE_MONTHS_MAX).is_none_or(|latest| at <= latest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::Right;
    use serde_json::{from_value, json};

    #[test]
    fn a_key_shows_its_prefix_and_is_found_by_its_hash() {
        let key = ApiKey::new([7; 32]);
        let (prefix, hash) = (key.prefix().to_owned(), key.hash());
        let text = key.into_text();
        assert_eq!((text.len(), prefix.len(), hash.len()), (48, 12, 64));
        assert!(text.starts_with(&prefix) && prefix.starts_with("bizo_"));
        assert_eq!(hash_of(&text), hash);
        assert!(!text.contains(&hash) && !hash.contains(&text[12..]));
    }

    #[test]
    fn a_key_does_only_what_its_maker_may_do() {
        let makers = right::ManageApiKeys::ROLES;
        for (name, roles) in right::TABLE.iter().filter(|(name, _)| right::is_scope(name)) {
            assert!(makers.iter().all(|maker| roles.contains(maker)), "{name}");
        }
    }

    #[test]
    fn only_rights_that_a_key_may_have_are_scopes() {
        let scopes = |names: serde_json::Value| from_value::<Vec<Scope>>(names).map_err(|error| error.to_string());
        assert_eq!(are_scopes(&scopes(json!(["leads:read", "leads:write"])).unwrap()), Ok(()));
        assert!(are_scopes(&scopes(json!(["leads:read", "leads:read"])).unwrap()).is_err());
        assert!(are_scopes(&[]).is_err());
        for name in ["api_keys:write", "tenant:write", "leads", "Leads:read", "", "*"] {
            let problem = scopes(json!([name])).unwrap_err();
            assert!(problem.contains("it may be given tenant:read, members:read"), "{name}: {problem}");
        }
    }

    #[test]
    fn names_are_short_and_visible() {
        for (name, fits) in [
            ("ci", true),
            (" ", false),
            ("", false),
            ("a\nb", false),
            (&"é".repeat(100), true),
            (&"é".repeat(101), false),
        ] {
            assert_eq!(is_name(name), fits, "{name:?}");
        }
    }

    #[test]
    fn a_key_ends_later_than_now_and_within_two_years() {
        let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = time("2026-01-31T12:00:00Z");
        for (at, fits) in [
            ("2026-01-31T11:59:59Z", false),
            ("2026-01-31T12:00:00Z", false),
            ("2026-01-31T12:00:01Z", true),
            ("2028-01-31T12:00:00Z", true),
            ("2028-01-31T12:00:01Z", false),
            ("9999-01-01T00:00:00Z", false),
        ] {
            assert_eq!(may_expire(time(at), now), fits, "{at}");
        }
    }
}
