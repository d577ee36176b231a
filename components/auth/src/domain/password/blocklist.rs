//! The passwords that everybody tries first: those of eight characters or more in the dictionary of zxcvbn-ts
//! (`src/passwords.json` of the npm package `@zxcvbn-ts/language-common` 4.1.3), shorter ones being refused anyway. MIT
//! licence, copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc., (c) 2021 @zxcvbn-ts.
//!
//! Compiled in as the sorted first four bytes of their SHA-256, big-endian: a password that is not listed is taken for one
//! that is once in 240,000 times, and its owner chooses another. `cargo run -p blocklist -- passwords.json` writes the file.

use sha2::{Digest, Sha256};

/// The entries, four bytes each.
const ENTRIES: &[u8] = include_bytes!("blocklist.bin");

/// What an entry is of a password in lower case and normal form.
pub(crate) fn entry(folded: &str) -> [u8; 4] {
    let digest = Sha256::digest(folded);
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Whether the password, in lower case and normal form, is one of them.
pub(crate) fn contains(folded: &str) -> bool {
    let (entries, _) = ENTRIES.as_chunks::<4>();
    entries.binary_search(&entry(folded)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_in_order() {
        let (entries, rest) = ENTRIES.as_chunks::<4>();
        assert!(entries.len() >= 10_000, "{}", entries.len());
        assert!(rest.is_empty() && entries.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn common_ones_are_found_and_others_are_not() {
        for common in [
            "password",
            "password1",
            "12345678",
            "1234567890",
            "qwertyuiop",
            "iloveyou",
            "trustno1",
            "1q2w3e4r",
            "baseball",
        ] {
            assert!(contains(common), "{common}");
        }
        for other in ["", "correct horse battery staple", "Password", "zzqzzqzz"] {
            assert!(!contains(other), "{other}");
        }
    }
}
