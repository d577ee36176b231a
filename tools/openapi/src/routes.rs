//! Routes: what the routers serve, what the documents describe and what `spin.toml` lets through must be the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::source::{Source, split_outside, string_literal};

/// The methods of OpenAPI's path items, as axum's functions and the documents write them.
pub(crate) const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// Whether a request with this method changes nothing.
pub(crate) fn is_safe(method: &str) -> bool {
    ["get", "head", "options"].contains(&method)
}

/// What may follow a method router without adding a method.
const ADDITIONS: [&str; 4] = ["layer", "route_layer", "with_state", "fallback"];
/// Ways of adding routes that this reader does not follow.
const UNREADABLE: [&str; 4] = [".nest", ".nest_service", ".route_service", ".fallback_service"];

/// A method and a path of a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// The folder under `components/`.
    pub(crate) component: String,
    /// In lower case.
    pub(crate) method: String,
    /// With its parameters in braces.
    pub(crate) path: String,
}

impl Route {
    fn new(component: &str, method: &str, path: &str) -> Self {
        Self { component: component.to_owned(), method: method.to_owned(), path: path.to_owned() }
    }
}

/// The routes that the components' routers serve, as their sources add them, and what could not be read.
pub(crate) fn served(sources: &[Source]) -> (BTreeSet<Route>, Vec<String>) {
    let (mut routes, mut findings) = (BTreeSet::new(), Vec::new());
    for source in sources {
        let Some(component) = source.component() else { continue };
        for (at, arguments) in source.calls("health_routes") {
            match arguments.first().and_then(|name| string_literal(name)) {
                Some(name) => {
                    for probe in ["healthz", "readyz"] {
                        routes.insert(Route::new(component, "get", &format!("/{name}/{probe}")));
                    }
                }
                None => findings.push(format!(
                    "{}: give health_routes a plain string, so that it can be checked",
                    source.place(at)
                )),
            }
        }
        for (at, arguments) in source.calls(".route") {
            let unreadable = |what: &str| format!("{}: {what}, so that it can be checked", source.place(at));
            let [path, methods] = arguments[..] else {
                findings.push(unreadable("give .route a path and a method router"));
                continue;
            };
            let Some(path) = string_literal(path) else {
                findings.push(unreadable("write the path of .route as a plain string"));
                continue;
            };
            for name in chain(methods) {
                if METHODS.contains(&name) {
                    routes.insert(Route::new(component, name, path));
                } else if !ADDITIONS.contains(&name) {
                    findings.push(unreadable("give .route get(…), post(…) and the like"));
                }
            }
        }
        for name in UNREADABLE {
            for (at, _) in source.calls(name) {
                findings
                    .push(format!("{}: add routes with .route and .merge; {name} cannot be checked", source.place(at)));
            }
        }
    }
    (routes, findings)
}

/// The names called in `get(a).post(b)`, without their paths; what is no call stands as it is.
fn chain(methods: &str) -> Vec<&str> {
    let names = split_outside(methods, b'.').into_iter().map(|call| {
        let name = call.split(['(', '<']).next().unwrap_or_default().trim().trim_end_matches("::");
        name.rsplit("::").next().unwrap_or_default()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// The routes that a component's document describes.
pub(crate) fn documented(component: &str, document: &Value) -> BTreeSet<Route> {
    operations(document).map(|(path, method, _)| Route::new(component, method, path)).collect()
}

/// Every operation of a document: path, method, and itself.
pub(crate) fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |&method| Some((path.as_str(), method, item.get(method)?)))
    })
}

/// What one side has and the other lacks.
pub(crate) fn compare(served: &BTreeSet<Route>, documented: &BTreeSet<Route>) -> Vec<String> {
    let name = |route: &Route| format!("{} {} of {}", route.method.to_uppercase(), route.path, route.component);
    let silent = served.difference(documented).map(|route| format!("{} is served and not documented", name(route)));
    let empty = documented.difference(served).map(|route| format!("{} is documented and not served", name(route)));
    silent.chain(empty).collect()
}

