//! Every answer that a test gets is held against `components/web/openapi.json`: its status, media type and code are written there
//! for the operation, or the test fails. Bodies of successes are schemathesis's to hold against their schemas.
//!
//! What it cannot speak of is left out: paths and methods that it does not have, and answers that the app did not write. The app
//! puts an `X-Request-Id` on each of its own; the host does not. `default` is no excuse: it is there for clients, which must expect
//! what nobody expected, and a test that meets such an answer has found something.

use std::{path::Path, sync::OnceLock};

use reqwest::Method;
use serde_json::Value;

use crate::Answer;

const PROBLEM_JSON: &str = "application/problem+json";

/// The answer must be one that the description has for this operation.
pub(crate) fn hold(method: &Method, path: &str, answer: &Answer) {
    if answer.header("x-request-id").is_empty() {
        return;
    }
    let answered =
        Answered { status: answer.status.as_u16(), media_type: answer.header("content-type"), body: &answer.body };
    if let Some(wrong) = difference(document(), method.as_str(), path, &answered) {
        panic!("{wrong}: one of the two is wrong");
    }
}

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../components/web/openapi.json");
        let text = std::fs::read_to_string(file).expect("the description is committed");
        serde_json::from_str(&text).expect("the description is JSON")
    })
}

/// An answer, as far as the description speaks of it.
struct Answered<'a> {
    status: u16,
    media_type: &'a str,
    body: &'a [u8],
}

/// In what an answer to this request is not as described.
fn difference(document: &Value, method: &str, path: &str, answer: &Answered<'_>) -> Option<String> {
    let (template, operation) = operation(document, method, path)?;
    let Answered { status, media_type, body } = *answer;
    let answered = format!("{method} {template} answered {status}");
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or_default();
    let Some(response) = operation["responses"].get(status.to_string()) else {
        return Some(format!("{answered} `{code}`, a status that the description does not have there"));
    };
    let Some(content) = response["content"].as_object() else {
        return (!body.is_empty())
            .then(|| format!("{answered} with a body, and the description says that it has none"));
    };
    if !content.keys().any(|described| is_same_kind(described, media_type)) {
        let described: Vec<_> = content.keys().map(String::as_str).collect();
        return Some(format!("{answered} with `{media_type}`, and the description says {}", described.join(" or ")));
    }
    let named = content.get(PROBLEM_JSON)?["examples"].as_object()?;
    (!named.contains_key(code)).then(|| format!("{answered} `{code}`, a code that the description does not name there"))
}

/// The operation that takes this request, and its path as the description writes it.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<(&'a str, &'a Value)> {
    let fitting = document["paths"].as_object()?.iter().filter(|(template, _)| fits(template, path));
    // As routers do: what is written out wins over a parameter, from the left on.
    let (template, item) = fitting.min_by_key(|(template, _)| parameters(template))?;
    Some((template, item.get(method.to_lowercase())?))
}

fn fits(template: &str, path: &str) -> bool {
    let (templates, segments): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    templates.len() == segments.len()
        && templates.iter().zip(segments).all(|(wanted, found)| match wanted.starts_with('{') {
            true => !found.is_empty(),
            false => *wanted == found,
        })
}

/// For each segment whether it is a parameter.
fn parameters(template: &str) -> Vec<bool> {
    template.split('/').map(|segment| segment.starts_with('{')).collect()
}

/// Whether the answer's media type is the described one; parameters count where the description has some.
fn is_same_kind(described: &str, found: &str) -> bool {
    let without_parameters = found.split(';').next().unwrap_or_default().trim_end();
    described == found || described == without_parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(request: &str, (status, media_type, body): (u16, &str, &str), wanted: Option<&str>) {
        let lead = json!({ "responses": {
            "200": { "content": { "application/json": {} } },
            "204": {},
            "404": { "content": { PROBLEM_JSON: { "examples": { "lead_not_found": {} } } } },
            "409": { "content": { PROBLEM_JSON: {} } },
        } });
        let document = json!({ "paths": {
            "/leads/{id}": { "get": lead },
            "/leads/figures": { "get": { "responses": { "200": { "content": { "text/plain; version=1": {} } } } } },
        } });
        let (method, path) = request.split_once(' ').unwrap();
        let answer = Answered { status, media_type, body: body.as_bytes() };
        assert_eq!(difference(&document, method, path, &answer).as_deref(), wanted, "{request}");
    }

    #[test]
    fn an_answer_is_as_described() {
        check("GET /leads/1", (200, "application/json", "{}"), None);
        check("GET /leads/1", (200, "application/json; charset=utf-8", "{}"), None);
        check("GET /leads/1", (204, "", ""), None);
        check("GET /leads/1", (404, PROBLEM_JSON, r#"{"code":"lead_not_found"}"#), None);
        check("GET /leads/1", (409, PROBLEM_JSON, r#"{"code":"any"}"#), None);
        check("GET /leads/figures", (200, "text/plain; version=1", "3"), None);
    }

    #[test]
    fn what_is_not_described_is_found() {
        check(
            "GET /leads/1",
            (418, PROBLEM_JSON, r#"{"code":"teapot"}"#),
            Some("GET /leads/{id} answered 418 `teapot`, a status that the description does not have there"),
        );
        check(
            "GET /leads/1",
            (200, "text/html", "<p>"),
            Some("GET /leads/{id} answered 200 with `text/html`, and the description says application/json"),
        );
        check(
            "GET /leads/1",
            (204, "", "no"),
            Some("GET /leads/{id} answered 204 with a body, and the description says that it has none"),
        );
        check(
            "GET /leads/1",
            (404, PROBLEM_JSON, r#"{"code":"route_not_found"}"#),
            Some("GET /leads/{id} answered 404 `route_not_found`, a code that the description does not name there"),
        );
        check(
            "GET /leads/figures",
            (200, "text/plain", "3"),
            Some("GET /leads/figures answered 200 with `text/plain`, and the description says text/plain; version=1"),
        );
    }

    #[test]
    fn what_the_description_does_not_speak_of_is_left_out() {
        for request in
            ["GET /", "GET /leads", "GET /leads/", "GET /leads/1/2", "DELETE /leads/1", "POST /leads/figures"]
        {
            check(request, (500, "", "?"), None);
        }
    }
}
