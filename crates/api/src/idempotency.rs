//! `Idempotency-Key`: the same key and body give the same answer, once done.
//!
//! [`Posted`] reads the body and the key together; the claim it makes travels into the statement that does the work
//! ([`db::Db::call_once`]), and [`answer_once`] turns what came of it into the answer. What must stay true: nothing
//! looks first and inserts later, and a body that may hold a password is fingerprinted under a key.

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, MatchedPath},
    response::Response,
};
use chrono::SecondsFormat;
use db::{Claim, Once};
use garde::Validate;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Clock, Problem, json::read_json};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY_CHARS_MAX: usize = 255;

/// A JSON body that is posted, with the claim that its `Idempotency-Key` makes, if it has one.
#[derive(Debug)]
pub struct Posted<T> {
    /// The body.
    pub body: T,
    /// What makes a repeat of this request the same request.
    pub claim: Option<Claim>,
}

impl<S: Sync, T: DeserializeOwned + Validate<Context = ()>> FromRequest<S> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Ok(clock) = Clock::from_request_parts(&mut parts, state).await;
        let key = idempotency_key(&parts.headers)?;
        let (value, bytes) = read_json(&parts.headers, body).await?;
        let claim = key.map(|key| Claim {
            route: route(&parts),
            key,
            fingerprint: fingerprint(&parts.headers, &bytes),
            at: clock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
        });
        Ok(Self { body: value, claim })
    }
}

/// What must be the same in a repeat: the body, and the version that it was meant for.
fn fingerprint(headers: &HeaderMap, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(body);
    for tag in headers.get_all(header::IF_MATCH) {
        digest.update(b"\0if-match\0");
        digest.update(tag.as_bytes());
    }
    digest.finalize().into()
}

/// Method and path: two resources are two routes to a key, also where one pattern serves both.
fn route(parts: &Parts) -> String {
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let path = if path.contains('{') { parts.uri.path() } else { path };
    format!("{} {path}", parts.method).chars().take(200).collect()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let is_key =
        |key: &&str| (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match (first.to_str().ok().filter(is_key), values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_idempotency_key",
            "The Idempotency-Key is not valid",
            "Send one Idempotency-Key of 1 to 255 visible ASCII characters without spaces, such as a UUID.",
        )),
    }
}

/// Answers a unit of work that may be a repeat: `answer` decides on the outcome, the same way for first and repeat.
pub fn answer_once<T>(once: Once<T>, answer: impl FnOnce(T) -> Response) -> Result<Response, Problem> {
    match once {
        Once::Done(outcome) => Ok(answer(outcome)),
        Once::Replayed(outcome) => {
            let mut response = answer(outcome);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Once::Mismatch => Err(Problem::idempotency_key_reused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_visible_key() {
        let headers = |keys: &[&str]| {
            keys.iter().fold(HeaderMap::new(), |mut headers, key| {
                headers.append(HEADER, HeaderValue::from_bytes(key.as_bytes()).unwrap());
                headers
            })
        };
        assert_eq!(idempotency_key(&headers(&[])).unwrap(), None);
        assert_eq!(idempotency_key(&headers(&["a-1"])).unwrap().as_deref(), Some("a-1"));
        assert!(idempotency_key(&headers(&[&"k".repeat(255)])).is_ok());
        for keys in [&["a", "b"][..], &[""], &["a b"], &["\u{e9}"], &[&"k".repeat(256)]] {
            assert_eq!(idempotency_key(&headers(keys)).unwrap_err().code(), "invalid_idempotency_key");
        }
    }
}
