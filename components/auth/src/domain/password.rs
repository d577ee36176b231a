//! Passwords: what is allowed, and how they are kept.
//!
//! Argon2id (RFC 9106) at OWASP's minimum: 19 MiB, two passes, one lane; 25 to 40 ms in WebAssembly here. The
//! parameters stand in the hash, so a later increase leaves older hashes valid, and log-in replaces them. Rules follow
//! NIST SP 800-63B-4, 3.1.1.2: length counts, composition does not, common passwords are refused; a password is
//! normalised (NFKC) before it is measured or hashed.
//!
//! Hashes taken over from elsewhere verify as well: Argon2id and bcrypt, within what a log-in may cost here. Whoever made
//! them did not normalise, so a password is tried as it was typed too, where that is another text: two hashes at most,
//! and as many for an address that nobody has.

mod bcrypt_hash;
mod blocklist;

use std::fmt;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{Salt, SaltString},
};
use unicode_normalization::UnicodeNormalization;

use bcrypt_hash::BcryptHash;

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

/// A password that somebody typed; none if it is longer than any that is allowed, because normalising can make a text
/// many times longer. `Debug` shows nothing.
pub(crate) struct Password(Option<Typed>);

struct Typed {
    normalised: String,
    /// As it was typed, where that is another text.
    verbatim: Option<String>,
}

impl Typed {
    /// The texts that may have been hashed.
    fn texts(&self) -> impl Iterator<Item = &str> {
        [Some(&self.normalised), self.verbatim.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

/// Whether a password is the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not.
    Wrong,
    /// It is, and the hash stays.
    Right,
    /// It is, and the hash is to be made anew: it has another algorithm, other parameters, or is of another form of the
    /// password.
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
        // The names are kept in another normal form.
        let is_name_of = |tenant: &&str| folded == tenant.nfkc().collect::<String>().to_lowercase();
        match password.chars().count() {
            chars if chars < chars_min => Err(PasswordRefusal::TooShort { chars_min }),
            chars if chars > CHARS_MAX => Err(PasswordRefusal::TooLong),
            _ if password.chars().any(char::is_control) => Err(PasswordRefusal::ControlCharacter),
            _ if folded == email.key() || folded == email.local_part().to_lowercase() => Err(PasswordRefusal::IsEmail),
            _ if tenant_names.iter().any(is_name_of) => Err(PasswordRefusal::IsTenantName),
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
            self.verify_in_vain();
            return Verdict::Wrong;
        };
        let Some(hashed) = typed.texts().find(|text| hash.matches(text)) else { return Verdict::Wrong };
        if hash.stays_with(hashed) && hashed == typed.normalised { Verdict::Right } else { Verdict::RightButOutdated }
    }

    /// Computes as many hashes as a wrong password costs with one of our own.
    fn verify_in_vain(&self) {
        let Some(nobodys) = KnownHash::read(NOBODYS_HASH) else { return };
        let texts = self.0.as_ref().map_or(1, |typed| typed.texts().count());
        for _ in 0..texts {
            std::hint::black_box(nobodys.matches(""));
        }
    }
}

/// A hash that may be computed here.
enum KnownHash<'a> {
    Argon2id(Box<PasswordHash<'a>>),
    Bcrypt(BcryptHash),
}

impl<'a> KnownHash<'a> {
    /// Reads a hash; `None` for another algorithm, a damaged one, or one that asks for too much work.
    fn read(hash: &'a str) -> Option<Self> {
        if let Some(hash) = BcryptHash::read(hash) {
            return Some(Self::Bcrypt(hash));
        }
        PasswordHash::new(hash).ok().filter(is_affordable).map(|hash| Self::Argon2id(Box::new(hash)))
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            Self::Argon2id(hash) => Argon2::default().verify_password(password.as_bytes(), hash).is_ok(),
            Self::Bcrypt(hash) => hash.matches(password),
        }
    }

