//! Which trigger answers a path, with Spin's precedence.
//!
//! Compared segment by segment from the left: a literal beats `:name`, which beats a trailing `/...`, so the longest specific
//! prefix wins. Matching is on the raw path: case counts, nothing is decoded, one trailing slash is forgiven. Of two equal
//! routes the last wins. Private routes are not here: only chaining reaches them.

use crate::manifest::{HttpTrigger, RoutePattern};
use anyhow::anyhow;
use routefinder::Captures;
use std::sync::Arc;

/// What requests under this prefix get is decided by the host; no component sees them.
pub(crate) const WELL_KNOWN_PREFIX: &str = "/.well-known/spin/";

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The component with this id.
    Component(String),
    /// The static response of the trigger with this id.
    Static(String),
}

impl Target {
    /// The id that the list of routes shows.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Component(id) | Self::Static(id) => id,
        }
    }
}

/// One public route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// As the manifest has it.
    pub(crate) raw: String,
    /// With a leading and without a trailing slash.
    pub(crate) based: String,
    /// Who answers.
    pub(crate) target: Target,
}

impl Route {
    /// The route without its trailing wildcard.
    pub(crate) fn prefix(&self) -> &str {
        self.raw.strip_suffix("/...").unwrap_or(&self.raw)
    }

    /// How the list of routes shows it.
    pub(crate) fn display(&self) -> String {
        match self.based.strip_suffix("/...").or_else(|| self.based.strip_suffix("/*")) {
            Some(prefix) => format!("{prefix} (wildcard)"),
            None => self.based.clone(),
        }
    }
}

/// A route and what it caught of the path.
#[derive(Clone, Debug)]
pub(crate) struct RouteMatch {
    /// The route that won.
    pub(crate) route: Arc<Route>,
    /// The part that the wildcard caught, with its slashes; empty without a wildcard.
    pub(crate) path_info: String,
    /// What each `:name` caught.
    pub(crate) named: Vec<(String, String)>,
}

impl RouteMatch {
    /// The match of a request from another component: every path belongs to the callee.
    pub(crate) fn chained(component: &str, path: &str) -> Self {
        Self {
            route: Arc::new(Route {
                raw: "/...".to_owned(),
                based: "/...".to_owned(),
                target: Target::Component(component.to_owned()),
            }),
            path_info: path.to_owned(),
            named: Vec::new(),
        }
    }
}

/// The public routes of an application.
#[derive(Debug)]
pub(crate) struct Router {
    routes: routefinder::Router<Arc<Route>>,
}

