//! An answer of the app, and what a test may say about it.

use reqwest::{Response, StatusCode, header::HeaderMap};
use serde_json::Value;

/// What came back, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
    request: String,
}

impl Answer {
    pub(crate) async fn read(request: String, response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.expect("the body is readable").to_vec();
        Self { status, headers, body, request }
    }

    /// The body as JSON; null where there is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer must have this status; gives its JSON.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}: {}", self.request, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The answer must be a whole problem document with this status and code; gives it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.request);
        assert_eq!(problem["code"], code, "{}: {problem}", self.request);
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("urn:bizosaas:problem:{code}"));
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        for member in ["title", "detail"] {
            assert!(!problem[member].is_null() && problem[member] != "", "{member} of {problem}");
        }
        problem
    }

    /// The answer must refuse the input at exactly these pointers or parameters.
    #[track_caller]
    pub fn invalid(&self, places: &[&str]) {
        let problem = self.problem(422, "validation_failed");
        let found: Vec<&str> = problem["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| error["pointer"].as_str().expect("a pointer"))
            .collect();
        assert_eq!(found, places, "{}: {problem}", self.request);
    }
}
