//! Examples of answers: those that follow from others, and whether an answer shows any.
//!
//! A type says once what it looks like. A page of it is made of that, and so is an answer that is of one type or another.

use serde_json::{Map, Value, json};

use crate::routes::METHODS;

/// Gives pages the example of their row, and answers that may be of several types one of each.
pub(crate) fn derive(paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    let document = json!({ "components": { "schemas": schemas } });
    for (_, page) in schemas.iter_mut().filter(|(name, _)| name.starts_with("Page_")) {
        if let Some(row) = page.pointer("/properties/data/items").and_then(|row| example(&document, row)) {
            page["example"] = json!({ "data": [row], "next_cursor": null });
        }
    }
    for item in paths.values_mut() {
        for method in METHODS {
            let responses = item.get_mut(method).and_then(|operation| operation.get_mut("responses"));
            let responses = responses.and_then(Value::as_object_mut).into_iter().flatten();
            let contents = responses.filter_map(|(_, response)| response.get_mut("content")?.as_object_mut());
            for body in contents.flat_map(|content| content.values_mut()) {
                if let Some(each) = of_each_type(&document, body) {
                    body["examples"] = Value::Object(each);
                }
            }
        }
    }
}

/// Whether the body of an answer shows an example, of its own or of its type.
pub(crate) fn shows_one(document: &Value, body: &Value) -> bool {
    let own =
        body.get("example").is_some() || body["examples"].as_object().is_some_and(|examples| !examples.is_empty());
    own || example(document, &body["schema"]).is_some()
}

/// An example of each type that the body may be of; none where one of them has none, or there is no choice.
fn of_each_type(document: &Value, body: &Value) -> Option<Map<String, Value>> {
    let types = resolved(document, &body["schema"])["oneOf"].as_array().filter(|_| !shows_one(document, body))?;
    let named = types.iter().map(|one| {
        let (_, name) = one["$ref"].as_str()?.rsplit_once('/')?;
        let summary = &resolved(document, one)["description"];
        Some((name.to_owned(), json!({ "summary": summary, "value": example(document, one)? })))
    });
    named.collect()
}

fn example<'a>(document: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    resolved(document, schema).get("example")
}

/// What the schema refers to, or itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(name: &str) -> Value {
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    fn page(row: Value) -> Value {
        json!({ "properties": { "data": { "items": row } } })
    }

    fn schemas() -> Map<String, Value> {
        let schemas = json!({
            "Thing": { "description": "A thing.", "example": { "id": 1 } },
            "Other": { "description": "Another.", "example": null },
            "Bare": {},
            "Choice": { "oneOf": [reference("Thing"), reference("Other")] },
            "HalfChoice": { "oneOf": [reference("Thing"), reference("Bare")] },
            "Page_Thing": page(reference("Thing")),
            "Page_Own": page(json!({ "example": 2 })),
            "Page_Bare": page(reference("Bare")),
        });
        schemas.as_object().unwrap().clone()
    }

    /// What becomes of an answer with this body.
    fn derived(body: Value) -> Value {
        let mut paths =
            json!({ "/a": { "get": { "responses": { "200": { "content": { "application/json": body } } } } } });
        derive(paths.as_object_mut().unwrap(), &mut schemas());
        paths["/a"]["get"]["responses"]["200"]["content"]["application/json"].take()
    }

    #[test]
    fn a_page_shows_its_row() {
        let mut schemas = schemas();
        derive(&mut Map::new(), &mut schemas);
        assert_eq!(schemas["Page_Thing"]["example"], json!({ "data": [{ "id": 1 }], "next_cursor": null }));
        assert_eq!(schemas["Page_Own"]["example"], json!({ "data": [2], "next_cursor": null }));
        assert!(schemas["Page_Bare"].get("example").is_none(), "nothing is made up");
    }

    #[test]
    fn a_choice_shows_each() {
        assert_eq!(
            derived(json!({ "schema": reference("Choice") }))["examples"],
            json!({
                "Thing": { "summary": "A thing.", "value": { "id": 1 } },
                "Other": { "summary": "Another.", "value": null },
            })
        );
        for body in [
            json!({ "schema": reference("Thing") }),
            json!({ "schema": reference("HalfChoice") }),
            json!({ "schema": reference("Choice"), "example": 3 }),
        ] {
            assert_eq!(derived(body.clone()), body);
        }
    }

    #[test]
    fn an_example_is_the_answers_own_or_its_types() {
        let document = json!({ "components": { "schemas": schemas() } });
        for (body, is_shown) in [
            (json!({ "schema": reference("Thing") }), true),
            (json!({ "schema": reference("Other") }), true),
            (json!({ "schema": { "type": "null", "example": null } }), true),
            (json!({ "schema": reference("Bare"), "example": null }), true),
            (json!({ "schema": reference("Bare"), "examples": { "a": {} } }), true),
            (json!({ "schema": reference("Bare"), "examples": {} }), false),
            (json!({ "schema": reference("Bare") }), false),
            (json!({ "schema": reference("Choice") }), false),
            (json!({}), false),
        ] {
            assert_eq!(shows_one(&document, &body), is_shown, "{body}");
        }
    }
}
