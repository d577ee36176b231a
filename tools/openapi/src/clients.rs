//! What makes a description good to generate clients from, for all components alike: headers that cannot be null, pages that name
//! their rows, the headers that tell when to come again.

use serde_json::{Map, Value, json};

use crate::routes::METHODS;

/// Completes the operations and the named schemas.
pub(crate) fn ease(paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    for item in paths.values_mut() {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                headers_are_never_null(operation);
                say_when_to_come_again(operation);
            }
        }
    }
    pages_name_their_rows(schemas);
}

/// An optional header is one that may be left out; there is no way to send null in one.
fn headers_are_never_null(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["in"] == "header"
            && let Some(types) = parameter["schema"]["type"].as_array()
            && let [one] = &*types.iter().filter(|kind| *kind != "null").cloned().collect::<Vec<_>>()
        {
            parameter["schema"]["type"] = one.clone();
        }
    }
}

/// 429 has `Retry-After`, and so have most 503; what was counted says what is left.
fn say_when_to_come_again(operation: &mut Value) {
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, names) in [("429", &["Retry-After", "RateLimit", "RateLimit-Policy"][..]), ("503", &["Retry-After"])] {
        if let Some(response) = responses.get_mut(status).and_then(Value::as_object_mut) {
            let named = |&name: &&str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
            response.insert("headers".to_owned(), names.iter().map(named).collect());
        }
    }
}

/// The headers that many answers have.
pub(crate) fn headers() -> Value {
    json!({
        "Retry-After": {
            "description": "Seconds to wait before trying again",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "RateLimit": {
            "description": "Of each limit what is left (`r`), and in how many seconds there is more (`t`)",
            "schema": { "type": "string" },
            "example": "\"user\";r=299;t=42, \"tenant\";r=1180;t=42",
        },
        "RateLimit-Policy": {
            "description": "The limits: `q` requests in `w` seconds",
            "schema": { "type": "string" },
            "example": "\"user\";q=300;w=60, \"tenant\";q=1200;w=60",
        },
    })
}

/// utoipa writes the row's schema into each page; the row has a name.
fn pages_name_their_rows(schemas: &mut Map<String, Value>) {
    let named: Vec<(String, Value)> = schemas
        .iter()
        .filter(|(name, _)| !name.starts_with("Page_"))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    for (_, page) in schemas.iter_mut().filter(|(name, _)| name.starts_with("Page_")) {
        if let Some(row) = page.pointer_mut("/properties/data/items")
            && let Some((name, _)) = named.iter().find(|(_, schema)| schema == row)
        {
            *row = json!({ "$ref": format!("#/components/schemas/{name}") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_pages_and_waits_are_completed() {
        let mut paths = json!({ "/a": { "get": {
            "parameters": [
                { "in": "header", "name": "If-Match", "schema": { "type": ["string", "null"] } },
                { "in": "query", "name": "q", "schema": { "type": ["string", "null"] } },
            ],
            "responses": { "200": {}, "429": {}, "503": {} },
        }, "put": { "responses": { "200": {} } } } });
        let row = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
        let page = json!({ "properties": { "data": { "type": "array", "items": row } } });
        let mut schemas = json!({ "Thing": row, "Page_Thing": page });
        ease(paths.as_object_mut().unwrap(), schemas.as_object_mut().unwrap());
        let operation = &paths["/a"]["get"];
        assert_eq!(operation["parameters"][0]["schema"], json!({ "type": "string" }));
        assert_eq!(
            operation["parameters"][1]["schema"]["type"],
            json!(["string", "null"]),
            "a query is another matter"
        );
        for (status, names) in [("429", 3), ("503", 1)] {
            let named = operation["responses"][status]["headers"].as_object().unwrap();
            assert!(named.contains_key("Retry-After") && named.len() == names);
            assert!(named.keys().all(|name| headers()[name].is_object()));
        }
        assert!(operation["responses"]["200"]["headers"].is_null());
        assert_eq!(schemas["Page_Thing"]["properties"]["data"]["items"]["$ref"], "#/components/schemas/Thing");
        assert_eq!(schemas["Thing"], row);
        assert_eq!(paths["/a"]["put"], json!({ "responses": { "200": {} } }), "nothing is made up");
    }
}
