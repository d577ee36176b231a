//! Secrets at rest that must be read back: seeds of second factors, credentials of gateways. What need not be read back
//! is hashed instead.
//!
//! What must stay true: a value opens only under the key that sealed it, for the purpose and the owner that it was
//! sealed for, and only if no byte of it changed; no key and no value shows in `Debug` or in an error; randomness is an
//! argument, and the same is never given twice.
//!
//! Each value has a random data key, which a master key seals. Both seals are XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03), whose nonces are long enough to be drawn at random. A sealed value is, in this order:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | the format: 1 |
//! | 1 | how many bytes the key's id has: 1 to 32 |
//! | that many | the id of the master key, `a-z`, `0-9` and `-` |
//! | 24 | nonce of the data key |
//! | 48 | the data key, sealed by the master key: 32 bytes and the tag of 16 |
//! | 24 | nonce of the value |
//! | any | the value, sealed by the data key: its bytes and the tag of 16 |
//!
//! The associated data of both seals is everything before the first nonce, then `k` for the data key or `v` for the
//! value, then the length of the purpose (8 bytes, big-endian), the purpose, and the 16 bytes of the owner's id.
//!
//! A master key is replaced in three steps, and none of them stops anything: put the new key behind the old one and
//! restart everything; put it first and restart; seal again what [`MasterKeys::is_sealed_by_first`] denies. Then the
//! old one may go. (The first step is for instances that still run while others seal with the new key.)

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use uuid::Uuid;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const ID_CHARS_MAX: usize = 32;

/// How many random bytes a seal takes: a data key and two nonces.
pub const RANDOM_BYTES: usize = KEY_BYTES + 2 * NONCE_BYTES;

/// What every seal of a value adds to its length, beside the id of the master key.
pub const OVERHEAD_BYTES: usize = 2 + NONCE_BYTES + KEY_BYTES + TAG_BYTES + NONCE_BYTES + TAG_BYTES;

/// The keys of a deployment. The first seals, all of them open. `Debug` shows their ids.
pub struct MasterKeys(Vec<MasterKey>);

/// One key, wiped from memory when it goes.
struct MasterKey {
    id: String,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

/// Why a sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealError {
    /// The bytes are not in the form that [`MasterKeys::seal`] writes.
    Malformed,
    /// No key of ours has this id: the key was taken away too early, or the value belongs to another deployment.
    UnknownKey {
        /// The id that the value names. It is no secret, but whoever can write the value can choose it.
        id: String,
    },
    /// Something changed: the bytes, the purpose, the owner, or the key that bears the id.
    Refused,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("what is stored is no sealed value"),
            Self::UnknownKey { id } => write!(f, "the value is sealed by the key `{id}`, which is not among the keys"),
            Self::Refused => f.write_str("the sealed value is not what was sealed for this purpose and owner"),
        }
    }
}

impl std::error::Error for SealError {}

