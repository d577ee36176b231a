//! The API as one person uses it: sign up, log in, then requests with the token.
//!
//! A POST carries an `Idempotency-Key`, so one that was refused for the moment is simply sent again.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};

use crate::contract::{Account, LoggedIn, NewAccount, Problem};

/// The password of every account that the demo makes: there is nothing behind it but the demo's leads.
pub(crate) const PASSWORD: &str = "seven herons over the harbour";

/// How often a request is sent that is refused for the moment only.
const TRIES: u32 = 6;
/// The longest that the demo waits before it sends a request again.
const WAIT_SECONDS_MAX: u64 = 61;
/// Longer than the app takes for any answer.
const TIMEOUT: Duration = Duration::from_secs(35);

/// One person's way to the app.
pub(crate) struct Client {
    http: reqwest::Client,
    origin: String,
    token: String,
}

impl Client {
    /// Somebody who is not known yet.
    pub(crate) fn new(origin: &str) -> Result<Self> {
        if !origin.starts_with("http://") {
            bail!("--origin takes an address such as http://127.0.0.1:3000; the demo speaks plain HTTP only");
        }
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().context("the HTTP client cannot be made")?;
        Ok(Self { http, origin: origin.trim_end_matches('/').to_owned(), token: String::new() })
    }

    /// Makes an account with its tenant, and logs in.
    pub(crate) async fn sign_up(&mut self, email: &str, tenant_name: &str) -> Result<Account> {
        let new = NewAccount { email, password: PASSWORD, tenant_name };
        let account = self.post("/auth/register", &format!("sign-up-{email}"), &new).await?;
        let path = "/auth/jwt/login";
        let form = [("username", email), ("password", PASSWORD)];
        let answer = self.send(&Asked("POST", path), || self.http.post(self.url(path)).form(&form)).await?;
        self.token = read::<LoggedIn>(&Asked("POST", path), answer).await?.access_token;
        Ok(account)
    }

    /// Reads a resource.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let asked = Asked("GET", path);
        read(&asked, self.send(&asked, || self.authorized(self.http.get(self.url(path)))).await?).await
    }

    /// Posts a body under a key.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, key: &str, body: &impl Serialize) -> Result<T> {
        let asked = Asked("POST", path);
        let request = || self.authorized(self.http.post(self.url(path)).header("idempotency-key", key).json(body));
        read(&asked, self.send(&asked, request).await?).await
    }

    /// Reads a resource and tells only with which status it was answered.
    pub(crate) async fn status_of(&self, path: &str) -> Result<u16> {
        let request = || self.authorized(self.http.get(self.url(path)));
        Ok(self.send(&Asked("GET", path), request).await?.status().as_u16())
    }

    /// Sends a request, and again while the app says to come back later.
    async fn send(&self, asked: &Asked<'_>, request: impl Fn() -> RequestBuilder) -> Result<Response> {
        for _ in 1..TRIES {
            let answer = request().send().await.map_err(|error| self.no_answer(asked, error))?;
            let Some(seconds) = comes_back(&answer) else { return Ok(answer) };
            if seconds > 5 {
                eprintln!("  the app asks to wait {seconds} s");
            }
            tokio::time::sleep(Duration::from_secs(seconds.min(WAIT_SECONDS_MAX))).await;
        }
        request().send().await.map_err(|error| self.no_answer(asked, error))
    }

    fn no_answer(&self, asked: &Asked<'_>, error: reqwest::Error) -> anyhow::Error {
        if error.is_connect() {
            return anyhow!(
                "nothing answers at {}: start the app with `./dev up`, or name it with --origin",
                self.origin
            );
        }
        if error.is_timeout() {
            return anyhow!("{asked} got no answer within {} s: see the app's log", TIMEOUT.as_secs());
        }
        anyhow!(error).context(format!("{asked} failed"))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// What was asked for, for sentences.
struct Asked<'a>(&'static str, &'a str);

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// After how many seconds the app says to try again, if it says so.
fn comes_back(answer: &Response) -> Option<u64> {
    let is_for_the_moment = [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
        .contains(&answer.status());
    let seconds = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    is_for_the_moment.then_some(seconds)
}

/// The answer's body, or the refusal as one sentence.
async fn read<T: DeserializeOwned>(asked: &Asked<'_>, answer: Response) -> Result<T> {
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| format!("{asked} broke off in its answer"))?;
    if !status.is_success() {
        bail!("{asked} answered {status}{}", refusal(&body));
    }
    serde_json::from_slice(&body).with_context(|| format!("{asked} answered {status} with something unexpected"))
}

/// `, code: detail (place: what)`; nothing for a body that is no problem document.
fn refusal(body: &[u8]) -> String {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return ": is another service listening there?".to_owned();
    };
    let detail = problem.detail.as_str().map_or_else(|| problem.detail.to_string(), str::to_owned);
    let errors = problem.errors.iter().map(|error| {
        let place = error.pointer.as_deref().or(error.parameter.as_deref()).unwrap_or("?");
        format!(" ({place}: {})", error.detail)
    });
    format!(", {}: {detail}{} [request {}]", problem.code, errors.collect::<String>(), problem.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_sentence() {
        let body = br#"{"code":"validation_failed","detail":"Some fields are not valid.","request_id":"req_1",
                        "errors":[{"pointer":"/email","detail":"an address is wanted"}]}"#;
        assert_eq!(
            refusal(body),
            ", validation_failed: Some fields are not valid. (/email: an address is wanted) [request req_1]"
        );
        assert_eq!(refusal(b"<html>"), ": is another service listening there?");
    }

    #[test]
    fn only_plain_http_is_spoken() {
        assert!(Client::new("https://example.com").is_err());
        assert_eq!(Client::new("http://127.0.0.1:3000/").unwrap().url("/leads"), "http://127.0.0.1:3000/leads");
    }

    #[tokio::test]
    async fn says_how_to_start_the_app() {
        // A port of this machine that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}")).unwrap();
        let error = client.get::<serde_json::Value>("/leads").await.unwrap_err().to_string();
        assert!(error.contains("./dev up"), "{error}");
    }
}
