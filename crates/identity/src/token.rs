//! Access tokens: JWTs (RFC 7519) signed with Ed25519 (RFC 8037), typed as RFC 9068 has it (`typ: at+jwt`).
//!
//! The compact form (RFC 7515, 7.1) is read here, over `ed25519-dalek`: a JWT library would bring RSA and the NIST
//! curves along, a third of a component's size, to accept what is refused anyway (ADR 0005).
//!
//! Pure: the time is an argument. The header may hold `alg`, `typ` and `kid` and nothing else, so `crit`, embedded
//! keys and key addresses are refused with everything unknown; every claim is required and checked. A token carries
//! no role: the database is asked for it in the statement that does the work.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{Signature, Signer};
use ids::{SessionId, TenantId, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    PrivateKey, PublicKeys,
    verified_tokens::{self, VerifiedTokens},
};

/// How far two clocks may be apart.
const LEEWAY_SECONDS: i64 = 5;
/// Longer than any token of ours, shorter than what costs anything to hash.
const TOKEN_BYTES_MAX: usize = 2048;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who made the token.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The tenant they act in; absent for a person without a membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// The session it belongs to.
    pub sid: SessionId,
    /// When it was made, in seconds of Unix time.
    pub iat: i64,
    /// From when on it is valid.
    pub nbf: i64,
    /// Until when it is valid.
    pub exp: i64,
    /// Its own id.
    pub jti: TokenId,
}

/// The protected header, as we write it and as we accept it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtectedHeader<'a> {
    alg: Cow<'a, str>,
    typ: Cow<'a, str>,
    kid: Cow<'a, str>,
}

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";

/// Why a token is not accepted. The client learns no more than that it is not valid, or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// Not three parts of base64url, too long, or not our header or claims.
    Malformed,
    /// Another algorithm, type, or a key that we do not have.
    Unaccepted,
    /// The signature is not of this key over these bytes.
    BadSignature,
    /// Made by or for somebody else.
    Foreign,
    /// Not valid any more.
    Expired,
    /// Not valid yet.
    NotYetValid,
}

/// Verifies tokens: the keys, and whose tokens for whom are accepted.
#[derive(Debug)]
pub struct Verifier {
    keys: PublicKeys,
    issuer: String,
    audience: String,
    verified: VerifiedTokens,
}

impl Verifier {
    /// A verifier of `issuer`'s tokens for `audience`.
    pub fn new(keys: PublicKeys, issuer: &str, audience: &str) -> Self {
        Self { keys, issuer: issuer.to_owned(), audience: audience.to_owned(), verified: VerifiedTokens::default() }
    }

    /// The keys, as clients may fetch them.
    pub fn keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// Whom tokens are made by and for.
    pub fn issuer_and_audience(&self) -> (&str, &str) {
        (&self.issuer, &self.audience)
    }

    /// The claims of a valid token.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Malformed);
        }
        let digest = verified_tokens::digest(token);
        if let Some(claims) = self.verified.find(&digest) {
            return timely(claims, now);
        }
        let claims = timely(self.authentic(token)?, now)?;
        self.verified.keep(digest, &claims, now);
        Ok(claims)
    }

    /// The claims of a token that is ours and for us, whatever the time.
    fn authentic(&self, token: &str) -> Result<Claims, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let header = decoded(header)?;
        let header: ProtectedHeader<'_> = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.alg != ALGORITHM || header.typ != TYPE {
            return Err(TokenError::Unaccepted);
        }
        let key = self.keys.find(&header.kid).ok_or(TokenError::Unaccepted)?;
        let signature = Signature::from_slice(&decoded(signature)?).map_err(|_| TokenError::BadSignature)?;
        key.verify_strict(message.as_bytes(), &signature).map_err(|_| TokenError::BadSignature)?;

        let claims: Claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| TokenError::Malformed)?;
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenError::Foreign);
        }
        Ok(claims)
    }
}

