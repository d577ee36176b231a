//! `GET /openapi.json`: the description of every component in one document, merged by `tools/openapi` when a route
//! changes and carried in this component, so that it always describes what was built with it. `GET /openapi/crm.json`
//! and its like are the parts of it, one a component.

use api::{Path, Problem};
use axum::{Router, response::Response, routing::get};
use http::HeaderMap;

use crate::packed::{ASK_FIRST, DESCRIPTIONS, Packed};

const WHOLE: &str = "openapi.json";

pub(crate) fn router() -> Router {
    Router::new().route("/openapi.json", get(show_description)).route("/openapi/{document}", get(show_part))
}

/// Describes every route of every component, as OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "show_description", tag = "web",
    responses((status = 200, description = "The document", content_type = "application/json", body = Object,
                headers(("ETag" = String, description = "Changes when the document does")),
                example = json!({ "openapi": "3.1.0", "info": { "title": "BizoSaaS", "version": "0.1.0" },
                                  "paths": { "/users/me": { "get": { "operationId": "find_me", "tags": ["users"] } } } })),
              (status = 304, description = "The document is still the one that `If-None-Match` names")))]
pub(crate) async fn show_description(sent: HeaderMap) -> Result<Response, Problem> {
    Packed::find(&DESCRIPTIONS, WHOLE)?.answer(&sent, ASK_FIRST)
}

/// Describes the routes of one component, as OpenAPI 3.1: a whole document, with the schemas that it needs and no other.
#[utoipa::path(get, path = "/openapi/{document}", operation_id = "show_component_description", tag = "web",
    params(("document" = String, Path, description = "The component with `.json`: `auth.json`, `crm.json`, `payments.json`, \
            `events.json` or `web.json`", example = "crm.json")),
    responses((status = 200, description = "The document", content_type = "application/json", body = Object,
                headers(("ETag" = String, description = "Changes when the document does")),
                example = json!({ "openapi": "3.1.0", "info": { "title": "BizoSaaS: crm", "version": "0.1.0" },
                                  "paths": { "/leads": { "get": { "operationId": "list_leads", "tags": ["leads"] } } } })),
              (status = 304, description = "The document is still the one that `If-None-Match` names"),
              (status = 400, description = "`malformed_id`: the name is not UTF-8", body = api::ProblemBody),
              (status = 404, description = "`route_not_found`: no component has this name", body = api::ProblemBody)))]
pub(crate) async fn show_part(Path(document): Path<String>, sent: HeaderMap) -> Result<Response, Problem> {
    if document == WHOLE {
        return Err(Problem::route_not_found());
    }
    Packed::find(&DESCRIPTIONS, &document)?.answer(&sent, ASK_FIRST)
}
