//! The log: one JSON line a request, written at once, at most 4,096 bytes.
//!
//! It holds method, route pattern, status, duration, tenant, request id, and for a refusal its code and cause; never
//! a token, a password, an email address, a path's or query's values, or a body. See `docs/logging.md`.

use std::{io::Write, time::Duration};

use http::Method;
use ids::TenantId;
use serde::Serialize;

/// The longest line, line feed included: what a pipe takes in one piece.
const LINE_BYTES_MAX: usize = 4096;

/// One line.
#[derive(Serialize)]
pub(crate) struct Line<'a> {
    level: &'static str,
    component: &'static str,
    method: &'a str,
    route: &'a str,
    status: u16,
    duration_ms: f64,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

/// What the middleware knows at the end of a request.
pub(crate) struct Finished<'a> {
    pub(crate) component: &'static str,
    pub(crate) method: &'a Method,
    pub(crate) route: Option<&'a str>,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    pub(crate) request_id: &'a str,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) problem: Option<(&'a str, Option<&'a str>)>,
}

impl Finished<'_> {
    fn line(&self) -> Vec<u8> {
        let mut line = Line {
            level: if self.status >= 500 { "error" } else { "info" },
            component: self.component,
            // A method may be any token that a client makes up.
            method: if is_common(self.method) { self.method.as_str() } else { "OTHER" },
            route: self.route.unwrap_or("none"),
            status: self.status,
            duration_ms: self.took.as_micros() as f64 / 1000.0,
            request_id: self.request_id,
            tenant: self.tenant.map(|tenant| tenant.to_string()),
            code: self.problem.map(|(code, _)| code),
            cause: self.problem.and_then(|(_, cause)| cause),
        };
        let mut json = serde_json::to_vec(&line).unwrap_or_default();
        if json.len() >= LINE_BYTES_MAX {
            // Everything but the cause is short.
            line.cause = Some("too long for a line");
            json = serde_json::to_vec(&line).unwrap_or_default();
        }
        json.push(b'\n');
        json
    }

    /// Writes the line to standard output, which the host collects.
    pub(crate) fn write(&self) {
        // Where standard output is gone there is nobody left to tell.
        let _ = std::io::stdout().lock().write_all(&self.line());
    }
}

fn is_common(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        .contains(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cause: &str, method: &Method) -> String {
        let finished = Finished {
            component: "crm",
            method,
            route: Some("/leads/{id}"),
            status: 503,
            took: Duration::from_micros(1500),
            request_id: "req_1",
            tenant: Some(TenantId::from(uuid())),
            problem: Some(("saturated", Some(cause))),
        };
        String::from_utf8(finished.line()).unwrap()
    }

    fn uuid() -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    #[test]
    fn a_line_is_one_json_object() {
        let line = line("no \"connection\"\nfree", &Method::GET);
        assert_eq!(line.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["route"], "/leads/{id}");
        assert_eq!(json["duration_ms"], 1.5);
        assert_eq!(json["tenant"], "ten_00000000000000000000000000");
        assert_eq!(json["code"], "saturated");
    }

    #[test]
    fn a_line_is_never_longer_than_a_pipe_takes_at_once() {
        let method = Method::from_bytes("M".repeat(5000).as_bytes()).unwrap();
        let line = line(&"c".repeat(9000), &method);
        assert!(line.len() <= LINE_BYTES_MAX);
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }
}
