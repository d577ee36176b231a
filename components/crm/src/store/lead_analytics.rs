//! The figures of a tenant's leads: `sql/lead_analytics.sql`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use db::DbError;
use identity::Caller;
use serde::Deserialize;
use serde_json::json;

use crate::domain::{period::Period, priority::Priority, source::Source, status::Status};

/// The figures; a word that no lead has is missing.
#[derive(Debug, Deserialize)]
pub(crate) struct LeadAnalyticsRow {
    pub(crate) total: u64,
    pub(crate) by_status: BTreeMap<Status, u64>,
    pub(crate) by_source: BTreeMap<Source, u64>,
    pub(crate) by_priority: BTreeMap<Priority, u64>,
    /// With two decimals; `None` without leads.
    pub(crate) average_score: Option<f64>,
    /// By the tenth that a score is in: 0 for 0 to 9, and 9 for 90 to 100.
    pub(crate) by_score_tenth: BTreeMap<u8, u64>,
    /// Every day that was asked for, the first one first.
    pub(crate) per_day: Vec<DayRow>,
}

/// How many leads a day brought.
#[derive(Debug, Deserialize)]
pub(crate) struct DayRow {
    pub(crate) date: NaiveDate,
    pub(crate) count: u64,
}

/// The figures of the leads that were created in a period, and of each of the days.
pub(crate) async fn summarize(
    caller: &Caller,
    period: Period,
    (first_day, last_day): (NaiveDate, NaiveDate),
) -> Result<LeadAnalyticsRow, DbError> {
    let args = json!({
        "created_after": period.after, "created_before": period.before,
        "first_day": first_day, "last_day": last_day,
    });
    let function = "crm.summarize_leads";
    DbError::answered(function, caller.read(function, &args).await?)
}
