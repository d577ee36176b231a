//! The list of leads: filters, orders, pages.
//!
//! What must stay true: going through the pages shows every lead of the filter once, also while leads are added; what
//! a client sends as text matches as text, never as a pattern.

use api::{Moment, Page, Problem, Query};
use axum::Json;
use identity::{Authorized, right::ReadLeads};
use serde::Deserialize;

use crate::{
    domain::{
        lead_order::{Place, Sort},
        priority::Priority,
        source::Source,
        status::Status,
    },
    error::CrmError,
    routes::{
        leads::LeadView,
        refusals::{AllLeads, Reading},
    },
    store::{
        self,
        lead_lists::{LeadFilter, LeadList, containing},
    },
};

const TEXT_CHARS_MAX: usize = 200;

/// Which leads, in which order; filters narrow each other down.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeadQuery {
    status: Option<Status>,
    source: Option<Source>,
    priority: Option<Priority>,
    /// This score or a higher one.
    #[param(minimum = 0, maximum = 100, example = 75)]
    min_score: Option<u8>,
    /// Created at this moment or later.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_after: Option<Moment>,
    /// Created before this moment.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    created_before: Option<Moment>,
    /// Part of the email address, the name or the company, in any case: 1 to 200 characters.
    #[param(min_length = 1, max_length = 200, example = "lovelace")]
    q: Option<String>,
    #[serde(default)]
    #[param(inline, default = "-created_at")]
    sort: Sort,
    /// How many leads to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: api::Limit,
    /// The `next_cursor` of the page before, with the same `sort`.
    cursor: Option<String>,
}

impl LeadQuery {
    /// The list that this asks for, with one lead more than the page has: it tells whether there is a next page.
    fn list(&self) -> Result<LeadList, Problem> {
        let after = match &self.cursor {
            None => None,
            Some(cursor) => {
                let place: Place = api::decode_cursor(cursor)?;
                let fits = place.within(self.sort).ok_or_else(|| {
                    Problem::invalid_parameter("cursor", "it belongs to another `sort`: begin again without it")
                })?;
                Some(fits)
            }
        };
        Ok(LeadList::new(self.filter()?, self.sort, self.limit.rows() + 1, after))
    }

    fn filter(&self) -> Result<LeadFilter, Problem> {
        if self.min_score.is_some_and(|points| points > 100) {
            return Err(Problem::invalid_parameter("min_score", "a whole number from 0 to 100 is wanted"));
        }
        let text = self.q.as_deref().map(str::trim);
        if text.is_some_and(|text| !(1..=TEXT_CHARS_MAX).contains(&text.chars().count())) {
            return Err(Problem::invalid_parameter("q", "1 to 200 characters are wanted"));
        }
        Ok(LeadFilter {
            status: self.status,
            source: self.source,
            priority: self.priority,
            min_score: self.min_score,
            created_after: self.created_after,
            created_before: self.created_before,
            text: text.map(containing),
        })
    }
}

/// Lists leads.
#[utoipa::path(get, path = "/leads", operation_id = "list_leads", tag = "leads",
    security(("bearer" = ["leads:read"])),
    params(LeadQuery),
    responses((status = 200, description = "A page of leads", body = Page<LeadView>), Reading, AllLeads))]
pub(crate) async fn list_leads(
    caller: Authorized<ReadLeads>,
    Query(query): Query<LeadQuery>,
) -> Result<Json<Page<LeadView>>, CrmError> {
    let mut leads = store::lead_lists::list(&caller, &query.list()?).await?;
    let has_more = leads.len() > query.limit.rows();
    leads.truncate(query.limit.rows());
    let last = leads.last().filter(|_| has_more);
    let next_cursor = last.map(|lead| api::encode_cursor(&Place::of(lead, query.sort)));
    Ok(Json(Page { data: leads.into_iter().map(LeadView::from).collect(), next_cursor }))
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts;
    use futures::executor::block_on;
    use serde_json::{json, to_value};

    use super::*;

    fn list(query: &str) -> Result<serde_json::Value, Problem> {
        let (mut parts, ()) = http::Request::get(format!("/leads?{query}")).body(()).unwrap().into_parts();
        let Query(query) = block_on(Query::<LeadQuery>::from_request_parts(&mut parts, &()))?;
        Ok(to_value(query.list()?).unwrap())
    }

    #[track_caller]
    fn refused(query: &str, code: &str, parameter: &str) {
        let problem = list(query).unwrap_err();
        let found = problem.errors().first().and_then(|error| error.parameter.as_deref());
        assert_eq!((problem.code(), found), (code, Some(parameter)), "{query}");
    }

    #[test]
    fn asks_for_one_lead_more_than_the_page_has() {
        assert_eq!(list("").unwrap(), json!({ "sort": "-created_at", "limit": 21 }));
        assert_eq!(
            list(
                "status=LOST&source=PAID_ADS&priority=LOW&min_score=0&q=+50%25_+&sort=-score&limit=100\
                  &created_after=2026-01-01T00:00:00Z&created_before=2026-02-01T01:00:00%2B01:00"
            )
            .unwrap(),
            json!({
                "status": "LOST", "source": "PAID_ADS", "priority": "LOW", "min_score": 0, "text": r"%50\%\_%",
                "created_after": "2026-01-01T00:00:00.000000Z", "created_before": "2026-02-01T00:00:00.000000Z",
                "sort": "-score", "limit": 101,
            })
        );
    }

    #[test]
    fn refuses_by_name() {
        for (query, parameter) in [
            ("status=new", "status"),
            ("status=NEW&status=LOST", "status"),
            ("source=", "source"),
            ("priority=TOP", "priority"),
            ("min_score=101", "min_score"),
            ("min_score=-1", "min_score"),
            ("min_score=7.5", "min_score"),
            ("created_after=2026-01-01", "created_after"),
            ("created_before=yesterday", "created_before"),
            ("q=", "q"),
            ("q=++", "q"),
            ("sort=email", "sort"),
            ("limit=0", "limit"),
            ("cursor=x", "cursor"),
        ] {
            refused(query, "invalid_parameter", parameter);
        }
        refused(&format!("q={}", "x".repeat(201)), "invalid_parameter", "q");
        refused("page=2", "unknown_parameter", "page");
    }

    #[test]
    fn a_cursor_belongs_to_its_order() {
        let place = json!({ "sort": "-score", "key": 70, "id": "led_00000000000000000000000000" });
        let cursor = api::encode_cursor(&place);
        let found = list(&format!("sort=-score&cursor={cursor}")).unwrap();
        assert_eq!(found["after_key"], 70);
        assert_eq!(found["after_id"], "00000000-0000-0000-0000-000000000000");
        refused(&format!("sort=score&cursor={cursor}"), "invalid_parameter", "cursor");
        refused(&format!("cursor={cursor}"), "invalid_parameter", "cursor");
    }
}
