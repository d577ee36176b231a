//! Refusals as their reader meets them: beside each answer an example of every code that it names, and at `code` itself
//! the table of all codes, both out of `docs/errors.md`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{document::PROBLEM_JSON, refusals::Refusal, routes::METHODS};

/// What a row of the table says of a code.
struct Row<'a> {
    meaning: &'a str,
    remedy: &'a str,
}

/// Adds examples and table to the document; `codes` are those of the sources, `table` is `docs/errors.md`.
pub(crate) fn explain(document: &mut Value, codes: &BTreeMap<String, Refusal>, table: &str) {
    let rows = rows(table);
    let mut used = Map::new();
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for method in METHODS {
            let operation = item.get_mut(method).and_then(|operation| operation.get_mut("responses"));
            let Some(responses) = operation.and_then(Value::as_object_mut) else { continue };
            for response in responses.values_mut() {
                let description = response["description"].as_str().unwrap_or_default().to_owned();
                let body = response.get_mut("content").and_then(|content| content.get_mut(PROBLEM_JSON));
                let Some(body) = body.and_then(Value::as_object_mut) else { continue };
                let named = named(&description).into_iter().filter_map(|(code, detail)| {
                    let plain = example(code, codes.get(code)?, rows.get(code)?);
                    let shown = match detail {
                        Some(detail) => {
                            let mut own = plain;
                            own["value"]["detail"] = detail;
                            own
                        }
                        None => {
                            used.insert(code.to_owned(), plain);
                            json!({ "$ref": format!("#/components/examples/{code}") })
                        }
                    };
                    Some((code.to_owned(), shown))
                });
                let named: Map<_, _> = named.collect();
                if !named.is_empty() {
                    body.insert("examples".to_owned(), Value::Object(named));
                }
            }
        }
    }
    document["components"]["examples"] = Value::Object(used);
    if let Some(code) = document.pointer_mut("/components/schemas/ProblemBody/properties/code")
        && let Some(description) = code["description"].as_str()
    {
        let lines = table.lines().filter(|line| line.starts_with('|'));
        code["description"] = Value::from(format!("{description}\n\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
}

fn rows(table: &str) -> BTreeMap<&str, Row<'_>> {
    let rows = table.lines().filter(|line| line.starts_with("| `")).filter_map(|line| {
        let cells: Vec<_> = line.trim_matches(['|', ' ']).split('|').map(str::trim).collect();
        let [code, _, meaning, remedy] = cells[..] else { return None };
        Some((code.trim_matches('`'), Row { meaning, remedy }))
    });
    rows.collect()
}

fn example(code: &str, refusal: &Refusal, row: &Row<'_>) -> Value {
    let mut value = json!({
        "type": format!("urn:bizosaas:problem:{code}"),
        "title": refusal.title,
        "status": refusal.status,
        "detail": row.meaning,
        "code": code,
        "request_id": "req_01h455vb4pex5vsknk084sn02q",
    });
    let errors = match code {
        "validation_failed" => json!([{ "pointer": "/email", "detail": "missing field `email`" }]),
        "invalid_parameter" => json!([{ "parameter": "limit", "detail": "a number from 1 to 100 is wanted" }]),
        "unknown_parameter" => json!([{ "parameter": "limti", "detail": "the route has no such parameter" }]),
        _ => Value::Null,
    };
    if !errors.is_null() {
        value["errors"] = errors;
    }
    json!({ "summary": format!("{code}: {}", refusal.title), "description": row.remedy, "value": value })
}

/// The codes between backticks, and the `detail` of those on whose routes it is another library's.
fn named(description: &str) -> Vec<(&str, Option<Value>)> {
    let mut named = Vec::new();
    let mut rest = description;
    while let Some((_, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        let detail = after.strip_prefix(" (detail ").and_then(|detail| detail.split_once(')')).map(|(detail, _)| {
            match detail.strip_prefix("{ code: ").and_then(|inner| inner.split(',').next()) {
                Some(code) => json!({ "code": code, "reason": "the reason, in words" }),
                None => Value::from(detail),
            }
        });
        named.push((code, detail));
        rest = after;
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{refusals::refusals, source::Source};

    const TABLE: &str = "| code | status | meaning | what to do |\n| --- | --- | --- | --- |\n\
                         | `bad_credentials` | 400 | They do not belong together. | Ask again. |\n\
                         | `lead_not_found` | 404 | There is none. | Check the id. |\n";

    #[test]
    fn every_code_is_shown_where_it_is_named() {
        let code = r#"Problem::new(StatusCode::NOT_FOUND, "lead_not_found", "There is no such lead", "x");
                      Problem::new(StatusCode::BAD_REQUEST, "bad_credentials", "Logging in failed", "x");"#;
        let (codes, _) = refusals(&[Source::new("crates/a.rs", code)]);
        let response = |description: &str| json!({ "description": description, "content": { PROBLEM_JSON: {} } });
        let mut document = json!({
            "paths": { "/leads": { "get": { "responses": {
                "400": response("`bad_credentials` (detail LOGIN_BAD_CREDENTIALS)"),
                "404": response("`lead_not_found`, or nothing of the kind"),
                "503": response("trouble"),
            } } } },
            "components": { "schemas": { "ProblemBody": { "properties": { "code": { "description": "Stable." } } } } },
        });
        explain(&mut document, &codes, TABLE);
        let responses = &document["paths"]["/leads"]["get"]["responses"];
        let examples = |status: &str| responses[status]["content"][PROBLEM_JSON]["examples"].clone();
        assert_eq!(examples("404"), json!({ "lead_not_found": { "$ref": "#/components/examples/lead_not_found" } }));
        assert_eq!(examples("400")["bad_credentials"]["value"]["detail"], "LOGIN_BAD_CREDENTIALS");
        assert_eq!(examples("503"), Value::Null);
        let shown = &document["components"]["examples"]["lead_not_found"];
        assert_eq!((&shown["value"]["detail"], &shown["value"]["status"]), (&json!("There is none."), &json!(404)));
        assert_eq!(shown["description"], "Check the id.");
        let described = &document["components"]["schemas"]["ProblemBody"]["properties"]["code"]["description"];
        assert_eq!(described, &json!(format!("Stable.\n\n{}", TABLE.trim_end())));
    }

    #[test]
    fn details_of_another_library_are_read() {
        assert_eq!(
            named("`a`, `b` (detail B_B), `c` (detail { code: C_C, reason }), `d`: why"),
            [
                ("a", None),
                ("b", Some(json!("B_B"))),
                ("c", Some(json!({ "code": "C_C", "reason": "the reason, in words" }))),
                ("d", None),
            ]
        );
    }
}