/// The claims, if their time has come and not gone.
fn timely(claims: Claims, now: DateTime<Utc>) -> Result<Claims, TokenError> {
    let now = now.timestamp();
    if now >= claims.exp.saturating_add(LEEWAY_SECONDS) {
        return Err(TokenError::Expired);
    }
    if now < claims.nbf.saturating_sub(LEEWAY_SECONDS) || now < claims.iat.saturating_sub(LEEWAY_SECONDS) {
        return Err(TokenError::NotYetValid);
    }
    Ok(claims)
}

/// Base64url without padding (RFC 7515, 2).
fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// Signs a token.
pub fn sign(key: &PrivateKey, claims: &Claims) -> String {
    let header = ProtectedHeader { alg: ALGORITHM.into(), typ: TYPE.into(), kid: (&*key.kid).into() };
    // Neither can fail: both are structs of texts and numbers.
    let [header, claims] = [serde_json::to_vec(&header), serde_json::to_vec(claims)].map(Result::unwrap_or_default);
    signed(key, &header, &claims)
}

/// The compact form of a header and a payload.
fn signed(key: &PrivateKey, header: &[u8], payload: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = URL_SAFE_NO_PAD.encode(key.key.sign(message.as_bytes()).to_bytes());
    format!("{message}.{signature}")
}

