//! The pair that signs access tokens, as JSON Web Keys (RFC 7517, RFC 8037), each on one line.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The private key of a 32-byte seed.
pub(crate) fn private_jwk(seed: &[u8; 32]) -> String {
    let public = SigningKey::from_bytes(seed).verifying_key();
    let x = URL_SAFE_NO_PAD.encode(public.as_bytes());
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
        "kid": thumbprint(&x), "x": x, "d": URL_SAFE_NO_PAD.encode(seed),
    })
    .to_string()
}

/// The set that holds the public half of `private`, and nothing that only the private half may hold.
pub(crate) fn public_jwks(private: &str) -> Result<String> {
    let mut key: Map<String, Value> = serde_json::from_str(private).context("the private key is not JSON")?;
    key.remove("d").context("the private key has no `d`")?;
    Ok(json!({ "keys": [key] }).to_string())
}

/// RFC 7638: the hash of the required members in alphabetical order, without white space.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair and the thumbprint of RFC 8037, appendix A.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key: Value = serde_json::from_str(&private_jwk(&seed.try_into().unwrap())).unwrap();
        assert_eq!(key["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key["d"], "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        assert_eq!(key["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_public_set_has_no_private_part() {
        let public = public_jwks(&private_jwk(&[7; 32])).unwrap();
        let set: Value = serde_json::from_str(&public).unwrap();
        assert_eq!(set["keys"][0]["kty"], "OKP");
        assert!(set["keys"][0].get("d").is_none());
        assert!(!public.contains('\n'));
    }
}
