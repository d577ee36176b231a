//! The timeline of a payment: what happened to it, and who told.

use api::{Page, Path, Query, decode_cursor, encode_cursor};
use axum::{Json, Router, routing::get};
use chrono::{DateTime, Utc};
use identity::{Authorized, right::ReadPayments};
use ids::{ApiKeyId, PaymentId, RefundId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusals::{OnePayment, Reading};
use crate::{
    PaymentsState,
    domain::payment::State as PaymentState,
    error::PaymentError,
    store::{self, payments::EventRow},
};

pub(crate) fn router() -> Router<PaymentsState> {
    Router::new().route("/payments/{id}/events", get(list_payment_events))
}

/// Something that happened to a payment.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PaymentEvent, example = json!({
    "type": "payment.captured", "at": "2026-01-31T09:30:00.123456Z", "source": "api", "state": "captured",
    "details": { "authorized": 1099, "captured": 1099, "failure": null, "late_success": null }}))]
pub(crate) struct EventView {
    #[schema(example = "payment.captured")]
    r#type: String,
    at: DateTime<Utc>,
    /// Who told: `api`, `webhook`, `return`, `sync` or `sweep`.
    #[schema(example = "api")]
    source: String,
    /// What the payment was then.
    state: PaymentState,
    #[schema(value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    details: serde_json::Value,
}

impl From<EventRow> for EventView {
    fn from(row: EventRow) -> Self {
        Self {
            r#type: row.event_type,
            at: row.at,
            source: row.source,
            state: row.state,
            details: with_ids(row.details),
        }
    }
}

/// Writes the ids that the database keeps as UUIDs as clients know them.
fn with_ids(mut details: serde_json::Value) -> serde_json::Value {
    let Some(members) = details.as_object_mut() else { return details };
    for (name, value) in members {
        let Some(uuid) = value.as_str().and_then(|text| text.parse::<Uuid>().ok()) else { continue };
        *value = match name.as_str() {
            "refund" => RefundId::from(uuid).to_string().into(),
            "by" => UserId::from(uuid).to_string().into(),
            "key" => ApiKeyId::from(uuid).to_string().into(),
            _ => continue,
        };
    }
    details
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// How many events to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what happened to a payment, oldest first.
#[utoipa::path(get, path = "/payments/{id}/events", operation_id = "list_payment_events", tag = "payments",
    security(("bearer" = ["payments:read"])),
    params(("id" = String, Path, description = "The payment", example = "pay_01h455vb4pex5vsknk084sn02q"), EventQuery),
    responses((status = 200, description = "A page of the timeline", body = Page<EventView>), Reading, OnePayment))]
pub(crate) async fn list_payment_events(
    caller: Authorized<ReadPayments>,
    Path(id): Path<PaymentId>,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<EventView>>, PaymentError> {
    let after: Option<i64> = query.cursor.as_deref().map(decode_cursor).transpose()?;
    let events = store::payments::list_events(&caller, id, after, query.limit.rows() + 1).await?;
    let mut events = events.ok_or(PaymentError::PaymentNotFound)?;
    let has_more = events.len() > query.limit.rows();
    events.truncate(query.limit.rows());
    let next_cursor = events.last().filter(|_| has_more).map(|event| encode_cursor(&event.id));
    Ok(Json(Page { data: events.into_iter().map(EventView::from).collect(), next_cursor }))
}
