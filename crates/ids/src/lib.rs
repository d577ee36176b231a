//! Typed, prefixed identifiers: a `ten_…` can never be passed where a `usr_…` is wanted.
//!
//! The text form is a [TypeID](https://github.com/jetify-com/typeid) 0.3: a prefix, an underscore, and the 128 bits
//! of a UUID in 26 characters of Crockford's base32, lower case. Postgres stores the plain `uuid`; clients see only
//! the text and must treat it as opaque. What must stay true: `parse(render(id)) == id`, one text for one id (no
//! upper case, no other padding), and new ids sort by the time they were made (UUIDv7).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_CHARS: usize = 26;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError {
    /// The prefix that was wanted, without its underscore.
    pub prefix: &'static str,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an id that starts with `{}_` and has {SUFFIX_CHARS} characters after it is wanted", self.prefix)
    }
}

impl std::error::Error for ParseIdError {}

/// Writes 128 bits as 26 characters of base32, most significant first; the first character holds only three bits.
fn encode(uuid: Uuid) -> String {
    let bits = uuid.as_u128();
    (0..SUFFIX_CHARS).rev().map(|place| ALPHABET[(bits >> (5 * place)) as usize & 31] as char).collect()
}

/// Reads what [`encode`] writes, and nothing else.
fn decode(suffix: &str) -> Option<Uuid> {
    // The first character holds three bits: more than 7 would be more than 128 bits in all.
    if suffix.len() != SUFFIX_CHARS || suffix.as_bytes()[0] > b'7' {
        return None;
    }
    let bits = suffix.bytes().try_fold(0u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        Some(bits << 5 | digit as u128)
    })?;
    Some(Uuid::from_u128(bits))
}

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident, $prefix:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            pub fn new() -> Self {
                #[expect(clippy::disallowed_methods, reason = "the one place where ids are made")]
                Self(Uuid::now_v7())
            }

            /// The form that Postgres stores.
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(ParseIdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

id! {
    /// A tenant: one customer of the SaaS, the border that no row crosses.
    TenantId, "ten"
}
id! {
    /// A person with an account, in no, one or several tenants.
    UserId, "usr"
}
id! {
    /// One log-in of one person on one device; every access token names the session it belongs to.
    SessionId, "ses"
}
id! {
    /// A lead in the CRM.
    LeadId, "led"
}
id! {
    /// A payment.
    PaymentId, "pay"
}
id! {
    /// A refund of a payment, or of a part of it.
    RefundId, "ref"
}
id! {
    /// What a tenant is to a gateway: its credentials there.
    GatewayAccountId, "gwa"
}
id! {
    /// One request, as named in `X-Request-Id` when the client sent none.
    RequestId, "req"
}
id! {
    /// An invitation to become a member of a tenant.
    InvitationId, "inv"
}
id! {
    /// An API key of a tenant.
    ApiKeyId, "key"
}
id! {
    /// An event in the outbox; the receiver's idempotency key.
    EventId, "evt"
}
id! {
    /// An entry of the audit log.
    AuditEntryId, "aud"
}
id! {
    /// One access token (`jti`).
    TokenId, "tok"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The specification's own examples of suffixes.
    #[test]
    fn agrees_with_the_specification() {
        for (suffix, uuid) in [
            ("00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
            ("00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
            ("0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
            ("0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"),
            ("00000000000000000000000010", "00000000-0000-0000-0000-000000000020"),
            ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
            ("0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
            ("01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ] {
            let uuid: Uuid = uuid.parse().unwrap();
            assert_eq!(encode(uuid), suffix);
            assert_eq!(decode(suffix), Some(uuid));
        }
    }

    #[test]
    fn refuses_what_is_not_exactly_one_id() {
        for text in [
            "",
            "ten",
            "ten_",
            "ten_01h455vb4pex5vsknk084sn02",
            "ten_01h455vb4pex5vsknk084sn02qq",
            "ten_01H455VB4PEX5VSKNK084SN02Q",
            "ten_81h455vb4pex5vsknk084sn02q",
            "ten_01h455vb4pex5vsknk084sn02u",
            "ten_01h455vb4pex5vsknk084sn0é",
            "TEN_01h455vb4pex5vsknk084sn02q",
            "usr_01h455vb4pex5vsknk084sn02q",
            "01h455vb4pex5vsknk084sn02q",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(ParseIdError { prefix: "ten" }), "{text}");
        }
    }

    #[test]
    fn later_ids_sort_later_and_json_is_the_text() {
        let (first, second) = (LeadId::new(), LeadId::new());
        assert!(first < second && first.to_string() < second.to_string());
        let json = serde_json::to_string(&first).unwrap();
        assert_eq!(json, format!("\"{first}\""));
        assert_eq!(serde_json::from_str::<LeadId>(&json).unwrap(), first);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(bits: u128) {
            let id = TenantId::from(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn one_text_for_one_id(suffix in "[0-9a-z]{26}") {
            if let Some(uuid) = decode(&suffix) {
                prop_assert_eq!(encode(uuid), suffix);
            }
        }
    }
}
