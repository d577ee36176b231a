//! Lists of leads: `sql/lead_lists.sql`.

use api::Moment;
use db::DbError;
use identity::Caller;
use ids::LeadId;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    domain::{
        lead::Lead,
        lead_order::{Key, Sort},
        priority::Priority,
        source::Source,
        status::Status,
    },
    store::leads::LeadRow,
};

/// Which leads, in which order, from where on.
#[derive(Debug, Serialize)]
pub(crate) struct LeadList {
    #[serde(flatten)]
    pub(crate) filter: LeadFilter,
    pub(crate) sort: Sort,
    /// The most rows to give.
    pub(crate) limit: usize,
    #[serde(flatten)]
    after: Option<After>,
}

/// Which leads; what is `None` does not matter.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct LeadFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_score: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_after: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_before: Option<Moment>,
    /// A pattern of LIKE; see [`containing`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// The last lead of the page before.
#[derive(Debug, Serialize)]
struct After {
    after_key: Key,
    after_id: Uuid,
}

impl LeadList {
    /// A list that begins behind a place of its order, or with the first lead.
    pub(crate) fn new(filter: LeadFilter, sort: Sort, limit: usize, after: Option<(Key, LeadId)>) -> Self {
        let after = after.map(|(after_key, id)| After { after_key, after_id: id.uuid() });
        Self { filter, sort, limit, after }
    }
}

/// The leads of a list.
pub(crate) async fn list(caller: &Caller, list: &LeadList) -> Result<Vec<Lead>, DbError> {
    // The list that everybody opens has a function of its own, whose plan is made once for a connection.
    let function = if list.sort == Sort::CreatedAtDescending && list.filter == LeadFilter::default() {
        "crm.list_newest_leads"
    } else {
        "crm.list_leads"
    };
    let rows: Vec<LeadRow> = DbError::answered(function, caller.read(function, list).await?)?;
    Ok(rows.into_iter().map(Lead::from).collect())
}

/// The pattern of LIKE that finds a text anywhere, whatever characters it has.
pub(crate) fn containing(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_text_has_no_wildcards() {
        assert_eq!(containing(r"100%_\x"), r"%100\%\_\\x%");
    }

    #[test]
    fn only_what_matters_is_sent() {
        let list = LeadList::new(LeadFilter::default(), Sort::default(), 21, None);
        assert_eq!(to_value(list).unwrap(), json!({ "sort": "-created_at", "limit": 21 }));

        let id = Uuid::nil();
        let filter = LeadFilter { status: Some(Status::New), min_score: Some(60), ..LeadFilter::default() };
        let list = LeadList::new(filter, Sort::Score, 3, Some((Key::Score(70), id.into())));
        assert_eq!(
            to_value(list).unwrap(),
            json!({
                "status": "NEW", "min_score": 60, "sort": "score", "limit": 3, "after_key": 70, "after_id": id,
            })
        );
    }
}