impl MasterKeys {
    /// Reads `id:base64` pairs with commas or white space between: ids of `a-z`, `0-9` and `-`, keys of 32 bytes. The
    /// error completes the sentence "the variable `x` …" and shows nothing of the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for pair in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|pair| !pair.is_empty()) {
            let (id, base64) = pair.split_once(':').ok_or("has a key without an id: id:base64 is wanted")?;
            if !is_id(id.as_bytes()) {
                return Err("has an id that is not 1 to 32 of a-z, 0-9 and -");
            }
            let decoded = STANDARD.decode(base64).map_err(|_| "has a key that is not base64 with its padding")?;
            let decoded = Zeroizing::new(decoded);
            let key = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).map_err(|_| "has a key that is not 32 bytes")?;
            let key = Zeroizing::new(key);
            if keys.iter().any(|other| other.id == id) {
                return Err("has one id twice");
            }
            if keys.iter().any(|other| other.key == key) {
                return Err("has one key under two ids");
            }
            keys.push(MasterKey { id: id.to_owned(), key });
        }
        if keys.is_empty() { Err("has no key") } else { Ok(Self(keys)) }
    }

    /// The id of the key that seals now. It stands in front of everything that it sealed, so it is no secret.
    pub fn first_id(&self) -> &str {
        &self.0[0].id
    }

    /// Seals a value for one purpose (`"totp_seed"`) and one owner, who may be a person or a tenant. `random` must be
    /// fresh from the system and is used for nothing else.
    pub fn seal(&self, purpose: &str, owner: Uuid, plaintext: &[u8], random: [u8; RANDOM_BYTES]) -> Vec<u8> {
        let random = Zeroizing::new(random);
        let (data_key, nonces) = random.split_at(KEY_BYTES);
        let (key_nonce, value_nonce) = nonces.split_at(NONCE_BYTES);
        let first = &self.0[0];

        let mut sealed = Vec::with_capacity(OVERHEAD_BYTES + first.id.len() + plaintext.len());
        sealed.extend([FORMAT, first.id.len() as u8]);
        sealed.extend(first.id.as_bytes());
        let bound = Bound { header: &sealed.clone(), purpose, owner };
        sealed.extend(key_nonce);
        sealed.extend(encrypt(&*first.key, key_nonce, data_key, &bound.of_data_key()));
        sealed.extend(value_nonce);
        sealed.extend(encrypt(data_key, value_nonce, plaintext, &bound.of_value()));
        sealed
    }

    /// Opens what [`MasterKeys::seal`] sealed for the same purpose and owner.
    pub fn open(&self, purpose: &str, owner: Uuid, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let parts = Parts::read(sealed).ok_or(SealError::Malformed)?;
        let master = self.0.iter().find(|key| key.id == parts.id);
        let master = master.ok_or_else(|| SealError::UnknownKey { id: parts.id.to_owned() })?;
        let bound = Bound { header: parts.header, purpose, owner };
        let data_key = decrypt(&*master.key, parts.key_nonce, parts.sealed_key, &bound.of_data_key())?;
        let data_key = Zeroizing::new(data_key);
        decrypt(&data_key, parts.value_nonce, parts.sealed_value, &bound.of_value())
    }

    /// Whether the value names the key that seals now; if not, it should be opened and sealed again.
    pub fn is_sealed_by_first(&self, sealed: &[u8]) -> bool {
        Parts::read(sealed).is_some_and(|parts| parts.id == self.0[0].id)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

/// A sealed value, taken apart.
struct Parts<'a> {
    header: &'a [u8],
    id: &'a str,
    key_nonce: &'a [u8],
    sealed_key: &'a [u8],
    value_nonce: &'a [u8],
    sealed_value: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (&[FORMAT, id_bytes], _) = sealed.split_first_chunk()? else { return None };
        let (header, rest) = sealed.split_at_checked(2 + usize::from(id_bytes))?;
        let id = str::from_utf8(&header[2..]).ok().filter(|id| is_id(id.as_bytes()))?;
        let (key_nonce, rest) = rest.split_at_checked(NONCE_BYTES)?;
        let (sealed_key, rest) = rest.split_at_checked(KEY_BYTES + TAG_BYTES)?;
        let (value_nonce, sealed_value) = rest.split_at_checked(NONCE_BYTES)?;
        (sealed_value.len() >= TAG_BYTES).then_some(Self {
            header,
            id,
            key_nonce,
            sealed_key,
            value_nonce,
            sealed_value,
        })
    }
}

fn is_id(id: &[u8]) -> bool {
    let allowed = |&byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=ID_CHARS_MAX).contains(&id.len()) && id.iter().all(allowed)
}

/// What a seal is bound to. The length before the purpose keeps two purposes from running into two owners.
struct Bound<'a> {
    header: &'a [u8],
    purpose: &'a str,
    owner: Uuid,
}

impl Bound<'_> {
    fn of_data_key(&self) -> Vec<u8> {
        self.of(b"k")
    }

    fn of_value(&self) -> Vec<u8> {
        self.of(b"v")
    }

    fn of(&self, what: &[u8]) -> Vec<u8> {
        let length = (self.purpose.len() as u64).to_be_bytes();
        [self.header, what, &length, self.purpose.as_bytes(), self.owner.as_bytes()].concat()
    }
}

fn encrypt(key: &[u8], nonce: &[u8], msg: &[u8], aad: &[u8]) -> Vec<u8> {
    let (cipher, nonce) = cipher(key, nonce).expect("keys and nonces are cut to their lengths");
    cipher.encrypt(&nonce, Payload { msg, aad }).expect("nothing in memory is as long as the cipher's limit, 256 GiB")
}

