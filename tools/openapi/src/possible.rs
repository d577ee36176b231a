//! Which of the refusals that a list names an operation can give: the components' lists speak of every route that reads
//! or changes something (`crates/api/src/refusals.rs`), and what a route does not take, it cannot refuse.

use serde_json::Value;

use crate::routes::is_safe;

/// Codes, and whether an operation with this method can give them.
type Condition = (&'static [&'static str], fn(&str, &Value) -> bool);

const CONDITIONS: [Condition; 6] = [
    (&["malformed_id"], |_, operation| takes(operation, "path", None)),
    (&["invalid_parameter", "unknown_parameter"], |_, operation| takes(operation, "query", None)),
    (&["malformed_json", "unreadable_body", "body_timed_out", "body_too_large"], |_, operation| {
        operation.get("requestBody").is_some()
    }),
    (&["invalid_if_match"], |_, operation| takes(operation, "header", Some("If-Match"))),
    (&["invalid_idempotency_key", "idempotency_key_reused"], |_, operation| {
        takes(operation, "header", Some("Idempotency-Key"))
    }),
    // Of what may have changed something nobody knows whether it did: `outcome_unknown`.
    (&["request_timed_out"], |method, _| is_safe(method)),
];

/// Takes out the codes that the operation cannot give, and answers that have none left.
pub(crate) fn keep(method: &str, operation: &mut Value) {
    let impossible = CONDITIONS.iter().filter(|(_, may)| !may(method, operation));
    let impossible: Vec<_> = impossible.flat_map(|(codes, _)| codes.iter().copied()).collect();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    responses.retain(|status, response| {
        let description = response["description"].as_str().filter(|_| status.starts_with(['4', '5']));
        let Some(description) = description.map(str::to_owned) else {
            return true;
        };
        let is_kept = |part: &&str| !impossible.iter().any(|code| **part == format!("`{code}`"));
        let parts: Vec<_> = description.split(", ").collect();
        let kept: Vec<_> = parts.iter().copied().filter(is_kept).collect();
        if kept.len() < parts.len() {
            response["description"] = Value::from(kept.join(", "));
        }
        !kept.is_empty()
    });
}

fn takes(operation: &Value, place: &str, name: Option<&str>) -> bool {
    operation["parameters"].as_array().into_iter().flatten().any(|parameter| {
        parameter["in"] == place
            && name.is_none_or(|name| parameter["name"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(method: &str, mut operation: Value) -> Value {
        operation["responses"] = json!({
            "200": { "description": "`malformed_id`" },
            "400": { "description": "`malformed_id`, `invalid_if_match`, `invalid_password` (detail { code, reason }), `malformed_json`" },
            "422": { "description": "`idempotency_key_reused`" },
            "503": { "description": "`saturated`, `request_timed_out`" },
        });
        keep(method, &mut operation);
        operation["responses"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(status, response)| (status.clone(), response["description"].clone()))
            .collect()
    }

    #[test]
    fn what_is_not_taken_is_not_refused() {
        assert_eq!(
            kept("get", json!({})),
            json!({
                "200": "`malformed_id`",
                "400": "`invalid_password` (detail { code, reason })",
                "503": "`saturated`, `request_timed_out`",
            })
        );
        assert_eq!(
            kept(
                "post",
                json!({
                    "parameters": [{ "in": "path", "name": "id" }, { "in": "header", "name": "idempotency-key" }],
                    "requestBody": {},
                })
            ),
            json!({
                "200": "`malformed_id`",
                "400": "`malformed_id`, `invalid_password` (detail { code, reason }), `malformed_json`",
                "422": "`idempotency_key_reused`",
                "503": "`saturated`",
            })
        );
        assert_eq!(
            kept("put", json!({ "parameters": [{ "in": "header", "name": "If-Match" }] }))["400"],
            "`invalid_if_match`, `invalid_password` (detail { code, reason })"
        );
    }
}
