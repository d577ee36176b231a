//! Passwords: what is allowed, and how they are kept.
//!
//! Argon2id (RFC 9106) at OWASP's minimum: 19 MiB, two passes, one lane; 25 to 40 ms in WebAssembly here. The
//! parameters stand in the hash, so a later increase leaves older hashes valid, and log-in replaces them. Rules follow
//! NIST SP 800-63B-4, 3.1.1.2: length counts, composition does not, common passwords are refused; a password is
//! normalised (NFKC) before it is measured or hashed.
//!
//! Hashes taken over from elsewhere verify as well: Argon2id and bcrypt, within what a log-in may cost here. Whoever made
//! them did not normalise, so they are tried with the password as it was typed too.

mod blocklist;

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

/// So much work may a bcrypt hash ask for: 2^12 rounds, what the libraries of the original default to. They take a third
/// of a second here, in which the instance does nothing else.
const BCRYPT_COST_MAX: u32 = 12;

/// The hash that an unknown address is compared with, so that it costs what a known one costs. Made with our own
/// parameters from 32 random bytes that nobody kept.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$d2VsbCBrZXB0IHNhbHQh$3vP6PrkPOtJJYZ2QhHbqJyOW3lC1uPTIfJ6XYeOBmJ0";

/// A password that somebody typed; none if it is longer than any that is allowed, because normalising can make a text
/// many times longer. `Debug` shows nothing.
pub(crate) struct Password(Option<Typed>);

struct Typed {
    normalised: String,
    /// As it was typed, where that is another text.
    verbatim: Option<String>,
}

/// Whether a password is the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not.
    Wrong,
    /// It is, and the hash is as we make them.
    Right,
    /// It is, but the hash was made with another algorithm, other parameters, or another form of the password.
    RightButOutdated,
}

/// Whose password it is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PasswordContext<'a> {
    /// How many characters the deployment, or the strictest of the person's tenants, wants.
    pub(crate) chars_min: usize,
    /// Their address.
    pub(crate) email: &'a email::EmailAddress,
    /// The names of their tenants.
    pub(crate) tenant_names: &'a [&'a str],
}

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
    /// The name of one of the person's tenants.
    IsTenantName,
    /// One of those that everybody tries first.
    Common,
}

impl fmt::Display for PasswordRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { chars_min } => write!(f, "The password must have at least {chars_min} characters"),
            Self::TooLong => write!(f, "The password may have {CHARS_MAX} characters at most"),
            Self::ControlCharacter => f.write_str("The password may not hold control characters"),
            Self::IsEmail => f.write_str("The password must not be the email address"),
            Self::IsTenantName => f.write_str("The password must not be the name of the tenant"),
            Self::Common => f.write_str("The password is among the most common ones"),
        }
    }
}

impl Password {
    /// Normalises what was typed; whether it is allowed is another question.
    pub(crate) fn new(typed: &str) -> Self {
        const BYTES_MAX: usize = 4 * CHARS_MAX;
        Self((typed.len() <= BYTES_MAX).then(|| {
            let normalised: String = typed.nfkc().collect();
            let verbatim = (normalised != typed).then(|| typed.to_owned());
            Typed { normalised, verbatim }
        }))
    }

    /// Whether the password may be chosen by this person.
    pub(crate) fn check(&self, context: &PasswordContext<'_>) -> Result<(), PasswordRefusal> {
        let PasswordContext { chars_min, email, tenant_names } = *context;
        let Some(Typed { normalised: password, .. }) = &self.0 else { return Err(PasswordRefusal::TooLong) };
        let folded = password.to_lowercase();
        match password.chars().count() {
            chars if chars < chars_min => Err(PasswordRefusal::TooShort { chars_min }),
            chars if chars > CHARS_MAX => Err(PasswordRefusal::TooLong),
            _ if password.chars().any(char::is_control) => Err(PasswordRefusal::ControlCharacter),
            _ if folded == email.key() || folded == email.local_part().to_lowercase() => Err(PasswordRefusal::IsEmail),
            _ if tenant_names.iter().any(|name| folded == name.to_lowercase()) => Err(PasswordRefusal::IsTenantName),
            _ if blocklist::contains(&folded) => Err(PasswordRefusal::Common),
            _ => Ok(()),
        }
    }

