//! The history of a lead's status: `sql/leads.sql`. Rows are added by [`super::leads::move_to`] and never change.

use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use ids::LeadId;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::status::Status;

/// A move of a lead.
#[derive(Debug, Deserialize)]
pub(crate) struct StatusChangeRow {
    /// Grows with every move of the tenant's leads.
    pub(crate) id: i64,
    pub(crate) from: Status,
    pub(crate) to: Status,
    pub(crate) changed_by: Uuid,
    pub(crate) changed_at: DateTime<Utc>,
}

/// The moves of a lead, oldest first, behind one of them; `None` where the tenant has no such lead.
pub(crate) async fn list(
    caller: &Caller,
    lead: LeadId,
    after: Option<i64>,
    limit: usize,
) -> Result<Option<Vec<StatusChangeRow>>, DbError> {
    let args = json!({ "id": lead.uuid(), "after": after, "limit": limit });
    caller.read("crm.list_lead_status_changes", &args).await
}