impl Router {
    /// Builds the router; says on stderr which routes can never answer.
    pub(crate) fn new(triggers: &[HttpTrigger]) -> anyhow::Result<Self> {
        let mut routes: Vec<Route> = Vec::new();
        for trigger in triggers {
            let RoutePattern::Public(raw) = &trigger.route else { continue };
            let route = Route { raw: raw.clone(), based: based(raw), target: target(trigger) };
            if let Some(duplicate) = routes.iter_mut().find(|known| known.raw == *raw) {
                eprintln!(
                    "ERROR: the route {raw} of {:?} is never used: {:?} has it too and comes later",
                    duplicate.target.id(),
                    route.target.id(),
                );
                *duplicate = route;
            } else {
                routes.push(route);
            }
        }
        let mut router = routefinder::Router::new();
        for route in routes {
            if route.based.starts_with(WELL_KNOWN_PREFIX) {
                eprintln!("ERROR: the route {} is never used: the host answers there", route.raw);
            }
            let pattern = match route.based.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*"),
                None => route.based.clone(),
            };
            let text = route.raw.clone();
            router
                .add(pattern.as_str(), Arc::new(route))
                .map_err(|error| anyhow!("the route {text:?} cannot be parsed: {error}"))?;
        }
        Ok(Self { routes: router })
    }

    /// The best match for a path.
    pub(crate) fn find(&self, path: &str) -> Option<RouteMatch> {
        let best = self.routes.best_match(path)?;
        let captures = best.captures();
        Some(RouteMatch {
            route: best.handler().clone(),
            path_info: path_info(&captures, path),
            named: captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    /// All public routes, the most specific first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|(_, route)| &**route)
    }
}

fn target(trigger: &HttpTrigger) -> Target {
    match trigger.component() {
        Some(component) => Target::Component(component.to_owned()),
        None => Target::Static(trigger.id.clone()),
    }
}

fn based(raw: &str) -> String {
    let absolute = if raw.starts_with('/') { raw.to_owned() } else { format!("/{raw}") };
    absolute.strip_suffix('/').map_or(absolute.clone(), str::to_owned)
}

/// The wildcard's part keeps a leading and a trailing slash, which the router cuts off.
fn path_info(captures: &Captures<'_, '_>, path: &str) -> String {
    match (captures.wildcard(), path.ends_with('/')) {
        (None, _) | (Some(""), false) => String::new(),
        (Some(""), true) => "/".to_owned(),
        (Some(rest), false) => format!("/{rest}"),
        (Some(rest), true) => format!("/{rest}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[(&str, &str)]) -> Router {
        let triggers: Vec<HttpTrigger> = routes
            .iter()
            .map(|(route, component)| toml::from_str(&format!("route = {route:?}\ncomponent = {component:?}")).unwrap())
            .collect();
        Router::new(&triggers).unwrap()
    }

    #[track_caller]
    fn check(router: &Router, path: &str, expected: Option<(&str, &str)>) {
        let found = router.find(path);
        let found = found.as_ref().map(|found| (found.route.target.id(), found.path_info.as_str()));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn the_most_specific_route_wins() {
        let router = router(&[
            ("/...", "web"),
            ("/users/:id", "user"),
            ("/users/me", "me"),
            ("/users/...", "users"),
            ("/users/me/...", "below"),
        ]);
        check(&router, "/", Some(("web", "/")));
        check(&router, "/x/y", Some(("web", "/x/y")));
        check(&router, "/x/y/", Some(("web", "/x/y/")));
        check(&router, "/users/me", Some(("me", "")));
        check(&router, "/users/me/x", Some(("below", "/x")));
        check(&router, "/users/7", Some(("user", "")));
        check(&router, "/users/7/x", Some(("users", "/7/x")));
        check(&router, "/users", Some(("users", "")));
        check(&router, "/users/", Some(("users", "/")));
    }

    #[test]
    fn the_raw_path_counts() {
        let router = router(&[("/cart", "cart"), ("/Items", "items")]);
        check(&router, "/cart", Some(("cart", "")));
        check(&router, "/cart/", Some(("cart", "")));
        check(&router, "/c%61rt", None);
        check(&router, "/items", None);
        check(&router, "/cart/x", None);
    }

    #[test]
    fn names_catch_one_segment() {
        let router = router(&[("/tenants/:tenant/users/:user", "x")]);
        let found = router.find("/tenants/a/users/b").unwrap();
        let named: Vec<_> = found.named.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(named, [("tenant", "a"), ("user", "b")]);
    }

    #[test]
    fn the_last_of_equal_routes_wins() {
        check(&router(&[("/x", "first"), ("/x", "second")]), "/x", Some(("second", "")));
    }

    #[test]
    fn private_routes_are_not_public() {
        let private: HttpTrigger = toml::from_str("route = { private = true }\ncomponent = \"x\"").unwrap();
        let router = Router::new(&[private]).unwrap();
        check(&router, "/", None);
        assert_eq!(router.iter().count(), 0);
    }

    #[test]
    fn a_chained_request_owns_every_path() {
        let found = RouteMatch::chained("auth", "/internal/x");
        assert_eq!((found.path_info.as_str(), found.route.prefix()), ("/internal/x", ""));
    }
}
