//! Ed25519 keys as JWKs (RFC 8037): the private one of auth, and the public ones that every component verifies with.
//!
//! Several public keys are alive while they rotate; a token's `kid` chooses one. Private key material never appears
//! in `Debug` or in an error.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Deserialize;

/// DER of an Ed25519 private key in PKCS #8 (RFC 8410, 7) up to the 32 bytes of the key.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why a key cannot be used; completes the sentence "the variable `x` …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyError(pub &'static str);

/// The members of a JWK that matter here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    d: Option<String>,
}

impl Jwk {
    fn check(&self) -> Result<(), KeyError> {
        if self.kty != "OKP" || self.crv != "Ed25519" {
            return Err(KeyError("holds a key that is not Ed25519 (kty OKP, crv Ed25519)"));
        }
        if self.kid.is_empty() {
            return Err(KeyError("holds a key without a kid"));
        }
        match URL_SAFE_NO_PAD.decode(&self.x) {
            Ok(x) if x.len() == 32 => Ok(()),
            _ => Err(KeyError("holds a key whose x is not 32 bytes in base64url")),
        }
    }
}

/// The key that access tokens are signed with.
pub struct PrivateKey {
    pub(crate) kid: String,
    pub(crate) key: EncodingKey,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Reads a JWK with its private part `d`.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk: Jwk = serde_json::from_str(json).map_err(|_| KeyError("is not a JWK"))?;
        jwk.check()?;
        let seed = jwk.d.and_then(|d| URL_SAFE_NO_PAD.decode(d).ok()).filter(|seed| seed.len() == 32);
        let seed = seed.ok_or(KeyError("holds a key whose d is not 32 bytes in base64url"))?;
        let der = [&PKCS8_PREFIX[..], &seed].concat();
        Ok(Self { kid: jwk.kid, key: EncodingKey::from_ed_der(&der) })
    }
}

/// The keys that access tokens are verified with.
pub struct PublicKeys {
    keys: Vec<(String, DecodingKey)>,
    /// The set as clients may fetch it, rebuilt from the members that are public.
    json: String,
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(kid, _)| kid)).finish()
    }
}

impl PublicKeys {
    /// Reads a JWKS. A private part in it is refused: it would be published.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Jwk>,
        }
        let set: Set = serde_json::from_str(json).map_err(|_| KeyError("is not a JWKS"))?;
        if set.keys.is_empty() {
            return Err(KeyError("holds no key"));
        }
        let mut keys: Vec<(String, DecodingKey)> = Vec::new();
        let mut public = Vec::new();
        for jwk in set.keys {
            jwk.check()?;
            if jwk.d.is_some() {
                return Err(KeyError("holds a private key, which must not be here"));
            }
            if keys.iter().any(|(kid, _)| *kid == jwk.kid) {
                return Err(KeyError("holds two keys with one kid"));
            }
            let key = DecodingKey::from_ed_components(&jwk.x).map_err(|_| KeyError("holds a key that is not valid"))?;
            public.push(serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": jwk.kid, "x": jwk.x,
            }));
            keys.push((jwk.kid, key));
        }
        Ok(Self { keys, json: serde_json::json!({ "keys": public }).to_string() })
    }

    /// The key that a token names.
    pub(crate) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.iter().find(|(known, _)| known == kid).map(|(_, key)| key)
    }

    /// Whether the set holds a key of this id.
    pub fn contains(&self, private: &PrivateKey) -> bool {
        self.find(&private.kid).is_some()
    }

    /// The document of `/.well-known/jwks.json`.
    pub fn to_json(&self) -> &str {
        &self.json
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The key pair of RFC 8037, appendix A.
    pub(crate) const PRIVATE: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"rfc8037",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
    pub(crate) const PUBLIC: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"rfc8037",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    #[test]
    fn reads_the_keys_of_the_rfc() {
        let (private, public) = (PrivateKey::from_jwk(PRIVATE).unwrap(), PublicKeys::from_jwks(PUBLIC).unwrap());
        assert!(public.contains(&private));
        assert!(!public.to_json().contains("\"d\""));
        assert!(!format!("{private:?}").contains("nWGx"));
    }

    #[test]
    fn refuses_what_is_no_public_ed25519_key() {
        for (jwks, problem) in [
            ("", "is not a JWKS"),
            (r#"{"keys":[]}"#, "holds no key"),
            (&format!(r#"{{"keys":[{PRIVATE}]}}"#), "holds a private key, which must not be here"),
            (&PUBLIC.replace("Ed25519", "X25519"), "holds a key that is not Ed25519 (kty OKP, crv Ed25519)"),
            (&PUBLIC.replace("11qY", ""), "holds a key whose x is not 32 bytes in base64url"),
            (&PUBLIC.replace("rfc8037", ""), "holds a key without a kid"),
        ] {
            assert_eq!(PublicKeys::from_jwks(jwks).unwrap_err(), KeyError(problem), "{jwks}");
        }
        assert!(PrivateKey::from_jwk(&PUBLIC[9..PUBLIC.len() - 2]).is_err());
    }
}
