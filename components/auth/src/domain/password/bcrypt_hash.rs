//! bcrypt hashes that were taken over; we make none.
//!
//! What must stay true: no more rounds are computed than a log-in may cost, and a password that bcrypt saw only in part
//! is never taken for one that was verified to its end.

use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use subtle::ConstantTimeEq;

/// 2^12 rounds, what the libraries of the original default to; less than 2^4 does not exist. 2^12 take a third of a
/// second here, in which the instance does nothing else, and each step doubles that.
const COSTS: std::ops::RangeInclusive<u32> = 4..=12;

/// What bcrypt sees of a password and the NUL after it.
const KEY_BYTES_MAX: usize = 72;

/// Some libraries left chance in the bits that the last characters of salt and hash do not need: they mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// A hash that may be computed here.
pub(super) struct BcryptHash {
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl BcryptHash {
    /// Reads `$2b$`, two digits, `$`, 22 characters of salt and 31 of hash. `$2a$` and `$2y$` are the same function;
    /// `$2x$` is that of a faulty library. `None` if it is another text or asks for too much work.
    pub(super) fn read(text: &str) -> Option<Self> {
        let rest = ["$2b$", "$2a$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
        let (cost, rest) = rest.split_once('$')?;
        let is_cost = cost.len() == 2 && cost.bytes().all(|digit| digit.is_ascii_digit());
        let cost = cost.parse().ok().filter(|cost| is_cost && COSTS.contains(cost))?;
        let (salt, digest) = rest.split_at_checked(22)?;
        Some(Self { cost, salt: decoded(salt)?, digest: decoded(digest)? })
    }

    /// Whether it was made of this password, as far as bcrypt sees it.
    pub(super) fn matches(&self, password: &str) -> bool {
        let mut key = password.as_bytes().to_vec();
        key.push(0);
        key.truncate(KEY_BYTES_MAX);
        let digest = bcrypt::bcrypt(self.cost, self.salt, &key);
        // The key is repeated, NULs and all, so "ab\0ab" would pass for "ab". No library hashed such a password.
        let is_same = digest.get(..self.digest.len()).is_some_and(|digest| digest.ct_eq(&self.digest).into());
        is_same && !password.contains('\0')
    }

    /// Whether bcrypt sees the password to its end, and so tells it from every longer one.
    pub(super) fn sees_the_end_of(password: &str) -> bool {
        password.len() < KEY_BYTES_MAX
    }
}

fn decoded<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(password: &str, hash: &str) -> bool {
        BcryptHash::read(hash).expect(hash).matches(password)
    }

    /// The vectors that came with crypt_blowfish, which is in OpenBSD's form, and one of passlib's beyond ASCII.
    #[test]
    fn published_vectors_match() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored";
        for (password, hash) in [
            ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            (long, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
            (&long[..72], "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
            ("t\u{e1}\u{411}\u{2113}\u{259}", "$2a$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG"),
        ] {
            for prefix in ["$2a$", "$2b$", "$2y$"] {
                assert!(matches(password, &hash.replacen("$2a$", prefix, 1)), "{password} {prefix}");
            }
            assert!(!matches("u*u", hash), "{password}");
        }
        assert!(!matches(&long[..71], "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"));
        assert!(BcryptHash::sees_the_end_of(&long[..71]) && !BcryptHash::sees_the_end_of(&long[..72]));
    }

    #[test]
    fn a_password_with_a_nul_matches_nothing() {
        assert!(!matches("U*U\0U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
    }

    #[test]
    fn bits_that_mean_nothing_may_be_anything() {
        assert!(matches("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC/E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX"));
    }

    #[test]
    fn others_and_costly_ones_are_not_read() {
        let rest = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for (start, is_read) in [
            ("$2b$04$", true),
            ("$2b$12$", true),
            ("$2b$13$", false),
            ("$2b$31$", false),
            ("$2b$03$", false),
            ("$2b$5$", false),
            ("$2b$+5$", false),
            ("$2b$005$", false),
            ("$2x$05$", false),
            ("$2$05$", false),
            ("2b$05$", false),
            ("", false),
        ] {
            assert_eq!(BcryptHash::read(&format!("{start}{rest}")).is_some(), is_read, "{start}");
        }
        for rest in ["", "cut off", &rest[1..], &format!("{rest}x"), &rest.replace('5', "!"), &rest.replace('5', "é")]
        {
            assert!(BcryptHash::read(&format!("$2b$05${rest}")).is_none(), "{rest}");
        }
    }
}
