//! What every operation of the merged document must say, so that a client can be made from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    document::{BEARER, PROBLEM_JSON, SERVICE, TAGS},
    examples::shows_one,
    refusals::Refusal,
    routes::{is_safe, operations},
};

/// Everything that is wrong with the document; `codes` are those that `docs/errors.md` lists.
pub(crate) fn check(document: &Value, codes: &BTreeMap<String, Refusal>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let mut wrong = Vec::new();
        match operation["operationId"].as_str() {
            Some(id) if !ids.insert(id) => wrong.push(format!("has the operationId {id} of another operation")),
            Some(_) => {}
            None => wrong.push("has no operationId".to_owned()),
        }
        if operation["summary"].as_str().unwrap_or_default().is_empty() {
            wrong.push("has no summary: begin its comment with a sentence".to_owned());
        }
        tags(operation, &mut wrong);
        parameters(path, operation, &mut wrong);
        body(operation, &mut wrong);
        responses(operation, codes, &mut wrong);
        successes(document, operation, &mut wrong);
        security(operation, &mut wrong);
        expected(method, operation, &mut wrong);
        findings.extend(wrong.into_iter().map(|what| format!("{} {path} {what}", method.to_uppercase())));
    }
    dangling(document, document, &mut findings);
    findings
}

fn tags(operation: &Value, wrong: &mut Vec<String>) {
    let tags: Vec<_> = operation["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if tags.is_empty() {
        wrong.push("has no tag".to_owned());
    }
    for tag in tags {
        if TAGS.iter().all(|(name, _)| *name != tag) {
            wrong.push(format!("has the tag {tag}, which the openapi tool does not describe"));
        }
    }
}

/// The braces of the path and the path parameters are the same names.
fn parameters(path: &str, operation: &Value, wrong: &mut Vec<String>) {
    let in_path: BTreeSet<_> = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .map(|name| name.trim_start_matches('*'))
        .collect();
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let described: BTreeSet<_> = parameters
        .filter(|parameter| parameter["in"] == "path")
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    for name in in_path.symmetric_difference(&described) {
        wrong.push(format!("has the path parameter {name} on one side only, path or parameters"));
    }
}

/// What is to be sent has an example, which a reader can send as it stands; a test does.
fn body(operation: &Value, wrong: &mut Vec<String>) {
    for (media_type, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        if body.get("example").is_none() && body["examples"].as_object().is_none_or(|examples| examples.is_empty()) {
            wrong.push(format!("takes {media_type} and shows no example of it: give request_body one"));
        }
    }
}

fn responses(operation: &Value, codes: &BTreeMap<String, Refusal>, wrong: &mut Vec<String>) {
    let responses: Vec<_> = operation["responses"].as_object().into_iter().flatten().collect();
    if !responses.iter().any(|(status, _)| status.starts_with('2')) {
        wrong.push("describes no success".to_owned());
    }
    for (status, response) in responses {
        if status == "default" {
            continue;
        }
        let description = response["description"].as_str().unwrap_or_default();
        if description.is_empty() {
            wrong.push(format!("does not describe its answer {status}"));
        }
        if !status.starts_with(['4', '5']) {
            continue;
        }
        if response["content"][PROBLEM_JSON]["schema"]["$ref"] != "#/components/schemas/ProblemBody" {
            wrong.push(format!("does not answer {status} with a ProblemBody"));
        }
        // A description names the codes between backticks, so that a client knows what to tell apart and examples can be made.
        let quoted = description.split('`').skip(1).step_by(2);
        let named: Vec<_> = quoted.filter_map(|word| Some((word, codes.get(word)?))).collect();
        if named.is_empty() {
            wrong.push(format!("names no code of docs/errors.md between backticks for its answer {status}"));
        }
        for (code, refusal) in named {
            if refusal.status.to_string() != *status {
                wrong.push(format!("names {code} for its answer {status}, but its status is {}", refusal.status));
            }
        }
    }
}

/// What a success looks like has an example, of its own or of its type; pages and choices have theirs from the tool.
fn successes(document: &Value, operation: &Value, wrong: &mut Vec<String>) {
    let responses = operation["responses"].as_object().into_iter().flatten();
    for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
        for (media_type, body) in response["content"].as_object().into_iter().flatten() {
            if media_type.ends_with("json") && !shows_one(document, body) {
                wrong.push(format!("answers {status} with {media_type} and shows no example of it: give its type one"));
            }
        }
    }
}

fn security(operation: &Value, wrong: &mut Vec<String>) {
    let schemes =
        operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(|one| one.keys());
    for scheme in schemes {
        if ![BEARER, SERVICE].contains(&scheme.as_str()) {
            wrong.push(format!("names the security scheme {scheme}, which the openapi tool does not describe"));
        }
    }
}

