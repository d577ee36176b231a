//! Recovery codes: ten, for when the phone is gone. 80 random bits each, written in groups that can be copied from paper.

use super::opaque_token::hash_of;

/// How many a person has.
pub(crate) const COUNT: usize = 10;
/// The random bytes of one.
pub(crate) const BYTES: usize = 10;
/// Crockford's base32: no letter that looks like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARS: usize = 16;
const GROUP: usize = 4;

/// A code as it is shown, once: `xxxx-xxxx-xxxx-xxxx`.
pub(crate) fn render(bytes: &[u8; BYTES]) -> String {
    let bits = bytes.iter().fold(0u128, |bits, &byte| bits << 8 | u128::from(byte));
    let mut text = String::with_capacity(CHARS + CHARS / GROUP);
    for at in 0..CHARS {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.push(ALPHABET[(bits >> (5 * (CHARS - 1 - at))) as usize & 31] as char);
    }
    text
}

/// The hash that is kept of a code, in hex; `None` for what has not the form of one. Case, hyphens, spaces and the
/// letters that look like digits do not matter.
pub(crate) fn hash(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(CHARS);
    for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(CHARS + 1) {
        code.push(match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            c => c,
        });
    }
    let is_code = code.len() == CHARS && code.bytes().all(|byte| ALPHABET.contains(&byte));
    is_code.then(|| hash_of(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_was_copied() {
        let code = render(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
        assert_eq!(code.len(), 19);
        let hash = super::hash(&code).unwrap();
        for typed in [code.to_uppercase(), code.replace('-', ""), code.replace('-', " "), code.replace('0', "O")] {
            assert_eq!(super::hash(&typed).as_deref(), Some(hash.as_str()), "{typed}");
        }
        for other in ["", "0000", &format!("{code}0"), "uuuu-uuuu-uuuu-uuuu"] {
            assert_eq!(super::hash(other), None, "{other}");
        }
        assert_ne!(super::hash(&render(&[9; 10])), Some(hash));
    }
}