    /// The hash to keep, as a PHC string; `None` for one that is too long, which [`Password::check`] refuses.
    pub(crate) fn hash(&self, salt: [u8; 16]) -> Option<String> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
        let salt = SaltString::encode_b64(&salt).ok()?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let password = self.0.as_ref()?.normalised.as_bytes();
        hasher.hash_password(password, Salt::from(&salt)).ok().map(|hash| hash.to_string())
    }

    /// Whether the password is the one that was hashed. Without a hash (nobody has the address) the work of one of ours
    /// is done and the answer is no; so it is for one that asks for more work than is allowed.
    pub(crate) fn verify(&self, hash: Option<&str>) -> Verdict {
        let known = hash.and_then(KnownHash::read).zip(self.0.as_ref());
        let Some((hash, typed)) = known else {
            if let Some(nobodys) = KnownHash::read(NOBODYS_HASH) {
                nobodys.matches(self.0.as_ref().map_or("", |typed| &typed.normalised));
            }
            return Verdict::Wrong;
        };
        if hash.matches(&typed.normalised) {
            return if hash.is_as_ours() { Verdict::Right } else { Verdict::RightButOutdated };
        }
        match &typed.verbatim {
            Some(verbatim) if hash.matches(verbatim) => Verdict::RightButOutdated,
            _ => Verdict::Wrong,
        }
    }
}

/// A hash that may be computed here.
enum KnownHash<'a> {
    Argon2id(Box<PasswordHash<'a>>),
    Bcrypt(&'a str),
}

impl<'a> KnownHash<'a> {
    /// Reads a hash; `None` for another algorithm, or one that asks for too much work.
    fn read(hash: &'a str) -> Option<Self> {
        if is_affordable_bcrypt(hash) {
            return Some(Self::Bcrypt(hash));
        }
        PasswordHash::new(hash).ok().filter(is_affordable).map(|hash| Self::Argon2id(Box::new(hash)))
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            Self::Argon2id(hash) => Argon2::default().verify_password(password.as_bytes(), hash).is_ok(),
            // Like all of its kind it sees 72 bytes and no more.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
        }
    }

    /// Whether it was made with the parameters of today.
    fn is_as_ours(&self) -> bool {
        match self {
            Self::Argon2id(hash) => Params::try_from(&**hash).is_ok_and(|params| {
                hash.version == Some(Version::V0x13.into())
                    && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
            }),
            Self::Bcrypt(_) => false,
        }
    }
}

