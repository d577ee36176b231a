//! The token in a message, derived from its event: the dispatcher makes it at each attempt and always makes the same one, so
//! none has to be stored. The database keeps its SHA-256, by which it is found when somebody uses it.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is shorter could be guessed.
const KEY_BYTES_MIN: usize = 32;

/// The key that tokens are derived with. Has no `Debug`.
pub struct MailTokenKey(Hmac<Sha256>);

/// A token to send. Has no `Debug`.
pub struct MailToken(String);

impl MailTokenKey {
    /// Reads the key from base64; the error completes the sentence "the variable `x` …".
    pub fn parse(base64: &str) -> Result<Self, &'static str> {
        let key = STANDARD.decode(base64).ok().filter(|key| key.len() >= KEY_BYTES_MIN);
        key.and_then(|key| Hmac::new_from_slice(&key).ok()).map(Self).ok_or("is not at least 32 bytes in base64")
    }

    /// The token of an event: HMAC-SHA-256 over its type, a zero byte, and the sixteen bytes of its id.
    pub fn derive(&self, event_type: &str, event: Uuid) -> MailToken {
        let mut mac = self.0.clone();
        mac.update(event_type.as_bytes());
        mac.update(&[0]);
        mac.update(event.as_bytes());
        MailToken(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

impl MailToken {
    /// What the database knows it by: SHA-256 of the text, in hex.
    pub fn hash(&self) -> String {
        Sha256::digest(&self.0).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The text that the message carries.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const EVENT: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);

    fn token(key: &str, event_type: &str, event: Uuid) -> String {
        MailTokenKey::parse(key).ok().unwrap().derive(event_type, event).into_text()
    }

    /// Computed apart, with Python's hmac and hashlib.
    #[test]
    fn is_what_the_definition_says() {
        let key = MailTokenKey::parse(KEY).ok().unwrap();
        let token = key.derive("mail.verification", EVENT);
        assert_eq!(token.hash(), "d3a3974ca6a9b9cd8f7fc307e52e4e07cf6e59ed37e60e2860b3546c8b67b9c5");
        assert_eq!(token.into_text(), "F48JSxmEIFIW3UN_dkFekM6__cQS-k4R3Z9xQbXedvs");
    }

    #[test]
    fn differs_with_the_key_the_type_and_the_event() {
        let other_key = "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let first = token(KEY, "mail.verification", EVENT);
        assert_eq!(first, token(KEY, "mail.verification", EVENT));
        for other in [
            token(other_key, "mail.verification", EVENT),
            token(KEY, "mail.password_reset", EVENT),
            token(KEY, "mail.verification", Uuid::from_u128(EVENT.as_u128() + 1)),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_short_key_is_refused() {
        for key in ["", "c2hvcnQ=", "not base64 at all, however long it may be for a key of ours"] {
            assert_eq!(MailTokenKey::parse(key).err(), Some("is not at least 32 bytes in base64"), "{key}");
        }
    }
}
