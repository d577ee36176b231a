//! Signatures of what is posted, as [Standard Webhooks](https://www.standardwebhooks.com) has them, so that a receiver can
//! take any library that knows it.
//!
//! `webhook-signature` holds `v1,` and the HMAC-SHA-256, in base64, of `webhook-id`, a dot, `webhook-timestamp`, a dot, and
//! the body's bytes. Several, with spaces between, are good if one of them is: so that a secret can be exchanged.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Names the event, and stays the same at every attempt: the receiver's idempotency key.
pub const HEADER_ID: &str = "webhook-id";
/// When the attempt was made, in seconds since 1970.
pub const HEADER_TIMESTAMP: &str = "webhook-timestamp";
/// The signatures.
pub const HEADER_SIGNATURE: &str = "webhook-signature";

/// So many seconds may lie between a message and its receiver's clock, in either direction.
const TOLERANCE_SECONDS: i64 = 300;

/// The secrets that sender and receiver share; the first is the newest. Has no `Debug`.
pub struct SigningSecrets(Vec<Hmac<Sha256>>);

/// What a receiver got, as it got it.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
    /// The body's bytes, before anybody parsed them.
    pub body: &'a [u8],
}

/// Why a message is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The timestamp is no number, or too far from now: somebody may be sending an old message again.
    Untimely,
    /// No signature fits.
    Forged,
}

impl SigningSecrets {
    /// Reads secrets: each is `whsec_` and 24 to 64 bytes in base64, with a space between two. The error completes the
    /// sentence "the variable `x` …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let secrets: Option<Vec<_>> = text.split_whitespace().map(secret).collect();
        secrets
            .filter(|secrets| !secrets.is_empty())
            .map(Self)
            .ok_or("is not `whsec_` and 24 to 64 bytes in base64 (several with a space between)")
    }

    /// What goes into `webhook-signature`: a signature with each secret.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let timestamp = timestamp.to_string();
        let signatures = self.0.iter().map(|secret| {
            let mac = signed(secret, id, &timestamp, body).finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(mac))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether a message comes from somebody who knows a secret, and was sent around `now` (seconds since 1970).
    pub fn verify(&self, message: Signed<'_>, now: i64) -> Result<(), Refusal> {
        let timely = |sent: i64| now.abs_diff(sent) <= TOLERANCE_SECONDS.unsigned_abs();
        if !message.timestamp.parse().is_ok_and(timely) {
            return Err(Refusal::Untimely);
        }
        let shown = message.signature.split_whitespace().filter_map(|signature| signature.strip_prefix("v1,"));
        let fits = shown.filter_map(|signature| STANDARD.decode(signature).ok()).any(|signature| {
            let mut fitting = self.0.iter().filter(|secret| {
                signed(secret, message.id, message.timestamp, message.body).verify_slice(&signature).is_ok()
            });
            fitting.next().is_some()
        });
        if fits { Ok(()) } else { Err(Refusal::Forged) }
    }
}

fn secret(text: &str) -> Option<Hmac<Sha256>> {
    let key = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
    if (24..=64).contains(&key.len()) { Hmac::new_from_slice(&key).ok() } else { None }
}

fn signed(secret: &Hmac<Sha256>, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = secret.clone();
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vector that the libraries of Standard Webhooks are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn secrets(text: &str) -> SigningSecrets {
        SigningSecrets::parse(text).ok().unwrap()
    }

    const MESSAGE: Signed<'static> = Signed { id: ID, timestamp: "1614265330", signature: SIGNATURE, body: BODY };

    #[test]
    fn signs_as_the_specification_has_it() {
        assert_eq!(secrets(SECRET).sign(ID, SENT, BODY), SIGNATURE);
        assert_eq!(secrets(SECRET).verify(MESSAGE, SENT), Ok(()));
    }

    #[test]
    fn while_secrets_are_exchanged_both_sign_and_either_is_enough() {
        let both = format!("{OTHER} {SECRET}");
        let signature = secrets(&both).sign(ID, SENT, BODY);
        assert!(
            signature.starts_with("v1,") && signature.ends_with(SIGNATURE) && signature.matches("v1,").count() == 2
        );
        for receiver in [SECRET, OTHER, &both] {
            assert_eq!(
                secrets(receiver).verify(Signed { signature: &signature, ..MESSAGE }, SENT),
                Ok(()),
                "{receiver}"
            );
        }
    }

    #[test]
    fn nothing_else_is_believed() {
        let forged = |message: Signed<'_>| {
            assert_eq!(secrets(SECRET).verify(message, SENT), Err(Refusal::Forged), "{message:?}");
        };
        forged(Signed { id: "msg_other", ..MESSAGE });
        forged(Signed { timestamp: "1614265331", ..MESSAGE });
        forged(Signed { body: br#"{"test":2432232314}"#, ..MESSAGE });
        for signature in
            ["", "v1", "v1,", "v1,!", &SIGNATURE[3..], &format!("v1a{}", &SIGNATURE[2..]), &SIGNATURE[..44]]
        {
            forged(Signed { signature, ..MESSAGE });
        }
        assert_eq!(secrets(OTHER).verify(MESSAGE, SENT), Err(Refusal::Forged));
    }

    #[test]
    fn an_old_message_is_not_taken_again() {
        for (now, outcome) in [
            (SENT + 300, Ok(())),
            (SENT - 300, Ok(())),
            (SENT + 301, Err(Refusal::Untimely)),
            (SENT - 301, Err(Refusal::Untimely)),
            (i64::MIN, Err(Refusal::Untimely)),
        ] {
            assert_eq!(secrets(SECRET).verify(MESSAGE, now), outcome, "{now}");
        }
        for timestamp in ["", "now", "1614265330.0", "99999999999999999999"] {
            assert_eq!(
                secrets(SECRET).verify(Signed { timestamp, ..MESSAGE }, SENT),
                Err(Refusal::Untimely),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for text in
            ["", " ", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!", &format!("{SECRET} {ID}")]
        {
            assert!(SigningSecrets::parse(text).is_err(), "{text}");
        }
    }
}
