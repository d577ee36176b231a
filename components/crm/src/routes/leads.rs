//! Leads, one at a time.
//!
//! What must stay true: a lead is scored whenever its details are written; a change is written over the version that
//! it was made from, so none is lost; a deleted lead is no lead.

use api::{Clock, IfMatch, Json, Path, Posted, answer_once};
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use http::{HeaderValue, StatusCode, header};
use identity::{
    Authorized,
    right::{ReadLeads, WriteLeads},
};
use ids::LeadId;
use serde::Serialize;

use crate::{
    CrmState,
    domain::{
        lead::{Lead, LeadChanges, LeadDetails},
        priority::Priority,
        score::ScoreReason,
        source::Source,
        status::Status,
        text::{CompanyName, Country, Email, JobTitle, Notes, PersonName, Phone, Website},
    },
    error::CrmError,
    routes::{
        lead_lists::list_leads,
        lead_response,
        refusals::{AllLeads, JsonBody, OneLead, Reading, Versioned, Writing},
    },
    store::{
        self,
        leads::{Deletion, Update},
    },
};

/// How often a change is made anew when somebody else's comes between reading and writing the lead.
const UPDATE_TRIES: usize = 4;

pub(crate) fn router() -> Router<CrmState> {
    Router::new()
        .route("/leads", post(create_lead).get(list_leads))
        .route("/leads/{id}", get(find_lead).patch(update_lead).delete(delete_lead))
}

/// A lead.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Lead, example = json!({
    "id": "led_01h455vb4pex5vsknk084sn02q", "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace",
    "company": "Analytical Engines", "job_title": "CEO", "phone": null, "source": "REFERRAL", "website": null,
    "country": "GB", "notes": null, "status": "NEW", "priority": "URGENT", "priority_set_at": null, "score": 100,
    "score_reasons": [{ "rule": "base", "points": 50 }, { "rule": "company", "points": 20 },
                      { "rule": "job_title_ceo", "points": 20 }, { "rule": "source_referral", "points": 20 }],
    "created_at": "2026-01-31T09:30:00.123456Z", "updated_at": "2026-01-31T09:30:00.123456Z"}))]
pub(crate) struct LeadView {
    #[schema(value_type = String, example = "led_01h455vb4pex5vsknk084sn02q")]
    id: LeadId,
    email: Email,
    #[schema(required)]
    first_name: Option<PersonName>,
    #[schema(required)]
    last_name: Option<PersonName>,
    #[schema(required)]
    company: Option<CompanyName>,
    #[schema(required)]
    job_title: Option<JobTitle>,
    #[schema(required)]
    phone: Option<Phone>,
    source: Source,
    #[schema(required)]
    website: Option<Website>,
    #[schema(required)]
    country: Option<Country>,
    #[schema(required)]
    notes: Option<Notes>,
    status: Status,
    priority: Priority,
    /// When a person set the priority; null while it follows the score.
    #[schema(required)]
    priority_set_at: Option<DateTime<Utc>>,
    /// How good the lead looks: 0 to 100.
    #[schema(example = 100, maximum = 100)]
    score: u8,
    /// The rules that fired. Their points may sum to more than the score, which ends at 100.
    score_reasons: Vec<ScoreReason>,
    created_at: DateTime<Utc>,
    /// When the lead was last changed or moved.
    updated_at: DateTime<Utc>,
}

impl From<Lead> for LeadView {
    fn from(lead: Lead) -> Self {
        let details = lead.details;
        Self {
            id: lead.id,
            email: details.email,
            first_name: details.first_name,
            last_name: details.last_name,
            company: details.company,
            job_title: details.job_title,
            phone: details.phone,
            source: details.source,
            website: details.website,
            country: details.country,
            notes: details.notes,
            status: lead.status,
            priority: lead.priority,
            priority_set_at: lead.priority_set_at,
            score: lead.score.points,
            score_reasons: lead.score.reasons,
            created_at: lead.created_at,
            updated_at: lead.updated_at,
        }
    }
}

/// Adds a lead and scores it. The same email address may come twice.
#[utoipa::path(post, path = "/leads", operation_id = "create_lead", tag = "leads",
    security(("bearer" = ["leads:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = LeadDetails, example = json!({
        "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines",
        "job_title": "CEO", "source": "REFERRAL", "country": "GB"})),
    responses((status = 201, description = "The lead", body = LeadView,
               headers(("Location" = String, description = "The path of the lead"),
                       ("ETag" = String, description = "The version of the lead"))),
              Writing, JsonBody, AllLeads))]
