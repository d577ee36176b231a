//! Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of 30 seconds, as every authenticator app has it.
//!
//! Pure: the time is an argument. What must stay true: a code is good for its own step and one to either side, all three
//! are compared whatever the first one says, and the caller takes a step once (`last_step` in the database).

use chrono::{DateTime, Utc};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use totp_rs::{Algorithm, TOTP};

/// How long a step lasts.
const STEP_SECONDS: u64 = 30;
/// How many steps a clock may be off.
const DRIFT_STEPS: u64 = 1;
/// How many digits a code has.
pub(crate) const DIGITS: usize = 6;
/// The length of a seed: what HMAC-SHA-1 takes whole (RFC 4226, 4: at least 128 bits, 160 recommended).
pub(crate) const SEED_BYTES: usize = 20;

/// The step whose code this is, if it is one that is good now.
pub(crate) fn matching_step(seed: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let current = u64::try_from(now.timestamp()).ok()? / STEP_SECONDS;
    let mut found = 0;
    for step in current.saturating_sub(DRIFT_STEPS)..=current + DRIFT_STEPS {
        let is_it = code_at(seed, step).as_bytes().ct_eq(code.as_bytes());
        found = u64::conditional_select(&found, &step, is_it);
    }
    // Step 0 was in 1970.
    i64::try_from(found).ok().filter(|&step| step > 0)
}

fn code_at(seed: &[u8], step: u64) -> String {
    let totp = TOTP::new_unchecked(Algorithm::SHA1, DIGITS, 0, STEP_SECONDS, seed.to_vec());
    totp.generate(step * STEP_SECONDS)
}

/// Whether a text has the form of a code; people type spaces into it.
pub(crate) fn parse_code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace()).take(DIGITS + 1).collect();
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

/// A seed as people type it into an app: base32 (RFC 4648, 6) without padding.
pub(crate) fn base32(seed: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in seed.chunks(5) {
        let bits = (0..5).fold(0u64, |bits, at| bits << 8 | u64::from(chunk.get(at).copied().unwrap_or(0)));
        let chars = (chunk.len() * 8).div_ceil(5);
        text.extend((0..chars).map(|at| ALPHABET[(bits >> (35 - 5 * at)) as usize & 31] as char));
    }
    text
}

/// The address that an app reads from a picture or a link: `otpauth://totp/…` (the Key URI format).
pub(crate) fn otpauth_uri(seed: &[u8], issuer: &str, account: &str) -> String {
    let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        base32(seed)
    )
}

/// Everything but unreserved characters as %XX (RFC 3986, 2.1).
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    #[test]
    fn agrees_with_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(matching_step(SEED, code, at(seconds)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_its_own() {
        let now = 1_234_567_890;
        for (drift, wanted) in
            [(-60, None), (-30, Some(now / 30)), (0, Some(now / 30)), (30, Some(now / 30)), (60, None)]
        {
            assert_eq!(matching_step(SEED, "005924", at(now + drift)), wanted, "{drift}");
        }
        for wrong in ["005925", "5924", "0059240", "", "００５９２４"] {
            assert_eq!(matching_step(SEED, wrong, at(now)), None, "{wrong}");
        }
    }

    #[test]
    fn codes_may_be_typed_with_spaces() {
        assert_eq!(parse_code(" 005 924 ").as_deref(), Some("005924"));
        for other in ["", "00592", "0059240", "00592a", "００５９２４"] {
            assert_eq!(parse_code(other), None, "{other}");
        }
    }

    /// RFC 4648, 10.
    #[test]
    fn writes_base32_as_the_rfc_does() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_uri_names_issuer_and_account() {
        assert_eq!(
            otpauth_uri(SEED, "Bizo & Co", "ada@example.com"),
            "otpauth://totp/Bizo%20%26%20Co:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Bizo%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