/// What the extractors of `crates/api` and `crates/identity` refuse wherever they stand, by what the operation takes.
fn expected(method: &str, operation: &Value, wrong: &mut Vec<String>) {
    let schemes = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let has_bearer = schemes.flat_map(|need| need.keys()).any(|scheme| scheme == BEARER);
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    let has_header = |name: &str| parameters().any(|one| one["in"] == "header" && one["name"] == name);
    let body = operation["requestBody"]["content"].as_object();
    let is_read = |media_type: &str| {
        body.and_then(|content| content.get(media_type)).is_some_and(|content| content["schema"].get("$ref").is_some())
    };
    let (is_json, is_form) = (is_read("application/json"), is_read("application/x-www-form-urlencoded"));

    let asks_database = operation["responses"]["503"]["description"]
        .as_str()
        .is_some_and(|description| description.contains("`database_unavailable`"));

    let rules: [(bool, &[(&str, &str)]); 10] = [
        // Whoever shows a token may lack the right, be an API key, owe a second factor, or ask too often.
        (
            has_bearer,
            &[
                ("401", "unauthenticated"),
                ("403", "forbidden"),
                ("403", "mfa_required"),
                ("429", "rate_limited"),
                ("503", "saturated"),
                ("503", "database_unavailable"),
            ],
        ),
        (body.is_some(), &[("400", "unreadable_body"), ("408", "body_timed_out"), ("413", "body_too_large")]),
        (is_json, &[("400", "malformed_json")]),
        (is_json || is_form, &[("415", "unsupported_media_type"), ("422", "validation_failed")]),
        (parameters().any(|one| one["in"] == "query"), &[("400", "invalid_parameter"), ("400", "unknown_parameter")]),
        (
            has_header("Idempotency-Key"),
            &[("400", "invalid_idempotency_key"), ("409", "conflict_in_flight"), ("422", "idempotency_key_reused")],
        ),
        (has_header("If-Match"), &[("400", "invalid_if_match"), ("412", "version_mismatch")]),
        // What is asked for may be locked, and the answer may not come: also where it is only read.
        (
            asks_database,
            &[
                ("409", "conflict_in_flight"),
                ("503", "saturated"),
                ("503", "database_interrupted"),
                ("503", "misconfigured"),
            ],
        ),
        (asks_database && is_safe(method), &[("503", "request_timed_out")]),
        (asks_database && !is_safe(method), &[("503", "outcome_unknown")]),
    ];
    for &(status, code) in rules.iter().filter(|(applies, _)| *applies).flat_map(|(_, codes)| *codes) {
        let description = operation["responses"][status]["description"].as_str().unwrap_or_default();
        if !description.contains(&format!("`{code}`")) {
            wrong.push(format!("can answer {status} `{code}` by what it takes, and does not say so"));
        }
    }
}