/// The routes that `spin.toml` sends to another component, or nowhere.
pub(crate) fn unreachable(routes: &BTreeSet<Route>, manifest: &str) -> Result<Vec<String>, toml::de::Error> {
    let manifest: Manifest = toml::from_str(manifest)?;
    let astray = routes.iter().filter_map(|route| {
        let reached = manifest
            .trigger
            .http
            .iter()
            .filter_map(|trigger| Some((trigger.strength(&route.path)?, &trigger.component)));
        let component = reached.max_by_key(|&(strength, _)| strength).map_or("nobody", |(_, component)| component);
        (component != route.component)
            .then(|| format!("spin.toml sends {} to {component}, not to {}", route.path, route.component))
    });
    Ok(astray.collect())
}

#[derive(serde::Deserialize)]
struct Manifest {
    trigger: Triggers,
}

#[derive(serde::Deserialize)]
struct Triggers {
    http: Vec<Trigger>,
}

#[derive(serde::Deserialize)]
struct Trigger {
    route: String,
    component: String,
}

impl Trigger {
    /// How well the trigger fits a path: an exact route beats every wildcard, a longer one a shorter.
    fn strength(&self, path: &str) -> Option<usize> {
        let Some(prefix) = self.route.strip_suffix("/...") else {
            return (self.route == path).then_some(usize::MAX);
        };
        let rest = path.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(prefix.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn routes(code: &str) -> (Vec<String>, Vec<String>) {
        let (routes, findings) = served(&[Source::new("components/crm/src/lib.rs", code)]);
        (routes.into_iter().map(|route| format!("{} {}", route.method, route.path)).collect(), findings)
    }

    #[test]
    fn reads_routers_over_several_lines() {
        let (found, findings) = routes(
            r#"Router::new()
                .route("/leads", get(list_leads).post(create_lead)) // .route("/no", get(no))
                .route(
                    "/leads/{id}",
                    get(find_lead)
                        .patch(change_lead::<A>)
                        .delete(delete_lead),
                )
                .route("/leads/{id}/status", axum::routing::post(async || "a).get(b").layer(limit(1)))
                .merge(api::health_routes("crm", None))
            #[cfg(test)]
            mod tests { fn x() { Router::new().route("/test", get(x)) } }"#,
        );
        assert_eq!(findings, [""; 0]);
        assert_eq!(
            found,
            [
                "delete /leads/{id}",
                "get /crm/healthz",
                "get /crm/readyz",
                "get /leads",
                "get /leads/{id}",
                "patch /leads/{id}",
                "post /leads",
                "post /leads/{id}/status",
            ]
        );
    }

    #[test]
    fn says_what_it_cannot_read() {
        for code in [
            ".route(PATH, get(a))",
            ".route(\"/a\", any(a))",
            ".route(\"/a\", methods)",
            ".route(\"/a\")",
            ".nest(\"/a\", b())",
            "health_routes(NAME)",
        ] {
            let (found, findings) = routes(code);
            assert_eq!((found.len(), findings.len()), (0, 1), "{code}: {found:?} {findings:?}");
        }
    }

    #[test]
    fn a_route_on_one_side_only_is_found() {
        let (served, _) = served(&[Source::new("components/crm/src/lib.rs", r#".route("/a", get(a).post(b))"#)]);
        let document = json!({ "paths": { "/a": { "get": {}, "parameters": [] }, "/b": { "put": {} } } });
        assert_eq!(
            compare(&served, &documented("crm", &document)),
            ["POST /a of crm is served and not documented", "PUT /b of crm is documented and not served"]
        );
        assert!(compare(&served, &served).is_empty());
    }

    #[test]
    fn a_route_that_the_manifest_sends_elsewhere_is_found() {
        let manifest = r#"
            trigger.http = [
                { route = "/...", component = "web" },
                { route = "/leads/...", component = "crm" },
                { route = "/leads/exports", component = "exports" },
            ]"#;
        let check = |component, path, wanted: &[&str]| {
            let routes = BTreeSet::from([Route::new(component, "get", path)]);
            assert_eq!(unreachable(&routes, manifest).unwrap(), wanted, "{component} {path}");
        };
        check("crm", "/leads", &[]);
        check("crm", "/leads/{id}", &[]);
        check("exports", "/leads/exports", &[]);
        check("web", "/", &[]);
        check("crm", "/leads/exports", &["spin.toml sends /leads/exports to exports, not to crm"]);
        check("crm", "/leadsmore", &["spin.toml sends /leadsmore to web, not to crm"]);
    }
}
