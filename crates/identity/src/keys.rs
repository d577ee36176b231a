//! Ed25519 keys as JWKs (RFC 8037): the private one of auth, and the public ones that every component verifies with.
//!
//! Several public keys are alive while they rotate; a token's `kid` chooses one. Private key material never appears
//! in `Debug` or in an error.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::Deserialize;

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
    /// The public key, unpacked once for an instance.
    fn public_key(&self) -> Result<VerifyingKey, KeyError> {
        if self.kty != "OKP" || self.crv != "Ed25519" {
            return Err(KeyError("holds a key that is not Ed25519 (kty OKP, crv Ed25519)"));
        }
        if self.kid.is_empty() {
            return Err(KeyError("holds a key without a kid"));
        }
        let x = bytes(&self.x).ok_or(KeyError("holds a key whose x is not 32 bytes in base64url"))?;
        match VerifyingKey::from_bytes(&x) {
            Ok(key) if !key.is_weak() => Ok(key),
            _ => Err(KeyError("holds a key whose x is no point to verify with")),
        }
    }
}

fn bytes(base64url: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(base64url).ok()?.try_into().ok()
}

/// The key that access tokens are signed with.
pub struct PrivateKey {
    pub(crate) kid: String,
    pub(crate) key: SigningKey,
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
        let public = jwk.public_key()?;
        let seed = jwk.d.as_deref().and_then(bytes);
        let key = SigningKey::from_bytes(&seed.ok_or(KeyError("holds a key whose d is not 32 bytes in base64url"))?);
        if key.verifying_key() != public {
            return Err(KeyError("holds a key whose x is not the public half of its d"));
        }
        Ok(Self { kid: jwk.kid, key })
    }
}

/// The keys that access tokens are verified with.
pub struct PublicKeys {
    keys: Vec<(String, VerifyingKey)>,
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
        let mut keys: Vec<(String, VerifyingKey)> = Vec::new();
        let mut public = Vec::new();
        for jwk in set.keys {
            let key = jwk.public_key()?;
            if jwk.d.is_some() {
                return Err(KeyError("holds a private key, which must not be here"));
            }
            if keys.iter().any(|(kid, _)| *kid == jwk.kid) {
                return Err(KeyError("holds two keys with one kid"));
            }
            public.push(serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": jwk.kid, "x": jwk.x,
            }));
            keys.push((jwk.kid, key));
        }
        Ok(Self { keys, json: serde_json::json!({ "keys": public }).to_string() })
    }

    /// The key that a token names.
    pub(crate) fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|(known, _)| known == kid).map(|(_, key)| key)
    }

    /// Whether the set holds the public half of this key, under its id.
    pub fn contains(&self, private: &PrivateKey) -> bool {
        self.find(&private.kid) == Some(&private.key.verifying_key())
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
        let stranger = PUBLIC
            .replace("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw");
        assert!(!PublicKeys::from_jwks(&stranger).unwrap().contains(&private), "the same kid, another key");
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
            // The identity point, under which anybody can sign anything.
            (
                &PUBLIC.replace(
                    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                ),
                "holds a key whose x is no point to verify with",
            ),
        ] {
            assert_eq!(PublicKeys::from_jwks(jwks).unwrap_err(), KeyError(problem), "{jwks}");
        }
        assert!(PrivateKey::from_jwk(&PUBLIC[9..PUBLIC.len() - 2]).is_err());
        let other_half = PRIVATE.replace("nWGx", "nWGy");
        let problem = "holds a key whose x is not the public half of its d";
        assert_eq!(PrivateKey::from_jwk(&other_half).unwrap_err(), KeyError(problem));
    }
}
