//! The merge: one OpenAPI 3.1 document out of the components', the same bytes for the same code.
//!
//! What the components leave out because it holds for every route is added here: the server, the security scheme,
//! the tags' descriptions, the media type of problem documents, the component that serves an operation, and the answer
//! for every refusal not named.

use excerpt::SERVED_BY;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::{callers, clients, examples, possible, routes::METHODS};

/// The tags in the order in which a reader should meet them.
pub(crate) const TAGS: [(&str, &str); 13] = [
    (
        "auth",
        "Accounts, sessions and the keys that access tokens verify with. The routes that fastapi-users has keep its \
         paths, statuses and codes.",
    ),
    ("users", "People as themselves: their own account."),
    ("tenants", "A person's tenants, and the one that the token names with its policies."),
    ("members", "Who belongs to the tenant and as what, and the invitations by which people come in."),
    (
        "leads",
        "Who might become a customer, how good they look and why, how far they have come, and the figures of them all.",
    ),
    ("payments", "What was to be paid through a gateway, what became of it, and what went back."),
    ("gateways", "Who takes the money, what each can do, the tenant's accounts there, and their messages."),
    ("ledger", "Where the money is, and how it came there."),
    (
        "api keys",
        "How programs of a tenant get in: a key is shown once, does what its scopes say, and ends when it is revoked.",
    ),
    ("audit log", "Who did what to whom, from where and when."),
    ("services", "For neighbours and the scheduler, which show the service token."),
    ("health", "Whether each component answers, and can do its work."),
    ("web", "The welcome page and this description."),
];

/// The name of the security scheme of people and API keys.
pub(crate) const BEARER: &str = "bearer";
/// The name of the security scheme of routes that are not for people.
pub(crate) const SERVICE: &str = "service";
/// The media type of refusals (RFC 9457).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

const DESCRIPTION: &str = "\
The back end that every multi-tenant SaaS needs before its first feature: accounts, payments, customers.

- **Tenants.** The tenant comes from the access token alone. Another tenant's resource is 404.
- **Refusals** are problem documents (RFC 9457, `application/problem+json`) with a stable `code`; `errors` names each \
field or parameter that is wrong. Unknown fields and parameters are refused by name.
- **Ids** are opaque strings with a prefix, such as `led_…`. Times are RFC 3339 in UTC.
- **Lists** answer `{ \"data\": […], \"next_cursor\": … }`; give `next_cursor` as `cursor` to go on.
- **Idempotency-Key** on a POST makes a repeat safe: the same key and body get the same answer for 24 hours, marked \
with `Idempotent-Replayed: true`.
- **Versions.** Single resources have an `ETag`; send it as `If-Match` to refuse a lost update (412).
- **X-Request-Id** is taken or made, returned, and logged.
- **This description** is for people at `/docs`, where routes can be tried out; `/openapi/crm.json` and its like hold one \
component each.";

const BEARER_DESCRIPTION: &str = "\
The access token that log-in answers: a JWT (EdDSA, `typ: at+jwt`) that is good for ten minutes and names a person, a \
session and a tenant. Log-out, removal from the tenant and a change of role act at once, also on tokens not yet expired. \
Where a scope such as `leads:read` is named, it is the right that the caller's role must hold; an API key (`bizo_…`) \
with this scope may take the place of the token, where keys can have it. `POST /auth/jwt/login` gives a token.";

const SERVICE_DESCRIPTION: &str = "\
The deployment's service token, which neighbours and the scheduler have. Routes under `/internal` answer 404 without it, \
as if they were not there.";

/// The document in the order in which people read it.
#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    tags: Value,
    paths: Value,
    components: Components,
}

#[derive(Serialize)]
struct Components {
    #[serde(rename = "securitySchemes")]
    security_schemes: Value,
    headers: Value,
    responses: Value,
    schemas: Value,
}

/// Each component's name and its own document.
pub(crate) fn parts() -> Vec<(&'static str, Value)> {
    // A utoipa document has string keys only, so it always is a JSON value.
    let value = |document: utoipa::openapi::OpenApi| serde_json::to_value(document).unwrap_or_default();
    vec![
        ("auth", value(auth::ApiDoc::openapi())),
        ("crm", value(crm::ApiDoc::openapi())),
        ("payments", value(payments::ApiDoc::openapi())),
        ("events", value(events::ApiDoc::openapi())),
        ("web", value(web::ApiDoc::openapi())),
    ]
}

