//! Passwords: what is allowed, and how they are kept.
//!
//! Argon2id (RFC 9106) at OWASP's minimum: 19 MiB, two passes, one lane; 25 to 40 ms in WebAssembly here. The
//! parameters stand in the hash, so a later increase leaves older hashes valid. Rules follow NIST SP 800-63B-4,
//! 3.1.1.2: length counts, composition does not; a password is normalised (NFKC) before it is measured or hashed.

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use unicode_normalization::UnicodeNormalization;

/// No deployment may allow shorter passwords.
pub(crate) const CHARS_MIN: usize = 8;
/// Long enough for any passphrase.
pub(crate) const CHARS_MAX: usize = 128;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// An imported hash may ask for this much and no more: what a log-in may cost is ours to say.
const MEMORY_KIB_MAX: u32 = 65_536;
const PASSES_MAX: u32 = 4;
const LANES_MAX: u32 = 4;

/// The hash that an unknown address is compared with, so that it costs what a known one costs. Made with our own
/// parameters from 32 random bytes that nobody kept.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$d2VsbCBrZXB0IHNhbHQh$3vP6PrkPOtJJYZ2QhHbqJyOW3lC1uPTIfJ6XYeOBmJ0";

/// A password as somebody typed it, normalised; `None` if it is longer than any that is allowed, because normalising
/// can make a text many times longer. `Debug` shows nothing.
pub(crate) struct Password(Option<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Why a password is not allowed; its text is the `reason` that fastapi-users' clients show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordRefusal {
    /// Fewer characters than the deployment wants.
    TooShort {
        /// How many it wants.
        chars_min: usize,
    },
    /// More than [`CHARS_MAX`] characters.
    TooLong,
    /// A control character, such as NUL or a line feed.
    ControlCharacter,
    /// The address, or the part before its `@`.
    IsEmail,
    /// The name of the tenant.
    IsTenantName,
}

impl fmt::Display for PasswordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { chars_min } => write!(f, "The password must have at least {chars_min} characters"),
            Self::TooLong => write!(f, "The password may have {CHARS_MAX} characters at most"),
            Self::ControlCharacter => f.write_str("The password may not hold control characters"),
            Self::IsEmail => f.write_str("The password must not be the email address"),
            Self::IsTenantName => f.write_str("The password must not be the name of the tenant"),
        }
    }
}

impl Password {
    /// Normalises what was typed; whether it is allowed is another question.
    pub(crate) fn new(typed: &str) -> Self {
        const BYTES_MAX: usize = 4 * CHARS_MAX;
        Self((typed.len() <= BYTES_MAX).then(|| typed.nfkc().collect()))
    }

    /// Whether the password may be chosen by the person with this address, in this tenant.
    pub(crate) fn check(
        &self,
        chars_min: usize,
        email: &email::EmailAddress,
        tenant_name: &str,
    ) -> Result<(), PasswordRefusal> {
        let Some(password) = &self.0 else { return Err(PasswordRefusal::TooLong) };
        let folded = password.to_lowercase();
        match password.chars().count() {
            chars if chars < chars_min => Err(PasswordRefusal::TooShort { chars_min }),
            chars if chars > CHARS_MAX => Err(PasswordRefusal::TooLong),
            _ if password.chars().any(char::is_control) => Err(PasswordRefusal::ControlCharacter),
            _ if folded == email.key() || folded == email.local_part().to_lowercase() => Err(PasswordRefusal::IsEmail),
            _ if folded == tenant_name.to_lowercase() => Err(PasswordRefusal::IsTenantName),
            _ => Ok(()),
        }
    }

    /// The hash to keep, as a PHC string; `None` for one that is too long, which [`Password::check`] refuses.
    pub(crate) fn hash(&self, salt: [u8; 16]) -> Option<String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
        let salt = SaltString::encode_b64(&salt).ok()?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        hasher.hash_password(self.0.as_ref()?.as_bytes(), Salt::from(&salt)).ok().map(|hash| hash.to_string())
    }

    /// Whether the password is the one that was hashed. Without a hash (nobody has the address) the same work is
    /// done and the answer is no; so it is for one that asks for more work than is allowed.
    pub(crate) fn verify(&self, hash: Option<&str>) -> bool {
        let kept =
            hash.and_then(|hash| PasswordHash::new(hash).ok()).filter(is_affordable).filter(|_| self.0.is_some());
        let password = self.0.as_deref().unwrap_or_default();
        let verify = |hash: &PasswordHash<'_>| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
        match &kept {
            Some(hash) => verify(hash),
            None => {
                let _ = PasswordHash::new(NOBODYS_HASH).map(|hash| verify(&hash));
                false
            }
        }
    }
}