    /// Whether the hash is kept after this password, which matches it.
    fn stays_with(&self, password: &str) -> bool {
        match self {
            Self::Argon2id(hash) => Params::try_from(&**hash).is_ok_and(|params| {
                hash.version == Some(Version::V0x13.into())
                    && hash.hash.is_some_and(|digest| digest.len() == Params::DEFAULT_OUTPUT_LEN)
                    && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
            }),
            // A new hash would be of all that was typed, and nobody has verified what follows the 72nd byte: a slip there
            // would lock its owner out for good.
            Self::Bcrypt(_) => !BcryptHash::sees_the_end_of(password),
        }
    }
}

/// Whether a hash is Argon2id, whole, and within the limits.
fn is_affordable(hash: &PasswordHash<'_>) -> bool {
    let salt_chars_min = base64::encoded_len(argon2::MIN_SALT_LEN, false);
    hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version.is_none_or(|version| Version::try_from(version).is_ok())
        && hash.salt.is_some_and(|salt| Some(salt.len()) >= salt_chars_min)
        && hash.hash.is_some()
        && Params::try_from(hash).is_ok_and(|params| {
            params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(password: &str) -> Result<(), PasswordRefusal> {
        let email = email::EmailAddress::parse("Ada.Lovelace@example.com").unwrap();
        let tenant_names = &["Analytical Engines", "Next Door Ltd", "\u{fb01}ne and dandy"];
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
        assert_eq!(allowed("fine and dandy"), Err(PasswordRefusal::IsTenantName), "in every normal form");
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_and_form() {
        for password in [
            "password",
            "PassWord1",
            "12345678",
            "qwertyuiop",
            "ILOVEYOU",
            "1234567890",
            "TrustNo1",
            "football",
            "\u{ff50}assword",
        ] {
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

    #[test]
    fn bcrypt_hashes_verify_and_are_outdated() {
        let hash = "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a";
        assert_eq!(verify("U*U*U", hash), Verdict::RightButOutdated);
        assert_eq!(verify("U*U", hash), Verdict::Wrong);
    }

    /// The original hashed what was typed; we hash its normal form. The vector is passlib's.
    #[test]
    fn an_imported_hash_of_another_form_verifies_as_it_was_typed() {
        let hash = "$2b$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG";
        assert_eq!(verify("t\u{e1}\u{411}\u{2113}\u{259}", hash), Verdict::RightButOutdated);
        assert_eq!(verify("t\u{e1}\u{411}l\u{259}", hash), Verdict::Wrong);
        let by_our_parameters =
            Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap())
                .hash_password("\u{2113}".as_bytes(), Salt::from_b64("d2VsbCBrZXB0IHNhbHQh").unwrap())
                .unwrap()
                .to_string();
        assert_eq!(verify("\u{2113}", &by_our_parameters), Verdict::RightButOutdated);
    }

    #[test]
    fn a_password_that_bcrypt_sees_in_part_keeps_its_hash() {
        let hash = "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        let seen = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        assert_eq!(verify(&format!("{seen} and more"), hash), Verdict::Right);
        assert_eq!(verify(seen, hash), Verdict::Right);
        assert_eq!(verify(&seen[..71], hash), Verdict::Wrong);
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
        let ours = with(19_456, 2, "argon2id");
        let (without_digest, digest) = ours.rsplit_once('$').unwrap();
        let (without_salt, _) = without_digest.rsplit_once('$').unwrap();
        assert!(is_affordable(&ours));
        for damaged in
            [without_digest, without_salt, &format!("{without_salt}$c2hvcnQ${digest}"), &ours.replace("19$", "18$")]
        {
            assert!(!is_affordable(damaged), "{damaged}");
        }
        assert_eq!(verify("x", "not a hash"), Verdict::Wrong);
        assert_eq!(verify("x", "$2b$05$cut off"), Verdict::Wrong);
    }
}
