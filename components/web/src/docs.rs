//! `GET /docs`: the API description for people, shown by Swagger UI from this component's own files; `GET /docs/crm` and
//! its like show one component's.
//!
//! What must stay true: the page loads nothing from anywhere else, and its policy lets no script in that is not a file
//! of ours. A file's address holds a digest of all of them, so a browser never mixes two deployments'.

use std::sync::Arc;

use api::{Path, Problem};
use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};

use crate::packed::{ASK_FIRST, ASSETS, ASSETS_DIGEST, DESCRIPTIONS, FOR_GOOD, Packed, SWAGGER_UI};

const PAGE: &str = include_str!("docs/docs.html");

/// Swagger UI draws its arrows with pictures inside its style sheet, hence `data:`; it asks this origin and no other.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The pages, made once for an instance: each with the name of the description that it shows.
type Pages = Arc<[(&'static str, String)]>;

pub(crate) fn router() -> Router {
    let pages: Pages = DESCRIPTIONS.iter().map(|description| (stem(description), page(stem(description)))).collect();
    Router::new()
        .route("/docs", get(show_docs))
        .route("/docs/{component}", get(show_component_docs))
        .route("/docs/assets/{digest}/{file}", get(show_docs_file))
        .with_state(pages)
}

/// Shows this description to people, who can try its routes out there.
#[utoipa::path(get, path = "/docs", operation_id = "show_docs", tag = "web",
    responses((status = 200, description = "The page", content_type = "text/html", body = String)))]
pub(crate) async fn show_docs(State(pages): State<Pages>) -> Result<Response, Problem> {
    answer(&pages, WHOLE)
}

/// Shows the routes of one component to people.
#[utoipa::path(get, path = "/docs/{component}", operation_id = "show_component_docs", tag = "web",
    params(("component" = String, Path, description = "`auth`, `crm`, `payments`, `events` or `web`", example = "crm")),
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
              (status = 400, description = "`malformed_id`: the name is not UTF-8", body = api::ProblemBody),
              (status = 404, description = "`route_not_found`: no component has this name", body = api::ProblemBody)))]
pub(crate) async fn show_component_docs(
    State(pages): State<Pages>,
    Path(component): Path<String>,
) -> Result<Response, Problem> {
    if component == WHOLE {
        return Err(Problem::route_not_found());
    }
    answer(&pages, &component)
}

/// A file of the page at `/docs`, whose address changes when any of them does.
#[utoipa::path(get, path = "/docs/assets/{digest}/{file}", operation_id = "show_docs_file", tag = "web",
    params(("digest" = String, Path, description = "As the page names it"),
           ("file" = String, Path, description = "As the page names it", example = "swagger-ui.css")),
    responses((status = 200, description = "The file; it may be kept for good",
               content((String = "text/css"), (String = "text/javascript"), (String = "text/plain"))),
              (status = 304, description = "The file is still the one that `If-None-Match` names"),
              (status = 400, description = "`malformed_id`: the name is not UTF-8", body = api::ProblemBody),
              (status = 404, description = "`route_not_found`: no such file, or not any more", body = api::ProblemBody)))]
pub(crate) async fn show_docs_file(
    Path((digest, file)): Path<(String, String)>,
    sent: HeaderMap,
) -> Result<Response, Problem> {
    if digest != ASSETS_DIGEST {
        return Err(Problem::route_not_found());
    }
    Packed::find(&ASSETS, &file)?.answer(&sent, FOR_GOOD)
}

const WHOLE: &str = "openapi";

fn stem(description: &'static Packed) -> &'static str {
    description.name.trim_end_matches(".json")
}

fn answer(pages: &Pages, name: &str) -> Result<Response, Problem> {
    let (_, html) = pages.iter().find(|(other, _)| *other == name).ok_or_else(Problem::route_not_found)?;
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, ASK_FIRST)];
    Ok((headers, Html(html.clone())).into_response())
}

fn page(shown: &str) -> String {
    let link = |name: &str| {
        let (address, words) = if name == WHOLE { (String::new(), "all") } else { (format!("/{name}"), name) };
        let current = if name == shown { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"/docs{address}\"{current}>{words}</a>")
    };
    let components: Vec<_> = DESCRIPTIONS.iter().map(|description| link(stem(description))).collect();
    let (title, description, expansion) = match shown {
        // A hundred routes are a table of contents first.
        WHOLE => ("BizoSaaS API".to_owned(), "/openapi.json".to_owned(), "none"),
        name => (format!("BizoSaaS API: {name}"), format!("/openapi/{name}.json"), "list"),
    };
    PAGE.replace("{{title}}", &title)
        .replace("{{components}}", &components.join("\n"))
        .replace("{{description}}", &description)
        .replace("{{expansion}}", expansion)
        .replace("{{assets}}", &format!("/docs/assets/{ASSETS_DIGEST}"))
        .replace("{{version}}", SWAGGER_UI)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_its_description_and_leads_to_the_others() {
        let whole = page(WHOLE);
        assert!(whole.contains("data-description=\"/openapi.json\"") && whole.contains("href=\"/docs/crm\">crm</a>"));
        assert!(whole.contains("<a href=\"/docs\" aria-current=\"page\">all</a>"));
        let crm = page("crm");
        assert!(
            crm.contains("data-description=\"/openapi/crm.json\"") && crm.contains("<title>BizoSaaS API: crm</title>")
        );
        assert!(crm.contains("<a href=\"/docs/crm\" aria-current=\"page\">crm</a>") && !crm.contains("{{"));
    }

    #[test]
    fn the_page_holds_nothing_that_its_policy_forbids() {
        let html = page(WHOLE);
        for forbidden in ["<style", "style=\"", "onclick", "javascript:", "src=\"http", "src=\"//"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/docs/assets/") && script.contains(" defer></script>"), "{script}");
        }
    }
}