fn decrypt(key: &[u8], nonce: &[u8], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealError> {
    let (cipher, nonce) = cipher(key, nonce).ok_or(SealError::Refused)?;
    cipher.decrypt(&nonce, Payload { msg, aad }).map_err(|_| SealError::Refused)
}

fn cipher(key: &[u8], nonce: &[u8]) -> Option<(XChaCha20Poly1305, XNonce)> {
    Some((XChaCha20Poly1305::new_from_slice(key).ok()?, XNonce::try_from(nonce).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PURPOSE: &str = "totp_seed";
    const OWNER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

    fn pair(id: &str, byte: u8) -> String {
        format!("{id}:{}", STANDARD.encode([byte; KEY_BYTES]))
    }

    fn keys(pairs: &[(&str, u8)]) -> MasterKeys {
        let texts: Vec<String> = pairs.iter().map(|(id, byte)| pair(id, *byte)).collect();
        MasterKeys::parse(&texts.join(",")).unwrap()
    }

    fn random() -> [u8; RANDOM_BYTES] {
        std::array::from_fn(|place| place as u8)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    /// Appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
    #[test]
    fn the_cipher_agrees_with_the_draft() {
        let key: Vec<u8> = (0x80..0xa0).collect();
        let nonce: Vec<u8> = (0x40..0x58).collect();
        let aad = hex("50515253c0c1c2c3c4c5c6c7");
        let plaintext = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                          sunscreen would be it.";
        let wanted = hex("bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb
                          731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452
                          2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
                          21f9664c97637da9768812f615c68b13b52e
                          c0875924c1c7987947deafd8780acf49");
        assert_eq!(encrypt(&key, &nonce, plaintext, &aad), wanted);
        assert_eq!(decrypt(&key, &nonce, &wanted, &aad).unwrap(), plaintext);
    }

    /// What is in databases must open for ever. The bytes were made with libsodium, by the table above.
    #[test]
    fn the_format_stays() {
        let wanted = hex("01026b31202122232425262728292a2b2c2d2e2f30313233343536372063f2f9d2c443ec9c2a5442
                          abe74c86486ee7515d4d9d86bcbb88654dcd42dbbce057942f6bcee01878e0c50dbdd0f438393a3b
                          3c3d3e3f404142434445464748494a4b4c4d4e4f7dc381c1610dbcf9e5774bea3cb61d0cbb75d1e4");
        let keys = keys(&[("k1", 1)]);
        assert_eq!(keys.seal(PURPOSE, OWNER, b"seed", random()), wanted);
        assert_eq!(keys.open(PURPOSE, OWNER, &wanted).unwrap(), b"seed");
    }

    #[test]
    fn every_change_is_refused() {
        let keys = keys(&[("k1", 1), ("k2", 2)]);
        let sealed = keys.seal(PURPOSE, OWNER, b"a secret", random());
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[place] ^= 1 << bit;
                assert!(keys.open(PURPOSE, OWNER, &changed).is_err(), "byte {place}, bit {bit}");
            }
        }
        for length in 0..sealed.len() {
            assert!(keys.open(PURPOSE, OWNER, &sealed[..length]).is_err(), "cut to {length}");
        }
        let mut named_anew = sealed.clone();
        named_anew[3] = b'2';
        assert_eq!(keys.open(PURPOSE, OWNER, &named_anew), Err(SealError::Refused), "the id is bound too");
        let longer = [sealed.as_slice(), &[0]].concat();
        assert_eq!(keys.open(PURPOSE, OWNER, &longer), Err(SealError::Refused));
    }

    #[test]
    fn another_purpose_owner_or_key_is_refused() {
        let ours = keys(&[("k1", 1)]);
        let sealed = ours.seal(PURPOSE, OWNER, b"a secret", random());
        assert_eq!(ours.open("totp", OWNER, &sealed), Err(SealError::Refused));
        assert_eq!(ours.open("", OWNER, &sealed), Err(SealError::Refused));
        assert_eq!(ours.open(PURPOSE, Uuid::nil(), &sealed), Err(SealError::Refused));
        assert_eq!(keys(&[("k1", 9)]).open(PURPOSE, OWNER, &sealed), Err(SealError::Refused));
        let unknown = SealError::UnknownKey { id: "k1".to_owned() };
        assert_eq!(keys(&[("k2", 1)]).open(PURPOSE, OWNER, &sealed), Err(unknown));
    }

    #[test]
    fn halves_of_two_values_make_no_third() {
        let keys = keys(&[("k1", 1)]);
        let one = keys.seal(PURPOSE, OWNER, b"one", random());
        let other = keys.seal(PURPOSE, OWNER, b"two", random().map(|byte| byte ^ 0x55));
        let value_at = one.len() - NONCE_BYTES - TAG_BYTES - 3;
        let mixed = [&one[..value_at], &other[value_at..]].concat();
        assert_eq!(keys.open(PURPOSE, OWNER, &mixed), Err(SealError::Refused));
    }

    #[test]
    fn keys_are_replaced_step_by_step() {
        let (old, waiting, new) = (keys(&[("a", 1)]), keys(&[("a", 1), ("b", 2)]), keys(&[("b", 2), ("a", 1)]));
        let sealed = old.seal(PURPOSE, OWNER, b"a secret", random());
        assert!(waiting.is_sealed_by_first(&sealed) && !new.is_sealed_by_first(&sealed));

        let opened = new.open(PURPOSE, OWNER, &sealed).unwrap();
        let again = new.seal(PURPOSE, OWNER, &opened, random());
        assert!(new.is_sealed_by_first(&again));
        for keys in [&waiting, &new, &keys(&[("b", 2)])] {
            assert_eq!(keys.open(PURPOSE, OWNER, &again).unwrap(), b"a secret");
        }
        assert!(!new.is_sealed_by_first(b""));
    }

    #[test]
    fn keys_are_read_or_refused() {
        for good in [
            pair("dev1", 1),
            format!("{},{}", pair("a", 1), pair("b", 2)),
            format!("\n {} , {}\n{}", pair("a", 1), pair("2026-10", 2), pair(&"c".repeat(32), 3)),
        ] {
            assert!(MasterKeys::parse(&good).is_ok(), "{good}");
        }
        let unpadded = pair("a", 1).trim_end_matches('=').to_owned();
        let short = format!("a:{}", STANDARD.encode([1; 31]));
        for (wrong, reason) in [
            ("", "has no key"),
            (" , ", "has no key"),
            ("AAAA", "has a key without an id: id:base64 is wanted"),
            (&pair("", 1), "has an id that is not 1 to 32 of a-z, 0-9 and -"),
            (&pair("Dev", 1), "has an id that is not 1 to 32 of a-z, 0-9 and -"),
            (&pair(&"c".repeat(33), 1), "has an id that is not 1 to 32 of a-z, 0-9 and -"),
            ("a:not base64", "has a key that is not base64 with its padding"),
            (&unpadded, "has a key that is not base64 with its padding"),
            (&short, "has a key that is not 32 bytes"),
            (&format!("{} {}", pair("a", 1), pair("a", 2)), "has one id twice"),
            (&format!("{} {}", pair("a", 1), pair("b", 1)), "has one key under two ids"),
        ] {
            assert_eq!(MasterKeys::parse(wrong).unwrap_err(), reason, "{wrong}");
        }
    }

    #[test]
    fn debug_shows_ids_alone() {
        assert_eq!(format!("{:?}", keys(&[("old", 7), ("new", 8)])), r#"["old", "new"]"#);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(
            plaintext: Vec<u8>, purpose in "\\PC{0,30}", owner: u128, id in "[a-z0-9-]{1,32}", key: [u8; 32],
            random in proptest::collection::vec(any::<u8>(), RANDOM_BYTES),
        ) {
            let keys = MasterKeys::parse(&format!("{id}:{}", STANDARD.encode(key))).unwrap();
            let owner = Uuid::from_u128(owner);
            let sealed = keys.seal(&purpose, owner, &plaintext, random.try_into().unwrap());
            prop_assert_eq!(sealed.len(), OVERHEAD_BYTES + id.len() + plaintext.len());
            prop_assert_eq!(keys.open(&purpose, owner, &sealed).unwrap(), plaintext);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(keys(&[("a", 1)]).open(PURPOSE, OWNER, &bytes).is_err());
        }
    }
}
