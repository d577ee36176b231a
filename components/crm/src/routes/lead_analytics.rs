//! The figures of a tenant's leads. All of one answer are of one moment, and speak of the leads that were created in
//! the period and are not deleted.

use std::collections::BTreeMap;

use api::{Clock, Moment, Problem, Query, RouteClass};
use axum::{Json, Router, routing::get};
use chrono::NaiveDate;
use identity::{Authorized, right::ReadLeads};
use serde::{Deserialize, Serialize};

use crate::{
    CrmState,
    domain::{
        period::{Period, PeriodError},
        priority::Priority,
        source::Source,
        status::Status,
    },
    error::CrmError,
    routes::refusals::{AllLeads, Reading},
    store::{self, lead_analytics::LeadAnalyticsRow},
};

pub(crate) fn router() -> Router<CrmState> {
    Router::new().route("/analytics/leads", get(summarize_leads)).route_layer(RouteClass::Reports.layer())
}

/// Of which leads.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeadAnalyticsQuery {
    /// Those that were created at this moment or later; all that are old enough if it is left out.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_after: Option<Moment>,
    /// Those that were created before this moment. A period with both ends has 366 days of UTC at most; one that has
    /// only its beginning ends today.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_before: Option<Moment>,
}

/// The figures of a tenant's leads.
#[derive(Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = LeadAnalytics, example = json!({
    "total": 200,
    "by_status": { "NEW": 64, "CONTACTED": 48, "QUALIFIED": 31, "PROPOSAL": 17, "WON": 25, "LOST": 15 },
    "by_source": { "WEBSITE": 58, "REFERRAL": 34, "SOCIAL_MEDIA": 27, "EMAIL_CAMPAIGN": 25, "PAID_ADS": 19, "EVENT": 18,
                   "COLD_OUTREACH": 13, "OTHER": 6 },
    "by_priority": { "LOW": 28, "MEDIUM": 92, "HIGH": 51, "URGENT": 29 },
    "average_score": 71.35,
    "score_histogram": [
        { "from": 0, "to": 9, "count": 0 }, { "from": 10, "to": 19, "count": 0 }, { "from": 20, "to": 29, "count": 0 },
        { "from": 30, "to": 39, "count": 0 }, { "from": 40, "to": 49, "count": 0 }, { "from": 50, "to": 59, "count": 28 },
        { "from": 60, "to": 69, "count": 69 }, { "from": 70, "to": 79, "count": 31 }, { "from": 80, "to": 89, "count": 43 },
        { "from": 90, "to": 100, "count": 29 }],
    "conversion_rate": 0.125,
    "per_day": [
        { "date": "2026-01-25", "count": 12 }, { "date": "2026-01-26", "count": 41 }, { "date": "2026-01-27", "count": 44 },
        { "date": "2026-01-28", "count": 38 }, { "date": "2026-01-29", "count": 33 }, { "date": "2026-01-30", "count": 25 },
        { "date": "2026-01-31", "count": 7 }]}))]
pub(crate) struct LeadAnalyticsView {
    /// How many leads there are.
    #[schema(example = 200)]
    total: u64,
    /// By status; each is there.
    by_status: BTreeMap<Status, u64>,
    /// By source; each is there.
    by_source: BTreeMap<Source, u64>,
    /// By priority; each is there.
    by_priority: BTreeMap<Priority, u64>,
    /// With two decimals; null without leads.
    #[schema(required, example = 71.35)]
    average_score: Option<f64>,
    /// Ten steps: 0 to 9, 10 to 19 … 90 to 100.
    score_histogram: Vec<ScoreStep>,
    /// Leads that are WON among all leads, those still open included: 0 to 1, with four decimals; null without leads.
    #[schema(required, example = 0.125)]
    conversion_rate: Option<f64>,
    /// How many leads each day of UTC brought, first day first, days without any included: the days of the period, or
    /// its last 30 days if it has no beginning.
    per_day: Vec<DayView>,
}

/// How many leads have a score from `from` to `to`.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct ScoreStep {
    #[schema(example = 70)]
    from: u8,
    #[schema(example = 79)]
    to: u8,
    #[schema(example = 31)]
    count: u64,
}

/// How many leads a day brought.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LeadsOfDay)]
pub(crate) struct DayView {
    #[schema(example = "2026-01-31")]
    date: NaiveDate,
    /// Leads that were created on that day and are not deleted.
    #[schema(example = 7)]
    count: u64,
}

