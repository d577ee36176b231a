//! Cross-origin requests: an allow-list of origins, from `cors_origins`. No cookies exist, so credentials are never
//! allowed; the bearer token travels in a header that the page's own script sets.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, if-match, x-request-id");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, x-request-id",
);

/// The origins that may call from a browser.
#[derive(Debug)]
pub(crate) struct Cors(Vec<String>);

impl Cors {
    /// Reads origins separated by commas; `*` and anything with a path is no origin and matches none.
    pub(crate) fn new(origins: &str) -> Self {
        Self(
            origins
                .split(',')
                .map(|origin| origin.trim().trim_end_matches('/').to_owned())
                .filter(|o| !o.is_empty())
                .collect(),
        )
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let text = origin.to_str().ok()?;
        self.0.iter().any(|allowed| allowed == text).then(|| origin.clone())
    }

    /// Answers a preflight; other requests are not this module's to answer.
    pub(crate) fn preflight<B>(&self, request: &Request<B>) -> Option<Response> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = StatusCode::NO_CONTENT.into_response();
        if self.allowed(headers).is_some() {
            let answer = response.headers_mut();
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
        Some(response)
    }

    /// Lets an allowed origin's script read the answer.
    pub(crate) fn mark(&self, sent: &HeaderMap, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.allowed(sent) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(origins: &str, origin: &'static str) -> HeaderMap {
        let sent = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        let mut answer = HeaderMap::new();
        Cors::new(origins).mark(&sent, &mut answer);
        answer
    }

    #[test]
    fn only_listed_origins_are_let_in() {
        let list = "https://app.example.com, https://admin.example.com/";
        for origin in ["https://app.example.com", "https://admin.example.com"] {
            assert_eq!(answer(list, origin)[header::ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        }
        for origin in
            ["https://evil.example", "http://app.example.com", "https://app.example.com.evil.example", "null", "*"]
        {
            let answer = answer(list, origin);
            assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
            assert_eq!(answer[header::VARY], "origin");
        }
        assert!(answer("", "https://app.example.com").is_empty());
        assert!(answer("*", "https://app.example.com").get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_none());
    }

    #[test]
    fn answers_preflights_and_nothing_else() {
        let cors = Cors::new("https://app.example.com");
        let preflight = Request::options("/leads")
            .header(header::ORIGIN, "https://app.example.com")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        let response = cors.preflight(&preflight.body(()).unwrap()).unwrap();
        assert!(response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_METHODS));
        assert!(cors.preflight(&Request::options("/leads").body(()).unwrap()).is_none());
        assert!(cors.preflight(&Request::get("/leads").body(()).unwrap()).is_none());
    }
}
