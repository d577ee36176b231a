//! spin.toml: which component answers which path, and the variables of each.
//!
//! A variable's value is `SPIN_VARIABLE_<NAME>` of the environment, else the manifest's default; a component sees its
//! own table, whose texts may hold `{{ name }}`. No other provider is asked, and no `.env` is read.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, bail};
use spin_sdk::native::Variables;
use toml::{Table, Value};

/// One route, by the component's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route<C> {
    /// The path, without the wildcard and without a slash at its end.
    pub(crate) prefix: String,
    /// Whether everything below is meant too.
    pub(crate) wildcard: bool,
    /// Who answers.
    pub(crate) component: C,
}

impl<C> Route<C> {
    /// Whether the route answers a path. One slash at the end is forgiven, as the hosts do.
    fn answers(&self, path: &str) -> bool {
        match path.strip_prefix(&self.prefix) {
            Some("" | "/") => true,
            Some(below) => self.wildcard && below.starts_with('/'),
            None => false,
        }
    }
}

/// The component that answers a path; the routes come longest first.
pub(crate) fn find<'a, C>(routes: &'a [Route<C>], path: &str) -> Option<&'a C> {
    routes.iter().find(|route| route.answers(path)).map(|route| &route.component)
}

/// What the manifest says.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The routes, longest first.
    pub(crate) routes: Vec<Route<String>>,
    /// The variables of each component, as they are to be read.
    pub(crate) variables: Variables,
}

impl Manifest {
    /// Reads a file; `environment` gives environment variables.
    pub(crate) fn read(path: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text, environment).with_context(|| format!("{} is not understood", path.display()))
    }

    fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let manifest: Table = text.parse()?;
        let declared = table(manifest.get("variables"));
        let value = |name: &str| -> Result<String> {
            let variable = declared.get(name).with_context(|| format!("there is no variable {name:?}"))?;
            environment(&format!("SPIN_VARIABLE_{}", name.to_uppercase()))
                .or_else(|| Some(variable.get("default")?.as_str()?.to_owned()))
                .with_context(|| format!("the variable {name:?} has no value"))
        };
        let mut variables = Variables::new();
        for (component, description) in table(manifest.get("component")) {
            let mut filled = HashMap::new();
            for (name, template) in table(description.get("variables")) {
                let template = template.as_str().with_context(|| format!("{component}.{name} is not a text"))?;
                filled.insert(name, fill(template, value)?);
            }
            variables.insert(component, filled);
        }
        Ok(Self { routes: routes(&manifest)?, variables })
    }
}

fn table(value: Option<&Value>) -> Table {
    value.and_then(Value::as_table).cloned().unwrap_or_default()
}

fn routes(manifest: &Table) -> Result<Vec<Route<String>>> {
    let triggers = manifest.get("trigger").and_then(|trigger| trigger.get("http")).and_then(Value::as_array);
    let mut routes = Vec::new();
    for trigger in triggers.context("there is no [[trigger.http]]")? {
        let text = |name: &str| trigger.get(name).and_then(Value::as_str);
        let (Some(route), Some(component)) = (text("route"), text("component")) else {
            bail!("a trigger needs a route and a component, both as text: {trigger}");
        };
        let (prefix, wildcard) = route.strip_suffix("/...").map_or((route, false), |prefix| (prefix, true));
        let prefix = prefix.trim_end_matches('/').to_owned();
        routes.push(Route { prefix, wildcard, component: component.to_owned() });
    }
    routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
    Ok(routes)
}

/// Fills the holes of a text.
fn fill(template: &str, value: impl Fn(&str) -> Result<String>) -> Result<String> {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, tail) = after.split_once("}}").context("a {{ is not closed")?;
        text.push_str(before);
        text.push_str(&value(name.trim())?);
        rest = tail;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
        [variables]
        db_user_crm = { default = "bizo_crm" }
        db_host = { default = "127.0.0.1" }
        [[trigger.http]]
        route = "/..."
        component = "web"
        [[trigger.http]]
        route = "/leads/..."
        component = "crm"
        [[trigger.http]]
        route = "/.well-known/jwks.json"
        component = "auth"
        [component.crm.variables]
        db_user = "{{ db_user_crm }}"
        address = "postgres://{{db_host}}:5432"
    "#;

    #[test]
    fn a_component_reads_its_own_variables_and_the_environment_wins() {
        let environment = |name: &str| (name == "SPIN_VARIABLE_DB_HOST").then(|| "db".to_owned());
        let variables = Manifest::parse(MANIFEST, environment).unwrap().variables;
        assert_eq!(variables["crm"]["db_user"], "bizo_crm");
        assert_eq!(variables["crm"]["address"], "postgres://db:5432");
    }

    #[test]
    fn the_longest_route_answers() {
        let routes = Manifest::parse(MANIFEST, |_| None).unwrap().routes;
        let find = |path| find(&routes, path).unwrap().as_str();
        for path in ["/leads", "/leads/", "/leads/led_x/status"] {
            assert_eq!(find(path), "crm", "{path}");
        }
        for path in ["/", "//", "/leadsx", "/.well-known/jwks.json/x", "/.well-known"] {
            assert_eq!(find(path), "web", "{path}");
        }
        assert_eq!(find("/.well-known/jwks.json"), "auth");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let missing = MANIFEST.replace("{{ db_user_crm }}", "{{ db_user_x }}");
        assert!(Manifest::parse(&missing, |_| None).is_err());
        assert!(Manifest::parse(&MANIFEST.replace("{{ db_user_crm }}", "{{ db_user_crm"), |_| None).is_err());
        assert!(Manifest::parse("", |_| None).is_err());
    }
}