/// Whether a hash is Argon2id within the limits.
fn is_affordable(hash: &PasswordHash<'_>) -> bool {
    hash.algorithm == Algorithm::Argon2id.ident()
        && Params::try_from(hash).is_ok_and(|params| {
            params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(password: &str) -> Result<(), PasswordRefusal> {
        let email = email::EmailAddress::parse("Ada.Lovelace@example.com").unwrap();
        Password::new(password).check(8, &email, "Analytical Engines")
    }

    #[test]
    fn length_counts_and_composition_does_not() {
        assert_eq!(allowed("correct horse battery staple"), Ok(()));
        assert_eq!(allowed("aaaaaaaa"), Ok(()));
        assert_eq!(allowed("пароль-с-юникодом"), Ok(()));
        assert_eq!(allowed("1234567"), Err(PasswordRefusal::TooShort { chars_min: 8 }));
        assert_eq!(allowed("éééééééé"), Ok(()), "characters count, not bytes");
        assert_eq!(allowed(&"x".repeat(128)), Ok(()));
        assert_eq!(allowed(&"x".repeat(129)), Err(PasswordRefusal::TooLong));
        assert_eq!(allowed(&"\u{fdfa}".repeat(100_000)), Err(PasswordRefusal::TooLong));
        assert!(!Password::new(&"\u{fdfa}".repeat(100_000)).verify(None));
        assert_eq!(allowed("with\u{0}nul and more"), Err(PasswordRefusal::ControlCharacter));
        assert_eq!(allowed("ada.lovelace@EXAMPLE.com"), Err(PasswordRefusal::IsEmail));
        assert_eq!(allowed("ADA.lovelace"), Err(PasswordRefusal::IsEmail));
        assert_eq!(allowed("analytical engines"), Err(PasswordRefusal::IsTenantName));
    }

    #[test]
    fn only_the_password_verifies_however_it_was_composed() {
        let hash = Password::new("cafe\u{301} con leche").hash([7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(Password::new("caf\u{e9} con leche").verify(Some(&hash)));
        assert!(!Password::new("cafe con leche").verify(Some(&hash)));
        assert_ne!(hash, Password::new("caf\u{e9} con leche").hash([8; 16]).unwrap());
    }

    /// A hash that the C library (argon2-cffi) made with the original's parameters, in four lanes.
    #[test]
    fn an_imported_hash_verifies() {
        let hash = "$argon2id$v=19$m=65536,t=3,p=4$awtNF+jdSlFK+3NlzlOdkg$XxtKGjwjQoG0msbp6OOEBusJuHr76QXY++riH+dB+x4";
        assert!(Password::new("an imported password").verify(Some(hash)));
        assert!(!Password::new("another password").verify(Some(hash)));
    }

    #[test]
    fn the_hash_for_nobody_costs_what_ours_cost_and_verifies_nothing() {
        let nobody = PasswordHash::new(NOBODYS_HASH).unwrap();
        assert!(is_affordable(&nobody));
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        for password in ["", "password", "nobody"] {
            assert!(!Password::new(password).verify(None));
        }
    }

    #[test]
    fn a_hash_that_asks_for_too_much_is_not_computed() {
        let with = |m: u32, t: u32, kind: &str| {
            format!("${kind}$v=19$m={m},t={t},p=1$d2VsbCBrZXB0IHNhbHQh$3vP6PrkPOtJJYZ2QhHbqJyOW3lC1uPTIfJ6XYeOBmJ0")
        };
        let is_affordable = |hash: &str| PasswordHash::new(hash).is_ok_and(|hash| is_affordable(&hash));
        assert!(is_affordable(&with(65_536, 4, "argon2id")));
        assert!(!is_affordable(&with(65_537, 4, "argon2id")));
        assert!(!is_affordable(&with(65_536, 5, "argon2id")));
        assert!(!is_affordable(&with(19_456, 2, "argon2i")));
        assert!(!Password::new("x").verify(Some("not a hash")));
    }
}
