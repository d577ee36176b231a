//! Codes of an authenticator app, computed apart from the product's own code.

use hmac::{Hmac, Mac};
use sha1::Sha1;

/// The code of a step (RFC 4226, 5.3; RFC 6238), for a secret in base32.
pub fn code_at(secret: &str, step: u64) -> String {
    let bits: String =
        secret.bytes().map(|c| format!("{:05b}", if c.is_ascii_digit() { c - b'2' + 26 } else { c - b'A' })).collect();
    let seed: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(str::from_utf8(byte).expect("digits"), 2).expect("bits"))
        .collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&seed).expect("any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step that it is now.
pub fn step_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("later than 1970").as_secs() / 30
}
