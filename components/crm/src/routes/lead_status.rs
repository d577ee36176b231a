//! The status of a lead: moves, and their history.
//!
//! What must stay true: a lead moves only as the one table of moves says, also when two move it at once; every move
//! is noted in the statement that makes it.

use api::{Clock, IfMatch, Page, Path, Posted, Query, answer_once};
use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use http::StatusCode;
use identity::{
    Authorized,
    right::{ReadLeads, WriteLeads},
};
use ids::{LeadId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    CrmState,
    domain::status::Status,
    error::CrmError,
    routes::{
        lead_response,
        leads::LeadView,
        refusals::{JsonBody, Moving, OneLead, Reading, Versioned, Writing},
    },
    store::{self, lead_status_changes::StatusChangeRow, leads::Move},
};

pub(crate) fn router() -> Router<CrmState> {
    Router::new()
        .route("/leads/{id}/status", post(move_lead))
        .route("/leads/{id}/status-changes", get(list_lead_status_changes))
}

/// Where a lead is to go.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStatus {
    #[garde(skip)]
    status: Status,
}

/// A move of a lead.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusChange, example = json!({
    "from": "NEW", "to": "CONTACTED", "changed_by": "usr_01h455vb4pex5vsknk084sn02q", "changed_at": "2026-01-31T09:41:12.000512Z"}))]
pub(crate) struct StatusChangeView {
    from: Status,
    to: Status,
    /// Who moved it.
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    changed_by: UserId,
    changed_at: DateTime<Utc>,
}

impl From<StatusChangeRow> for StatusChangeView {
    fn from(row: StatusChangeRow) -> Self {
        Self { from: row.from, to: row.to, changed_by: row.changed_by.into(), changed_at: row.changed_at }
    }
}

/// Moves a lead to another status. NEW goes to CONTACTED, QUALIFIED or LOST; CONTACTED to QUALIFIED, PROPOSAL or LOST;
/// QUALIFIED to CONTACTED, PROPOSAL, WON or LOST; PROPOSAL to QUALIFIED, WON or LOST; LOST to CONTACTED; WON nowhere.
#[utoipa::path(post, path = "/leads/{id}/status", operation_id = "move_lead", tag = "leads",
    security(("bearer" = ["leads:write"])),
    params(("id" = String, Path, description = "The lead", example = "led_01h455vb4pex5vsknk084sn02q"),
           ("If-Match" = Option<String>, Header, description = "The ETag that the lead must still have"),
           ("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewStatus, example = json!({ "status": "CONTACTED" })),
    responses((status = 200, description = "The lead in its new status", body = LeadView,
               headers(("ETag" = String, description = "The version of the lead"))),
              Writing, JsonBody, OneLead, Versioned, Moving))]
pub(crate) async fn move_lead(
    caller: Authorized<WriteLeads>,
    clock: Clock,
    Path(id): Path<LeadId>,
    if_match: IfMatch,
    Posted { body: NewStatus { status: to }, claim }: Posted<NewStatus>,
) -> Result<Response, CrmError> {
    let version = if_match.version();
    let moved = store::leads::move_to(&caller, claim.as_ref(), id, to, version, clock.now()).await?;
    Ok(answer_once(moved, |outcome| match outcome {
        Some(Move::Moved(lead)) => lead_response(StatusCode::OK, *lead),
        Some(Move::Refused { from }) => CrmError::LeadMoveNotAllowed { from, to }.into_response(),
        Some(Move::Stale) => CrmError::LeadStale.into_response(),
        None => CrmError::LeadNotFound.into_response(),
    })?)
}

/// Which part of the history.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatusChangeQuery {
    /// How many moves to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the moves of a lead, oldest first.
#[utoipa::path(get, path = "/leads/{id}/status-changes", operation_id = "list_lead_status_changes", tag = "leads",
    security(("bearer" = ["leads:read"])),
    params(("id" = String, Path, description = "The lead", example = "led_01h455vb4pex5vsknk084sn02q"),
           StatusChangeQuery),
    responses((status = 200, description = "A page of moves", body = Page<StatusChangeView>), Reading, OneLead))]
pub(crate) async fn list_lead_status_changes(
    caller: Authorized<ReadLeads>,
    Path(id): Path<LeadId>,
    Query(query): Query<StatusChangeQuery>,
) -> Result<Json<Page<StatusChangeView>>, CrmError> {
    let after: Option<i64> = query.cursor.as_deref().map(api::decode_cursor).transpose()?;
    let rows = query.limit.rows();
    let moves = store::lead_status_changes::list(&caller, id, after, rows + 1).await?;
    let mut moves = moves.ok_or(CrmError::LeadNotFound)?;
    let has_more = moves.len() > rows;
    moves.truncate(rows);
    let next_cursor = moves.last().filter(|_| has_more).map(|last| api::encode_cursor(&last.id));
    Ok(Json(Page { data: moves.into_iter().map(StatusChangeView::from).collect(), next_cursor }))
}
