//! The extractors: a handler that takes one of these has a caller; one that takes none has no way to a row.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use api::{App, Clock, Notes, Problem, SettingError, bearer};
use axum::extract::{FromRef, FromRequestParts};
use db::Entry;
use http::{HeaderMap, request::Parts};
use sha2::{Digest, Sha256};

use crate::{Caller, Claims, TokenError, Verifier, caller::Key, right::Right};

/// What every API key begins with.
pub const API_KEY_START: &str = "bizo_";

/// A caller whose role in the token's tenant must hold the right `R`; every statement of theirs checks it again.
#[derive(Debug)]
pub struct Authorized<R>(Caller, PhantomData<R>);

/// A caller as a person: in the token's tenant if it names one, whatever their role there.
#[derive(Debug)]
pub struct Person(Caller, Claims);

impl<R> Deref for Authorized<R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Deref for Person {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Person {
    /// What the person's token says.
    pub fn claims(&self) -> &Claims {
        &self.1
    }
}

impl<S, R> FromRequestParts<S> for Authorized<R>
where
    S: Send + Sync,
    Arc<App>: FromRef<S>,
    Arc<Result<Verifier, SettingError>>: FromRef<S>,
    R: Right,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (app, verifier) = (Arc::<App>::from_ref(state), Arc::from_ref(state));
        let scope = R::IS_SCOPE.then_some(R::NAME);
        let caller = member(app, verifier, parts, R::ROLES, scope).await?;
        Ok(Self(caller, PhantomData))
    }
}

/// The caller who acts in a tenant: with a token, or with an API key where `scope` is one that a key may have. Compiled
/// once for all rights.
async fn member(
    app: Arc<App>,
    verifier: Arc<Result<Verifier, SettingError>>,
    parts: &mut Parts,
    roles: &'static [&'static str],
    scope: Option<&'static str>,
) -> Result<Caller, Problem> {
    if let Some(hash) = api_key_hash(&parts.headers) {
        let key = count_key(&app, hash, parts).await?;
        // Whether it is a key is for the statement to find that does the work.
        let scope = scope.ok_or_else(no_key_may)?;
        return Ok(Caller::with_key(app, Entry::Key { hash, scope, roles }, key));
    }
    let claims = verified(&app, &verifier, parts).await?;
    let entry = tenant_entry(&claims, Some(roles)).ok_or_else(|| {
        Problem::forbidden("The token names no tenant: log in to one, or become a member of one first.")
    })?;
    Ok(Caller::new(app, Some(claims), entry))
}

impl<S> FromRequestParts<S> for Person
where
    S: Send + Sync,
    Arc<App>: FromRef<S>,
    Arc<Result<Verifier, SettingError>>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let (app, verifier) = (Arc::<App>::from_ref(state), Arc::from_ref(state));
        if let Some(hash) = api_key_hash(&parts.headers) {
            count_key(&app, hash, parts).await?;
            return Err(no_key_may());
        }
        let claims = verified(&app, &verifier, parts).await?;
        let entry = tenant_entry(&claims, None)
            .unwrap_or_else(|| Entry::Person { user: claims.sub.uuid(), session: claims.sid.uuid() });
        Ok(Self(Caller::new(app, Some(claims.clone()), entry), claims))
    }
}

/// SHA-256 of the API key that the request brings, if it brings one in place of a token. What cannot be a key is none, and
/// counts like any other made-up token.
fn api_key_hash(headers: &HeaderMap) -> Option<[u8; 32]> {
    let key = bearer(headers).ok().filter(|key| is_api_key(key))?;
    Some(Sha256::digest(key).into())
}

/// Whether a text has the form of a key: its start, and 256 bits in base64 for URLs.
fn is_api_key(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.strip_prefix(API_KEY_START).is_some_and(|bits| bits.len() == 43 && bits.bytes().all(is_letter))
}

/// Counts a request with a key; tells what is known of the key.
async fn count_key(app: &App, digest: [u8; 32], parts: &mut Parts) -> Result<Key, Problem> {
    let Ok(clock) = Clock::from_request_parts(parts, &()).await;
    let now = clock.now();
    let tenant = app.tenant_of_key(&digest, now).await;
    api::count_key(app, parts, &digest, tenant.map(|known| known.tenant)).await?;
    Ok(Key { digest, tenant, now, notes: Notes::of(parts).cloned() })
}

/// Refuses a key before anything is looked up: no key may do this, whoever made it.
fn no_key_may() -> Problem {
    Problem::forbidden("No API key may do this: log in as a person.")
}

fn tenant_entry(claims: &Claims, roles: Option<&'static [&'static str]>) -> Option<Entry> {
    let tenant = claims.tid?.uuid();
    Some(Entry::Tenant { tenant, user: claims.sub.uuid(), session: claims.sid.uuid(), roles })
}

/// The claims of a valid token, counted against its user and tenant; who has none counts as a visitor.
async fn verified(app: &App, verifier: &Result<Verifier, SettingError>, parts: &mut Parts) -> Result<Claims, Problem> {
    let Ok(clock) = Clock::from_request_parts(parts, &()).await;
    let verifier = verifier.as_ref().map_err(Clone::clone)?;
    let claims = match bearer(&parts.headers).and_then(|token| claims(verifier, token, clock)) {
        Ok(claims) => claims,
        Err(problem) => {
            api::count_visitor(app, parts).await?;
            return Err(problem);
        }
    };
    let notes = Notes::of(parts);
    if let (Some(notes), Some(tenant)) = (notes, claims.tid) {
        notes.tenant(tenant);
    }
    api::count_member(app, parts, claims.sub, claims.tid).await?;
    Ok(claims)
}

fn claims(verifier: &Verifier, token: &str, clock: Clock) -> Result<Claims, Problem> {
    verifier.verify(token, clock.now()).map_err(|error| {
        let detail = match error {
            TokenError::Expired => "The access token has expired: log in again.",
            _ => "The access token is not valid.",
        };
        Problem::unauthenticated(detail).caused_by(format_args!("token: {error:?}"))
    })
}

/// Reads the verifier's settings; what is wrong is named where a token is to be verified, and in `/readyz`.
impl Verifier {
    /// A verifier as the component's variables describe it.
    pub fn from_settings(settings: &api::Settings) -> Result<Self, SettingError> {
        let keys = crate::PublicKeys::from_jwks(settings.required("jwt_public_keys")?)
            .map_err(|error| SettingError { name: "jwt_public_keys", problem: error.0 })?;
        Ok(Self::new(keys, settings.required("jwt_issuer")?, settings.required("jwt_audience")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_form_of_a_key_is_taken_for_one() {
        let bits = "Yx3kQ0v-_Yx3kQ0v-_Yx3kQ0v-_Yx3kQ0v-_Yx3kQ0v";
        assert!(is_api_key(&format!("bizo_{bits}")));
        for other in ["bizo_", "bizo_guess", &format!("bizo_{bits}x"), &format!("bizo_{}.", &bits[1..]), bits] {
            assert!(!is_api_key(other), "{other}");
        }
    }
}