/// Merges the components' documents; where two of them contradict each other, says so.
pub(crate) fn merge(parts: &[(&str, Value)]) -> (Value, Vec<String>) {
    let mut findings = Vec::new();
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for (component, document) in parts {
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            let mut item = item.clone();
            for method in METHODS {
                if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                    operation.insert(SERVED_BY.to_owned(), Value::from(*component));
                }
            }
            if paths.insert(path.clone(), item).is_some() {
                findings.push(format!("{component} describes {path}, which another component describes too"));
            }
        }
        for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
            if schemas.insert(name.clone(), schema.clone()).is_some_and(|other| other != *schema) {
                findings
                    .push(format!("{component} has a schema {name} that differs from another component's; rename one"));
            }
        }
    }
    for (path, item) in &mut paths {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method) {
                complete(operation);
                possible::keep(method, operation);
                let wrong = callers::name(operation);
                findings.extend(wrong.map(|wrong| format!("{} {path} {wrong}", method.to_uppercase())));
            }
        }
    }
    clients::ease(&mut paths, &mut schemas);
    examples::derive(&mut paths, &mut schemas);
    let used = |tag: &str| paths.values().any(|item| METHODS.iter().any(|&method| has_tag(&item[method], tag)));
    let tags: Vec<_> = TAGS.iter().filter(|(name, _)| used(name)).collect();
    let document = Document {
        openapi: "3.1.0",
        info: json!({
            "title": "BizoSaaS",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        }),
        servers: json!([{ "url": "/", "description": "Where this document was fetched" }]),
        tags: tags.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect(),
        paths: Value::Object(paths),
        components: Components {
            security_schemes: json!({
                BEARER: { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": BEARER_DESCRIPTION },
                SERVICE: { "type": "http", "scheme": "bearer", "description": SERVICE_DESCRIPTION },
            }),
            headers: clients::headers(),
            responses: json!({
                "Problem": {
                    "description": "Any other refusal; `code` says which, and `detail` what to do about it.",
                    "content": { PROBLEM_JSON: { "schema": { "$ref": "#/components/schemas/ProblemBody" } } },
                }
            }),
            schemas: Value::Object(schemas),
        },
    };
    (serde_json::to_value(document).unwrap_or_default(), findings)
}

/// Gives refusals their media type, and names the answer for those that are not named.
fn complete(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut() {
        let is_refusal = status.starts_with(['4', '5']);
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut)
            && is_refusal
            && let Some(body) = content.remove("application/json")
        {
            content.insert(PROBLEM_JSON.to_owned(), body);
        }
    }
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
}

fn has_tag(operation: &Value, tag: &str) -> bool {
    operation["tags"].as_array().is_some_and(|tags| tags.iter().any(|other| other == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, schema: &str) -> Value {
        json!({
            "paths": { path: { "get": {
                "tags": ["health"],
                "responses": {
                    "200": { "content": { "application/json": {} } },
                    "503": { "content": { "application/json": { "schema": { "$ref": "#/x" } } } },
                },
            } } },
            "components": { "schemas": { "Thing": { "type": schema } } },
        })
    }

    #[test]
    fn adds_what_holds_for_every_route() {
        let (document, findings) = merge(&[("crm", part("/a", "string")), ("web", part("/b", "string"))]);
        assert_eq!(findings, [""; 0]);
        assert_eq!(document["tags"].as_array().unwrap().len(), 1, "only tags that are used");
        for path in ["/a", "/b"] {
            let responses = &document["paths"][path]["get"]["responses"];
            assert!(responses["200"]["content"]["application/json"].is_object());
            assert!(responses["503"]["content"]["application/json"].is_null());
            assert_eq!(responses["503"]["content"][PROBLEM_JSON]["schema"]["$ref"], "#/x");
            assert_eq!(responses["default"]["$ref"], "#/components/responses/Problem");
        }
    }

    #[test]
    fn components_that_contradict_each_other_are_found() {
        let (_, findings) = merge(&[("crm", part("/a", "string")), ("web", part("/a", "string"))]);
        assert_eq!(findings, ["web describes /a, which another component describes too"]);
        let (_, findings) = merge(&[("crm", part("/a", "string")), ("web", part("/b", "integer"))]);
        assert_eq!(findings, ["web has a schema Thing that differs from another component's; rename one"]);
    }
}