/// References that lead nowhere.
fn dangling(document: &Value, value: &Value, findings: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str)
                && target.strip_prefix('#').and_then(|pointer| document.pointer(pointer)).is_none()
            {
                findings.push(format!("the reference {target} leads nowhere"));
            }
            members.values().for_each(|member| dangling(document, member, findings));
        }
        Value::Array(items) => items.iter().for_each(|item| dangling(document, item, findings)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{refusals::refusals, source::Source};
    use serde_json::json;

    fn sound() -> Value {
        json!({
            "paths": { "/leads/{id}": { "get": {
                "operationId": "find_lead",
                "summary": "Finds a lead.",
                "tags": ["leads"],
                "security": [{ "bearer": ["leads:read"] }],
                "parameters": [{ "in": "path", "name": "id" }, { "in": "header", "name": "If-Match" }],
                "requestBody": { "content": { "application/json": { "example": {} } } },
                "responses": {
                    "200": {
                        "description": "The lead",
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Lead" } } },
                    },
                    "400": problem("`invalid_if_match`, `unreadable_body`"),
                    "401": problem("`unauthenticated`"),
                    "403": problem("`forbidden`, `mfa_required`"),
                    "404": problem("`lead_not_found`, with a reason"),
                    "408": problem("`body_timed_out`"),
                    "409": problem("`conflict_in_flight`"),
                    "412": problem("`version_mismatch`"),
                    "413": problem("`body_too_large`"),
                    "429": problem("`rate_limited`"),
                    "503": problem(
                        "`saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
                    ),
                    "default": { "$ref": "#/components/responses/Problem" },
                },
            } } },
            "components": { "responses": { "Problem": {} }, "schemas": { "ProblemBody": {}, "Lead": { "example": {} } } },
        })
    }

    fn problem(description: &str) -> Value {
        json!({
            "description": description,
            "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/ProblemBody" } } },
        })
    }

    /// Changes one place of a sound document, and wants exactly one finding.
    #[track_caller]
    fn spoilt(pointer: &str, value: Value, wanted: &str) {
        let mut document = sound();
        *document.pointer_mut(&format!("/paths/~1leads~1{{id}}/get{pointer}")).unwrap() = value;
        assert_eq!(findings(&document), [format!("GET /leads/{{id}} {wanted}")]);
    }

    fn findings(document: &Value) -> Vec<String> {
        let code = r#"Problem::new(StatusCode::NOT_FOUND, "lead_not_found", "T", "x");
                      Problem::new(StatusCode::BAD_REQUEST, "unreadable_body", "T", "x");
                      Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "T", "x");
                      Problem::new(StatusCode::FORBIDDEN, "forbidden", "T", "x");
                      Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timed_out", "T", "x");
                      Problem::new(StatusCode::CONFLICT, "conflict_in_flight", "T", "x");
                      Problem::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", "T", "x");
                      Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "T", "x");
                      Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "T", "x");
                      Problem::new(StatusCode::SERVICE_UNAVAILABLE, "saturated", "T", "x");"#;
        check(document, &refusals(&[Source::new("crates/a.rs", code)]).0)
    }

    #[test]
    fn a_sound_document_passes() {
        assert_eq!(findings(&sound()), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_found() {
        spoilt("/operationId", Value::Null, "has no operationId");
        spoilt("/summary", json!(""), "has no summary: begin its comment with a sentence");
        spoilt("/tags", json!([]), "has no tag");
        spoilt("/tags/0", json!("misc"), "has the tag misc, which the openapi tool does not describe");
        spoilt("/parameters/0/in", json!("cookie"), "has the path parameter id on one side only, path or parameters");
        spoilt(
            "/security/0",
            json!({ "basic": [] }),
            "names the security scheme basic, which the openapi tool does not describe",
        );
        spoilt(
            "/requestBody/content/application~1json",
            json!({ "examples": {} }),
            "takes application/json and shows no example of it: give request_body one",
        );
        spoilt("/responses/200/description", json!(""), "does not describe its answer 200");
        spoilt(
            "/responses/200/content/application~1json/schema",
            json!({ "$ref": "#/components/schemas/ProblemBody" }),
            "answers 200 with application/json and shows no example of it: give its type one",
        );
        spoilt("/responses/404/content", json!({}), "does not answer 404 with a ProblemBody");
        spoilt(
            "/responses/503/description",
            json!("`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`"),
            "can answer 503 `request_timed_out` by what it takes, and does not say so",
        );
        for nothing in ["gone", "lead_not_found", "gone `for ever`"] {
            let wanted = "names no code of docs/errors.md between backticks for its answer 404";
            spoilt("/responses/404/description", json!(nothing), wanted);
        }
        spoilt(
            "/responses/404/description",
            json!("`unauthenticated`"),
            "names unauthenticated for its answer 404, but its status is 401",
        );
    }

    #[test]
    fn answers_that_must_be_there_are_missed() {
        for (status, wanted) in [
            ("200", &["describes no success"][..]),
            ("401", &["can answer 401 `unauthenticated` by what it takes, and does not say so"]),
            ("409", &["can answer 409 `conflict_in_flight` by what it takes, and does not say so"]),
            ("412", &["can answer 412 `version_mismatch` by what it takes, and does not say so"]),
            ("413", &["can answer 413 `body_too_large` by what it takes, and does not say so"]),
            (
                "403",
                &[
                    "can answer 403 `forbidden` by what it takes, and does not say so",
                    "can answer 403 `mfa_required` by what it takes, and does not say so",
                ],
            ),
        ] {
            let mut document = sound();
            document["paths"]["/leads/{id}"]["get"]["responses"].as_object_mut().unwrap().remove(status);
            let wanted: Vec<_> = wanted.iter().map(|what| format!("GET /leads/{{id}} {what}")).collect();
            assert_eq!(findings(&document), wanted);
        }
    }

    #[test]
    fn two_operations_with_one_id_are_found() {
        let mut document = sound();
        let item = &mut document["paths"]["/leads/{id}"];
        item["head"] = item["get"].clone();
        assert_eq!(findings(&document), ["HEAD /leads/{id} has the operationId find_lead of another operation"]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_found() {
        let mut document = sound();
        document["components"]["schemas"]["Lead"]["items"] = json!([{ "$ref": "#/components/schemas/Company" }]);
        assert_eq!(findings(&document), ["the reference #/components/schemas/Company leads nowhere"]);
    }
}
