//! Opaque tokens: 256 random or derived bits in base64url, given out once and kept as their SHA-256.
//!
//! A token is found by its hash, so nothing that the database holds can be sent back as one, and how much of a guess was
//! right cannot be measured: what is compared is a hash that the guesser cannot steer.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// No token is longer than this; what is needs no hash.
const BYTES_MAX: usize = 200;

/// A token to give out. Has no `Debug`.
pub(crate) struct OpaqueToken(String);

impl OpaqueToken {
    /// The token of these bits.
    pub(crate) fn new(bits: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bits))
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

/// The hash of a token that somebody sent, in hex; text that is too long to be a token has that of none.
pub(crate) fn hash_of(text: &str) -> String {
    let text = if text.len() > BYTES_MAX { "" } else { text };
    hex(&Sha256::digest(text))
}

/// Bytes as the database's functions take them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as the database's functions give them.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    digits
        .filter(|digits| digits.len() % 2 == 0)
        .map(|digits| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let token = OpaqueToken::new([7; 32]);
        let hash = token.hash();
        let text = token.into_text();
        assert_eq!((text.len(), hash.len()), (43, 64));
        assert_eq!(hash_of(&text), hash);
        assert_ne!(hash_of(&text.to_uppercase()), hash);
        assert_eq!(hash_of(&"x".repeat(201)), hash_of(""));
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(from_hex(&hex(&[0, 1, 0xab, 0xff])), Some(vec![0, 1, 0xab, 0xff]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
