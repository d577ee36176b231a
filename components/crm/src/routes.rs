//! The routes of the CRM, one file a resource, and their API description.

pub(crate) mod lead_analytics;
pub(crate) mod lead_lists;
pub(crate) mod lead_status;
pub(crate) mod leads;
mod refusals;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use crate::domain::lead::Lead;
use leads::LeadView;

/// The API description of this component.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    paths(
        leads::create_lead,
        lead_lists::list_leads,
        leads::find_lead,
        leads::update_lead,
        leads::delete_lead,
        lead_status::move_lead,
        lead_status::list_lead_status_changes,
        lead_analytics::summarize_leads,
        healthz,
        readyz,
    ),
    components(schemas(api::ProblemBody)),
    tags((name = "leads", description = "Who might become a customer, how good they look and why"))
)]
pub struct ApiDoc;

/// A lead at its version.
fn lead_response(status: StatusCode, lead: Lead) -> Response {
    let etag = api::etag(lead.version);
    (status, [(header::ETAG, etag)], Json(LeadView::from(lead))).into_response()
}

/// Says that the process answers.
#[utoipa::path(get, path = "/crm/healthz", operation_id = "crm_healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = api::Health)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn healthz() {}

/// Says whether the component can do its work, and what it lacks if not.
#[utoipa::path(get, path = "/crm/readyz", operation_id = "crm_readyz", tag = "health",
    responses((status = 200, description = "Ready, or degraded without the store", body = api::Readiness),
              (status = 503, description = "`not_ready`, `misconfigured`", body = api::ProblemBody,
               content_type = "application/problem+json")))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}

#[cfg(test)]
mod tests {
    use garde::Validate;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, from_value, to_value};
    use utoipa::OpenApi;

    use super::{ApiDoc, lead_status::NewStatus};
    use crate::domain::lead::{LeadChanges, LeadDetails};

    fn document() -> Value {
        to_value(ApiDoc::openapi()).unwrap()
    }

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }

    #[test]
    fn the_examples_are_valid() {
        fn check<T: DeserializeOwned + Validate<Context = ()>>(document: &Value, method: &str, path: &str) {
            let example = &document["paths"][path][method]["requestBody"]["content"]["application/json"]["example"];
            from_value::<T>(example.clone()).unwrap().validate().unwrap();
        }
        let document = document();
        check::<LeadDetails>(&document, "post", "/leads");
        check::<LeadChanges>(&document, "patch", "/leads/{id}");
        check::<NewStatus>(&document, "post", "/leads/{id}/status");
    }
}