impl Claims {
    /// The claims of a new token of a session, valid from now on for `lifetime`.
    pub fn new(
        verifier: &Verifier,
        user: UserId,
        tenant: Option<TenantId>,
        session: SessionId,
        token: TokenId,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Self {
        let (issuer, audience) = verifier.issuer_and_audience();
        Self {
            iss: issuer.to_owned(),
            aud: audience.to_owned(),
            sub: user,
            tid: tenant,
            sid: session,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + lifetime).timestamp(),
            jti: token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{PRIVATE, PUBLIC};
    use serde_json::{Value, json};

    fn verifier() -> Verifier {
        Verifier::new(PublicKeys::from_jwks(PUBLIC).unwrap(), "issuer", "audience")
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn claims() -> Claims {
        let (user, tenant, session) = (UserId::new(), Some(TenantId::new()), SessionId::new());
        Claims::new(&verifier(), user, tenant, session, TokenId::new(), now(), TimeDelta::seconds(600))
    }

    #[test]
    fn a_token_that_was_verified_is_believed_again_but_not_beyond_its_time() {
        let (verifier, claims) = (verifier(), claims());
        let token = sign(&PrivateKey::from_jwk(PRIVATE).unwrap(), &claims);
        for _ in 0..3 {
            assert_eq!(verifier.verify(&token, now()).as_ref(), Ok(&claims));
        }
        assert_eq!(verifier.verified.len(), 1);
        assert_eq!(verifier.verify(&token, now() + TimeDelta::seconds(605)), Err(TokenError::Expired));
        assert_eq!(verifier.verify(&token, now() - TimeDelta::seconds(6)), Err(TokenError::NotYetValid));
        // Every other text is another token, however much of it is the same.
        for at in (0..token.len()).step_by(9) {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(verifier.verify(&String::from_utf8(other).unwrap(), now()).is_err(), "byte {at}");
        }
        assert_eq!(verifier.verified.len(), 1, "nothing that is refused is kept");
    }

    #[test]
    fn only_so_many_tokens_are_kept() {
        let (verifier, key) = (verifier(), PrivateKey::from_jwk(PRIVATE).unwrap());
        for _ in 0..140 {
            let claims = claims();
            assert_eq!(verifier.verify(&sign(&key, &claims), now()).as_ref(), Ok(&claims));
            assert!(verifier.verified.len() <= 128);
        }
    }

    /// A token over any header and claims, correctly signed with our key.
    fn signed(header: &Value, claims: &str) -> String {
        super::signed(&PrivateKey::from_jwk(PRIVATE).unwrap(), header.to_string().as_bytes(), claims.as_bytes())
    }

    /// RFC 8037, A.4.
    #[test]
    fn signs_as_the_rfc_does() {
        let key = PrivateKey::from_jwk(PRIVATE).unwrap();
        assert_eq!(
            super::signed(&key, br#"{"alg":"EdDSA"}"#, b"Example of Ed25519 signing"),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d\
             WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    fn our_header() -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "rfc8037" })
    }

    #[test]
    fn a_signed_token_says_what_was_signed() {
        let claims = claims();
        let token = sign(&PrivateKey::from_jwk(PRIVATE).unwrap(), &claims);
        assert_eq!(verifier().verify(&token, now()), Ok(claims.clone()));
        let tenantless = Claims { tid: None, ..claims };
        let token = sign(&PrivateKey::from_jwk(PRIVATE).unwrap(), &tenantless);
        assert_eq!(verifier().verify(&token, now()), Ok(tenantless));
    }

    #[test]
    fn lives_from_nbf_to_exp_with_five_seconds_of_leeway() {
        let token = sign(&PrivateKey::from_jwk(PRIVATE).unwrap(), &claims());
        let at = |seconds| verifier().verify(&token, now() + TimeDelta::seconds(seconds)).map(|_| ());
        assert_eq!(at(-6), Err(TokenError::NotYetValid));
        assert_eq!(at(-5), Ok(()));
        assert_eq!(at(604), Ok(()));
        assert_eq!(at(605), Err(TokenError::Expired));
    }

    #[test]
    fn only_our_header_is_accepted() {
        let claims = serde_json::to_string(&claims()).unwrap();
        assert!(verifier().verify(&signed(&our_header(), &claims), now()).is_ok());
        let with = |member: &str, value: Value| {
            let mut header = our_header();
            header[member] = value;
            verifier().verify(&signed(&header, &claims), now()).unwrap_err()
        };
        for alg in ["none", "None", "HS256", "RS256", "ES256", ""] {
            assert_eq!(with("alg", json!(alg)), TokenError::Unaccepted, "{alg}");
        }
        assert_eq!(with("typ", json!("JWT")), TokenError::Unaccepted);
        assert_eq!(with("kid", json!("another")), TokenError::Unaccepted);
        for (member, value) in
            [("crit", json!(["exp"])), ("jwk", json!({})), ("jku", json!("http://evil")), ("b64", json!(false))]
        {
            assert_eq!(with(member, value), TokenError::Malformed, "{member}");
        }
        for missing in ["alg", "typ", "kid"] {
            let mut header = our_header();
            header.as_object_mut().unwrap().remove(missing);
            assert_eq!(verifier().verify(&signed(&header, &claims), now()), Err(TokenError::Malformed), "{missing}");
        }
    }

    #[test]
    fn every_claim_is_required_and_checked() {
        let ours = serde_json::to_value(claims()).unwrap();
        for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"] {
            let mut without = ours.clone();
            without.as_object_mut().unwrap().remove(claim);
            assert_eq!(
                verifier().verify(&signed(&our_header(), &without.to_string()), now()),
                Err(TokenError::Malformed),
                "{claim}"
            );
        }
        for (claim, value, error) in [
            ("iss", json!("another"), TokenError::Foreign),
            ("aud", json!("another"), TokenError::Foreign),
            ("aud", json!(["audience"]), TokenError::Malformed),
            ("sub", json!("ten_01h455vb4pex5vsknk084sn02q"), TokenError::Malformed),
            ("exp", json!("1800000600"), TokenError::Malformed),
            ("role", json!("owner"), TokenError::Malformed),
        ] {
            let mut changed = ours.clone();
            changed[claim] = value;
            assert_eq!(verifier().verify(&signed(&our_header(), &changed.to_string()), now()), Err(error), "{claim}");
        }
        let twice = ours.to_string().replacen('{', "{\"exp\":1,", 1);
        assert_eq!(verifier().verify(&signed(&our_header(), &twice), now()), Err(TokenError::Malformed));
    }

    #[test]
    fn nothing_but_the_signed_bytes_is_accepted() {
        let token = sign(&PrivateKey::from_jwk(PRIVATE).unwrap(), &claims());
        for end in 0..token.len() {
            assert!(verifier().verify(&token[..end], now()).is_err(), "cut at {end}");
        }
        for at in (0..token.len()).step_by(9) {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verifier().verify(&changed, now()).is_err(), "changed at {at}");
        }
        for odd in ["", ".", "..", "...", "a.b.c", &"x".repeat(5000), &format!("{token}.x"), &format!("{token}=")] {
            assert!(verifier().verify(odd, now()).is_err(), "{odd}");
        }
    }
}
