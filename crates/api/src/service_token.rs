//! The service token: what neighbours and the scheduler show to routes that are not for people.
//!
//! What must stay true: the token is kept as SHA-256 and compared in constant time; without one in the variables nobody
//! gets in.

use std::{fmt, sync::Arc};

use axum::extract::{FromRef, FromRequestParts};
use http::{HeaderMap, request::Parts};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{App, Problem, SettingError, Settings, Visitor, bearer};

/// What is shorter could be guessed.
const TOKEN_CHARS_MIN: usize = 32;

/// The deployment's service token, as SHA-256. `Debug` shows nothing.
pub struct ServiceToken([u8; 32]);

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceToken { .. }")
    }
}

impl ServiceToken {
    /// Its variable; a component that has such routes adds it to those it loads.
    pub const SETTING: &'static str = "service_token";

    /// Reads the setting.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let token = settings.required(Self::SETTING)?;
        if token.len() < TOKEN_CHARS_MIN {
            return Err(SettingError { name: Self::SETTING, problem: "has less than 32 characters" });
        }
        Ok(Self(Sha256::digest(token).into()))
    }

    /// Whether the request shows it.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Ok(token) = bearer(headers) else { return false };
        let digest: [u8; 32] = Sha256::digest(token).into();
        digest.ct_eq(&self.0).into()
    }
}

/// A neighbour that shows the service token; whoever shows another is told so (401), and counts as a visitor.
#[derive(Debug)]
pub struct ServiceCaller(());

/// The scheduler, at routes under `/internal`: whoever does not show the service token finds nothing there (404).
#[derive(Debug)]
pub struct InternalCaller(());

impl<S> FromRequestParts<S> for ServiceCaller
where
    S: Sync,
    Arc<App>: FromRef<S>,
    Arc<Result<ServiceToken, SettingError>>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = Arc::<Result<ServiceToken, SettingError>>::from_ref(state);
        let token = token.as_ref().as_ref().map_err(Clone::clone)?;
        if token.is_shown(&parts.headers) {
            return Ok(Self(()));
        }
        Visitor::from_request_parts(parts, state).await?;
        Err(Problem::unauthenticated("This route is for services: send `Authorization: Bearer` and the service token."))
    }
}

impl<S> FromRequestParts<S> for InternalCaller
where
    S: Sync,
    Arc<Result<ServiceToken, SettingError>>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Arc::<Result<ServiceToken, SettingError>>::from_ref(state).as_ref() {
            Ok(token) if token.is_shown(&parts.headers) => Ok(Self(())),
            Ok(_) => Err(Problem::route_not_found()),
            Err(error) => Err(Problem::route_not_found().caused_by(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use http::header;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[derive(Clone)]
    struct State(Arc<Result<ServiceToken, SettingError>>);

    impl FromRef<State> for Arc<Result<ServiceToken, SettingError>> {
        fn from_ref(state: &State) -> Self {
            state.0.clone()
        }
    }

    fn read(token: &str) -> Result<ServiceToken, SettingError> {
        ServiceToken::from_settings(&Settings::from_values([("service_token", token)]))
    }

    fn enters(configured: &str, shown: Option<&str>) -> bool {
        let mut request = http::Request::get("/internal/x");
        if let Some(shown) = shown {
            request = request.header(header::AUTHORIZATION, format!("Bearer {shown}"));
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let state = State(Arc::new(read(configured)));
        match block_on(InternalCaller::from_request_parts(&mut parts, &state)) {
            Ok(_) => true,
            Err(problem) => {
                assert_eq!(problem.code(), "route_not_found");
                false
            }
        }
    }

    #[test]
    fn only_the_whole_token_opens() {
        assert!(enters(TOKEN, Some(TOKEN)));
        for shown in [None, Some(""), Some(&TOKEN[1..]), Some("0123456789ABCDEF0123456789ABCDEF"), Some("x")] {
            assert!(!enters(TOKEN, shown), "{shown:?}");
        }
    }

    #[test]
    fn without_a_token_nobody_enters() {
        for configured in ["", "short"] {
            assert!(!enters(configured, Some(configured)) && !enters(configured, None), "{configured:?}");
        }
        assert_eq!(read("").unwrap_err().to_string(), "the variable `service_token` is empty");
        assert_eq!(read("short").unwrap_err().to_string(), "the variable `service_token` has less than 32 characters");
        assert!(!format!("{:?}", read(TOKEN)).contains("0123"));
    }
}