impl From<LeadAnalyticsRow> for LeadAnalyticsView {
    fn from(row: LeadAnalyticsRow) -> Self {
        let won = row.by_status.get(&Status::Won).copied().unwrap_or_default();
        Self {
            total: row.total,
            conversion_rate: rate(won, row.total),
            by_status: each(Status::ALL, &row.by_status),
            by_source: each(Source::ALL, &row.by_source),
            by_priority: each(Priority::ALL, &row.by_priority),
            average_score: row.average_score,
            score_histogram: (0..10).map(|tenth| score_step(tenth, &row.by_score_tenth)).collect(),
            per_day: row.per_day.into_iter().map(|day| DayView { date: day.date, count: day.count }).collect(),
        }
    }
}

/// Every word with its count.
fn each<K: Copy + Ord, const N: usize>(all: [K; N], counts: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    all.into_iter().map(|word| (word, counts.get(&word).copied().unwrap_or_default())).collect()
}

fn score_step(tenth: u8, counts: &BTreeMap<u8, u64>) -> ScoreStep {
    let from = tenth * 10;
    let to = if tenth == 9 { 100 } else { from + 9 };
    ScoreStep { from, to, count: counts.get(&tenth).copied().unwrap_or_default() }
}

/// A share with four decimals, rounded half up in whole numbers; `None` of nothing.
fn rate(part: u64, whole: u64) -> Option<f64> {
    let share = (u128::from(part) * 20_000 + u128::from(whole)).checked_div(u128::from(whole) * 2)?;
    u32::try_from(share).ok().map(|share| f64::from(share) / 10_000.0)
}

/// Sums up the tenant's leads.
#[utoipa::path(get, path = "/analytics/leads", operation_id = "summarize_leads", tag = "leads",
    security(("bearer" = ["leads:read"])),
    params(LeadAnalyticsQuery),
    responses((status = 200, description = "The figures", body = LeadAnalyticsView), Reading, AllLeads))]
pub(crate) async fn summarize_leads(
    caller: Authorized<ReadLeads>,
    clock: Clock,
    Query(query): Query<LeadAnalyticsQuery>,
) -> Result<Json<LeadAnalyticsView>, CrmError> {
    let period = Period { after: query.created_after, before: query.created_before };
    let days = period.days(clock.now()).map_err(|error| match error {
        PeriodError::Reversed => Problem::invalid_parameter("created_before", "it must be after `created_after`"),
        PeriodError::TooLong => {
            Problem::invalid_parameter("created_after", "the period has more than 366 days of UTC: shorten it")
        }
    })?;
    let row = store::lead_analytics::summarize(&caller, period, days).await?;
    Ok(Json(row.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn a_rate_has_four_decimals_and_is_none_of_nothing() {
        for (part, whole, expected) in [
            (0, 0, None),
            (0, 7, Some(0.0)),
            (1, 3, Some(0.3333)),
            (2, 3, Some(0.6667)),
            (1, 20_000, Some(0.0001)),
            (7, 7, Some(1.0)),
            (u64::MAX, u64::MAX, Some(1.0)),
        ] {
            assert_eq!(rate(part, whole), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn every_word_and_step_is_there() {
        let row = json!({
            "total": 3, "average_score": 66.67, "by_status": { "WON": 1, "NEW": 2 }, "by_source": { "EVENT": 3 },
            "by_priority": {}, "by_score_tenth": { "5": 2, "9": 1 }, "per_day": [{ "date": "2026-01-31", "count": 3 }],
        });
        let view = LeadAnalyticsView::from(from_value::<LeadAnalyticsRow>(row).unwrap());
        let found = to_value(&view).unwrap();
        assert_eq!(
            found["by_status"],
            json!({ "NEW": 2, "CONTACTED": 0, "QUALIFIED": 0, "PROPOSAL": 0, "WON": 1, "LOST": 0 })
        );
        assert_eq!((view.by_source.len(), view.by_priority.len(), view.score_histogram.len()), (8, 4, 10));
        assert_eq!(found["score_histogram"][5], json!({ "from": 50, "to": 59, "count": 2 }));
        assert_eq!(found["score_histogram"][9], json!({ "from": 90, "to": 100, "count": 1 }));
        assert_eq!(found["conversion_rate"], json!(0.3333));
        assert_eq!(found["per_day"], json!([{ "date": "2026-01-31", "count": 3 }]));
    }
}
