//! One component's part of the merged API description: a whole document by itself, with the schemas that it reaches.
//!
//! The merged document alone is committed; `components/web/build.rs` takes the parts out of it, because five more
//! files would say everything a second time. `tools/openapi` takes the same parts out to check them. It stands apart
//! from that tool, which links `components/web` and so cannot be built before it.
//!
//! What must stay true: any JSON is taken, since the committed file may be older than the code that reads it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The components that have a document of their own, in the order in which a reader should meet them.
pub const COMPONENTS: [&str; 5] = ["auth", "crm", "payments", "events", "web"];

/// The member of an operation that names the component which serves it.
pub const SERVED_BY: &str = "x-component";

/// The members of a document in the order in which people read them.
const TOP: [&str; 6] = ["openapi", "info", "servers", "tags", "paths", "components"];

/// The document of one component: its operations, and of everything else what they need.
pub fn excerpt(document: &Value, component: &str) -> Value {
    let mut paths = Map::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let own = |member: &Value| member[SERVED_BY] == component;
        let Some(item) = item.as_object() else { continue };
        // What is no operation, such as parameters of all of them, belongs to each.
        let kept = item.iter().filter(|(_, member)| own(member) || member.get("responses").is_none());
        if item.values().any(own) {
            paths.insert(path.clone(), kept.map(|(name, member)| (name.clone(), member.clone())).collect());
        }
    }
    let paths = Value::Object(paths);
    let mut used = Used::default();
    used.read(document, &paths);

    let mut part = Map::new();
    for name in TOP {
        part.insert(name.to_owned(), document[name].clone());
    }
    if let Some(title) = part["info"]["title"].as_str().map(|title| format!("{title}: {component}")) {
        part["info"]["title"] = Value::from(title);
    }
    if let Some(tags) = part["tags"].as_array_mut() {
        tags.retain(|tag| tag["name"].as_str().is_some_and(|name| used.tags.contains(name)));
    }
    for (kind, named) in part["components"].as_object_mut().into_iter().flatten() {
        let Some(named) = named.as_object_mut() else { continue };
        named.retain(|name, _| match kind.as_str() {
            "securitySchemes" => used.schemes.contains(name),
            kind => used.references.contains(&format!("#/components/{kind}/{name}")),
        });
    }
    part.insert("paths".to_owned(), paths);
    Value::Object(part)
}

/// What a part of the document speaks of.
#[derive(Default)]
struct Used {
    references: BTreeSet<String>,
    tags: BTreeSet<String>,
    schemes: BTreeSet<String>,
}

impl Used {
    fn read(&mut self, document: &Value, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.read(document, item)),
            Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(Value::as_str)
                    && self.references.insert(target.to_owned())
                    && let Some(target) = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer))
                {
                    self.read(document, target);
                }
                if members.contains_key("responses") {
                    let tags = members.get("tags").and_then(Value::as_array).into_iter().flatten();
                    self.tags.extend(tags.filter_map(Value::as_str).map(str::to_owned));
                    let needs = members.get("security").and_then(Value::as_array).into_iter().flatten();
                    self.schemes.extend(needs.filter_map(Value::as_object).flat_map(|need| need.keys().cloned()));
                }
                members.values().for_each(|member| self.read(document, member));
            }
            _ => {}
        }
    }
}

/// A document as its file holds it: the same bytes for the same document.
pub fn render(document: &Value) -> String {
    let mut text = String::from("{\n");
    for (place, name) in TOP.iter().enumerate() {
        // Whether a JSON object keeps its order depends on what else is built beside this: sort it here.
        let member = serde_json::to_string_pretty(&sorted(&document[*name])).unwrap_or_default();
        let comma = if place + 1 < TOP.len() { "," } else { "" };
        text.push_str(&format!("  \"{name}\": {}{comma}\n", member.replace('\n', "\n  ")));
    }
    text.push_str("}\n");
    text
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn operation(component: &str, tag: &str, scheme: &str, schema: &str) -> Value {
        json!({
            SERVED_BY: component,
            "tags": [tag],
            "security": [{ scheme: [] }],
            "responses": {
                "200": { "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } },
                "default": { "$ref": "#/components/responses/Problem" },
            },
        })
    }

    fn merged() -> Value {
        json!({
            "openapi": "3.1.0",
            "info": { "title": "BizoSaaS" },
            "servers": [],
            "tags": [{ "name": "leads" }, { "name": "health" }, { "name": "users" }],
            "paths": {
                "/leads": {
                    "get": operation("crm", "leads", "bearer", "Page"),
                    "post": operation("auth", "users", "service", "User"),
                    "parameters": [],
                },
                "/users": { "get": operation("auth", "users", "bearer", "User") },
            },
            "components": {
                "securitySchemes": { "bearer": {}, "service": {} },
                "responses": { "Problem": { "schema": { "$ref": "#/components/schemas/ProblemBody" } }, "Other": {} },
                "schemas": {
                    "Page": { "items": { "$ref": "#/components/schemas/Lead" } },
                    "Lead": { "properties": { "next": { "$ref": "#/components/schemas/Lead" } } },
                    "User": {}, "ProblemBody": {},
                },
            },
        })
    }

    fn names(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_part_holds_what_its_operations_reach_and_no_more() {
        let part = excerpt(&merged(), "crm");
        assert_eq!(part["info"]["title"], "BizoSaaS: crm");
        assert_eq!(names(&part["paths"]), ["/leads"]);
        assert_eq!(names(&part["paths"]["/leads"]), ["get", "parameters"]);
        assert_eq!(part["tags"], json!([{ "name": "leads" }]));
        assert_eq!(names(&part["components"]["schemas"]), ["Lead", "Page", "ProblemBody"]);
        assert_eq!(names(&part["components"]["responses"]), ["Problem"]);
        assert_eq!(names(&part["components"]["securitySchemes"]), ["bearer"]);
        let part = excerpt(&merged(), "auth");
        assert_eq!(names(&part["paths"]), ["/leads", "/users"]);
        assert_eq!(names(&part["components"]["securitySchemes"]), ["bearer", "service"]);
    }

    #[test]
    fn any_json_is_taken() {
        for document in [json!(null), json!({}), json!({ "paths": { "/a": 1, "/b": { "get": null } }, "tags": {} })] {
            assert_eq!(excerpt(&document, "crm")["paths"], json!({}), "{document}");
        }
    }

    #[test]
    fn the_text_does_not_depend_on_the_order_of_members() {
        let first = json!({ "openapi": "3.1.0", "paths": { "/b": {}, "/a": { "y": 1, "x": [ { "d": 1, "c": 2 } ] } } });
        let second =
            json!({ "paths": { "/a": { "x": [ { "c": 2, "d": 1 } ], "y": 1 }, "/b": {} }, "openapi": "3.1.0" });
        let text = render(&first);
        assert_eq!(text, render(&second));
        assert!(text.find("\"c\"") < text.find("\"d\"") && text.find("/a") < text.find("/b"));
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["paths"], first["paths"]);
    }
}