/// Whether a hash is bcrypt (`$2a$`, `$2b$` or `$2y$`) within the limit.
fn is_affordable_bcrypt(hash: &str) -> bool {
    let mut parts = hash.split('$');
    let (Some(""), Some("2a" | "2b" | "2y"), Some(cost)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    cost.len() == 2 && cost.parse().is_ok_and(|cost: u32| (4..=BCRYPT_COST_MAX).contains(&cost))
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
        let tenant_names = &["Analytical Engines", "Next Door Ltd"];
        Password::new(password).check(&PasswordContext { chars_min: 8, email: &email, tenant_names })
    }

    fn verify(password: &str, hash: &str) -> Verdict {
        Password::new(password).verify(Some(hash))
    }

    #[test]
    fn length_counts_and_composition_does_not() {
        assert_eq!(allowed("correct horse battery staple"), Ok(()));
        assert_eq!(allowed("zzqzzqzz"), Ok(()));
        assert_eq!(allowed("пароль-с-юникодом"), Ok(()));
        assert_eq!(allowed("1234567"), Err(PasswordRefusal::TooShort { chars_min: 8 }));
        assert_eq!(allowed("éèéèéèéè"), Ok(()), "characters count, not bytes");
        assert_eq!(allowed(&"x".repeat(128)), Ok(()));
        assert_eq!(allowed(&"x".repeat(129)), Err(PasswordRefusal::TooLong));
        assert_eq!(allowed(&"\u{fdfa}".repeat(100_000)), Err(PasswordRefusal::TooLong));
        assert_eq!(Password::new(&"\u{fdfa}".repeat(100_000)).verify(None), Verdict::Wrong);
        assert_eq!(allowed("with\u{0}nul and more"), Err(PasswordRefusal::ControlCharacter));
        assert_eq!(allowed("ada.lovelace@EXAMPLE.com"), Err(PasswordRefusal::IsEmail));
        assert_eq!(allowed("ADA.lovelace"), Err(PasswordRefusal::IsEmail));
        assert_eq!(allowed("analytical engines"), Err(PasswordRefusal::IsTenantName));
        assert_eq!(allowed("NEXT door ltd"), Err(PasswordRefusal::IsTenantName));
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_and_form() {
        for password in
            ["password", "PassWord1", "12345678", "qwertyuiop", "iloveyou", "trustno1", "football", "\u{ff50}assword"]
        {
            assert_eq!(allowed(password), Err(PasswordRefusal::Common), "{password}");
        }
    }

    #[test]
    fn only_the_password_verifies_however_it_was_composed() {
        let hash = Password::new("cafe\u{301} con leche").hash([7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(verify("caf\u{e9} con leche", &hash), Verdict::Right);
        assert_eq!(verify("cafe con leche", &hash), Verdict::Wrong);
        assert_ne!(hash, Password::new("caf\u{e9} con leche").hash([8; 16]).unwrap());
    }

    /// A hash that the C library (argon2-cffi) made with the original's parameters, in four lanes.
    #[test]
    fn an_imported_hash_verifies_and_is_outdated() {
        let hash = "$argon2id$v=19$m=65536,t=3,p=4$awtNF+jdSlFK+3NlzlOdkg$XxtKGjwjQoG0msbp6OOEBusJuHr76QXY++riH+dB+x4";
        assert_eq!(verify("an imported password", hash), Verdict::RightButOutdated);
        assert_eq!(verify("another password", hash), Verdict::Wrong);
    }

    /// Of the vectors that came with the first crypt_blowfish.
    #[test]
    fn bcrypt_hashes_verify_and_are_outdated() {
        for (password, hash) in [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ] {
            assert_eq!(verify(password, hash), Verdict::RightButOutdated, "{password}");
            assert_eq!(verify(password, &hash.replacen("$2a$", "$2b$", 1)), Verdict::RightButOutdated, "{password}");
            assert_eq!(verify("u*u", hash), Verdict::Wrong);
        }
    }

    /// The original hashed what was typed; we hash its normal form.
    #[test]
    fn an_imported_hash_of_another_form_verifies_as_it_was_typed() {
        let typed = "cafe\u{301} con leche";
        let hash = bcrypt::hash_with_salt(typed, 4, [7; 16]).unwrap().to_string();
        assert_eq!(verify(typed, &hash), Verdict::RightButOutdated);
        assert_eq!(verify("caf\u{e9} con leche", &hash), Verdict::Wrong);
    }

    #[test]
    fn the_hash_for_nobody_costs_what_ours_cost_and_verifies_nothing() {
        let nobody = PasswordHash::new(NOBODYS_HASH).unwrap();
        assert!(is_affordable(&nobody));
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        for password in ["", "password", "nobody"] {
            assert_eq!(Password::new(password).verify(None), Verdict::Wrong);
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
        assert_eq!(verify("x", "not a hash"), Verdict::Wrong);
        for (bcrypt, affordable) in [
            ("$2b$12$x", true),
            ("$2b$13$x", false),
            ("$2b$03$x", false),
            ("$2x$05$x", false),
            ("$2b$5$x", false),
            ("2b$05$x", false),
        ] {
            assert_eq!(is_affordable_bcrypt(bcrypt), affordable, "{bcrypt}");
        }
        assert_eq!(verify("x", "$2b$05$cut off"), Verdict::Wrong);
    }
}
