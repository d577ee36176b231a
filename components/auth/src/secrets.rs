//! The settings that only auth has: the signing key, the key of its HMACs, the keys that seal seeds, its policies.

use std::fmt;

use api::{Problem, SettingError, Settings};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use identity::{PrivateKey, Verifier};
use sealed::MasterKeys;
use sha2::Sha256;

use crate::domain::password;

/// Their variables.
pub(crate) const SETTINGS: [&str; 6] = [
    "jwt_private_key",
    "refresh_secret",
    "auth_encryption_keys",
    "password_min_length",
    "require_verified_email",
    "hide_existing_accounts",
];

/// What the HMAC key is used for; two uses never give the same digest for the same input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Names an account in throttles without telling whose it is.
    ThrottledAccount,
    /// Names a person's second factor in throttles.
    ThrottledFactor,
    /// Makes a refresh token's successor.
    RefreshToken,
    /// Fingerprints a body that holds a password.
    RequestBody,
}

/// The secrets of auth. `Debug` shows none.
pub(crate) struct Secrets {
    /// Signs access tokens.
    pub(crate) signing_key: PrivateKey,
    /// How short a password may be.
    pub(crate) password_chars_min: usize,
    /// Seal what must be read back.
    pub(crate) sealing_keys: MasterKeys,
    /// Whether nobody logs in before they proved their address.
    pub(crate) requires_verified_email: bool,
    /// Whether registering tells nobody that an address has an account already.
    pub(crate) hides_accounts: bool,
    hmac_key: Vec<u8>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Reads the settings; the public keys must be able to verify what the private one signs.
    pub(crate) fn from_settings(settings: &Settings, verifier: Option<&Verifier>) -> Result<Self, SettingError> {
        let signing_key = PrivateKey::from_jwk(settings.required("jwt_private_key")?)
            .map_err(|error| SettingError { name: "jwt_private_key", problem: error.0 })?;
        if verifier.is_some_and(|verifier| !verifier.keys().contains(&signing_key)) {
            let problem = "lacks the public half of jwt_private_key";
            return Err(SettingError { name: "jwt_public_keys", problem });
        }
        let hmac_key = STANDARD.decode(settings.required("refresh_secret")?).unwrap_or_default();
        if hmac_key.len() < 32 {
            return Err(SettingError { name: "refresh_secret", problem: "is not at least 32 bytes in base64" });
        }
        let password_chars_min = settings.number("password_min_length")?;
        if !(password::CHARS_MIN..=password::CHARS_MAX).contains(&password_chars_min) {
            return Err(SettingError { name: "password_min_length", problem: "is not a number from 8 to 128" });
        }
        let sealing_keys = MasterKeys::parse(settings.required("auth_encryption_keys")?)
            .map_err(|problem| SettingError { name: "auth_encryption_keys", problem })?;
        Ok(Self {
            signing_key,
            password_chars_min,
            sealing_keys,
            requires_verified_email: flag(settings, "require_verified_email")?,
            hides_accounts: flag(settings, "hide_existing_accounts")?,
            hmac_key,
        })
    }

    /// HMAC-SHA-256 of `message` for one purpose.
    pub(crate) fn digest(&self, purpose: Purpose, message: &[u8]) -> Result<[u8; 32], Problem> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.hmac_key)
            .map_err(|_| Problem::internal("the HMAC key was refused"))?;
        mac.update(match purpose {
            Purpose::ThrottledAccount => &b"throttled account\0"[..],
            Purpose::ThrottledFactor => b"throttled factor\0",
            Purpose::RefreshToken => b"refresh token\0",
            Purpose::RequestBody => b"request body\0",
        });
        mac.update(message);
        Ok(mac.finalize().into_bytes().into())
    }
}

/// A setting that is on or off; empty is off.
fn flag(settings: &Settings, name: &'static str) -> Result<bool, SettingError> {
    match settings.text(name).trim() {
        "" | "false" => Ok(false),
        "true" => Ok(true),
        _ => Err(SettingError { name, problem: "is neither true nor false" }),
    }
}

/// What was configured, or the refusal that names what is wrong.
pub(crate) fn configured<T>(setting: &Result<T, SettingError>) -> Result<&T, Problem> {
    setting.as_ref().map_err(|error| error.clone().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc8037",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read(private: &str, secret: &str, min: &str) -> Result<Secrets, String> {
        let settings = Settings::from_values([
            ("jwt_private_key", private),
            ("refresh_secret", secret),
            ("password_min_length", min),
            ("auth_encryption_keys", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ]);
        Secrets::from_settings(&settings, None).map_err(|error| error.to_string())
    }

    #[test]
    fn says_which_setting_is_wrong() {
        assert!(read(PRIVATE, SECRET, "8").is_ok());
        for (private, secret, min, error) in [
            ("", SECRET, "8", "the variable `jwt_private_key` is empty"),
            ("{}", SECRET, "8", "the variable `jwt_private_key` is not a JWK"),
            (PRIVATE, "c2hvcnQ=", "8", "the variable `refresh_secret` is not at least 32 bytes in base64"),
            (PRIVATE, SECRET, "7", "the variable `password_min_length` is not a number from 8 to 128"),
        ] {
            assert_eq!(read(private, secret, min).unwrap_err(), error);
        }
    }

    #[test]
    fn one_message_has_another_digest_for_each_purpose() {
        let secrets = read(PRIVATE, SECRET, "8").unwrap();
        let digest = |purpose| secrets.digest(purpose, b"ada@example.com").unwrap();
        assert_eq!(digest(Purpose::ThrottledAccount), digest(Purpose::ThrottledAccount));
        assert_ne!(digest(Purpose::ThrottledAccount), digest(Purpose::RequestBody));
        assert!(!format!("{secrets:?}").contains("nWGx"));
    }
}
