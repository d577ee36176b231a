//! The tenant's audit log: `sql/audit_log.sql`. Nothing here adds to it: that is part of the statement that does what
//! the entry tells.

use api::Moment;
use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use ids::AuditEntryId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::audit_target::TargetType;

/// An entry.
#[derive(Debug, Deserialize)]
pub(crate) struct AuditEntryRow {
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) action: String,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) key_id: Option<Uuid>,
    pub(crate) target_type: Option<TargetType>,
    pub(crate) target_id: Option<Uuid>,
    pub(crate) address: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) details: Value,
}

/// Which entries, from where on; what is `None` does not matter.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AuditList {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<Uuid>,
    #[serde(flatten)]
    pub(crate) target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_after: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_before: Option<Moment>,
    #[serde(flatten)]
    pub(crate) after: Option<After>,
    /// The most rows to give.
    pub(crate) limit: usize,
}

/// What was done something to.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    pub(crate) target_id: Uuid,
    pub(crate) target_types: &'static [TargetType],
}

/// The last entry of the page before.
#[derive(Debug, Serialize)]
pub(crate) struct After {
    pub(crate) after_at: Moment,
    pub(crate) after_id: Uuid,
}

/// The place of an entry: what a cursor holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) at: Moment,
    pub(crate) id: AuditEntryId,
}

impl From<Place> for After {
    fn from(place: Place) -> Self {
        Self { after_at: place.at, after_id: place.id.uuid() }
    }
}

/// Entries, newest first.
pub(crate) async fn list(caller: &Caller, list: &AuditList) -> Result<Vec<AuditEntryRow>, DbError> {
    let function = "auth.list_audit_log";
    DbError::answered(function, caller.read(function, list).await?)
}