pub(crate) async fn create_lead(
    caller: Authorized<WriteLeads>,
    clock: Clock,
    Posted { body: details, claim }: Posted<LeadDetails>,
) -> Result<Response, CrmError> {
    let lead = Lead::new(LeadId::new(), details, clock.now());
    let created = store::leads::insert(&caller, claim.as_ref(), &lead).await?;
    Ok(answer_once(created, |lead| {
        let location = HeaderValue::from_str(&format!("/leads/{}", lead.id));
        let mut response = lead_response(StatusCode::CREATED, lead);
        response.headers_mut().extend(location.ok().map(|path| (header::LOCATION, path)));
        response
    })?)
}

/// Gives a lead.
#[utoipa::path(get, path = "/leads/{id}", operation_id = "find_lead", tag = "leads",
    security(("bearer" = ["leads:read"])),
    params(("id" = String, Path, description = "The lead", example = "led_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The lead", body = LeadView,
               headers(("ETag" = String, description = "The version of the lead"))),
              Reading, OneLead))]
pub(crate) async fn find_lead(caller: Authorized<ReadLeads>, Path(id): Path<LeadId>) -> Result<Response, CrmError> {
    let lead = store::leads::find(&caller, id).await?.ok_or(CrmError::LeadNotFound)?;
    Ok(lead_response(StatusCode::OK, lead))
}

/// Changes fields of a lead and scores it anew. An absent field stays as it is; null clears one that is optional.
#[utoipa::path(patch, path = "/leads/{id}", operation_id = "update_lead", tag = "leads",
    security(("bearer" = ["leads:write"])),
    params(("id" = String, Path, description = "The lead", example = "led_01h455vb4pex5vsknk084sn02q"),
           ("If-Match" = Option<String>, Header, description = "The ETag that the lead must still have")),
    request_body(content = LeadChanges, example = json!({ "job_title": "CTO", "phone": null, "priority": "HIGH" })),
    responses((status = 200, description = "The lead as it stands now", body = LeadView,
               headers(("ETag" = String, description = "The version of the lead"))),
              Writing, JsonBody, OneLead, Versioned))]
pub(crate) async fn update_lead(
    caller: Authorized<WriteLeads>,
    clock: Clock,
    Path(id): Path<LeadId>,
    if_match: IfMatch,
    Json(changes): Json<LeadChanges>,
) -> Result<Response, CrmError> {
    for _ in 0..UPDATE_TRIES {
        let lead = store::leads::find(&caller, id).await?.ok_or(CrmError::LeadNotFound)?;
        // Where a version is named, losing the race below ends here in the next round.
        if_match.check(lead.version)?;
        let Some(changed) = lead.changed(changes.clone(), clock.now()) else {
            return Ok(lead_response(StatusCode::OK, lead));
        };
        match store::leads::update(&caller, &changed, clock.now()).await?.ok_or(CrmError::LeadNotFound)? {
            Update::Updated(lead) => return Ok(lead_response(StatusCode::OK, *lead)),
            Update::Stale => {}
        }
    }
    Err(CrmError::LeadContended)
}

/// Deletes a lead.
#[utoipa::path(delete, path = "/leads/{id}", operation_id = "delete_lead", tag = "leads",
    security(("bearer" = ["leads:write"])),
    params(("id" = String, Path, description = "The lead", example = "led_01h455vb4pex5vsknk084sn02q"),
           ("If-Match" = Option<String>, Header, description = "The ETag that the lead must still have")),
    responses((status = 204, description = "The lead is gone"), Writing, OneLead, Versioned))]
pub(crate) async fn delete_lead(
    caller: Authorized<WriteLeads>,
    clock: Clock,
    Path(id): Path<LeadId>,
    if_match: IfMatch,
) -> Result<Response, CrmError> {
    let deletion = store::leads::delete(&caller, id, if_match.version(), clock.now()).await?;
    match deletion.ok_or(CrmError::LeadNotFound)? {
        Deletion::Deleted => Ok(StatusCode::NO_CONTENT.into_response()),
        Deletion::Stale => Err(CrmError::LeadStale),
    }
}
