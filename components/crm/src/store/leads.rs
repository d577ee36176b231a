//! Single leads: `sql/leads.sql`.

use chrono::{DateTime, Utc};
use db::{Claim, DbError, Once};
use identity::Caller;
use ids::LeadId;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;
use uuid::Uuid;

use crate::domain::{
    lead::{Lead, LeadDetails},
    priority::Priority,
    score::{Score, ScoreReason},
    source::Source,
    status::Status,
    text::{CompanyName, Country, Email, JobTitle, Notes, PersonName, Phone, Website},
};

/// A lead as `crm.lead_view` answers it: a list of these, in this order.
#[derive(Deserialize)]
pub(super) struct LeadRow {
    id: Uuid,
    email: Email,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    company: Option<CompanyName>,
    job_title: Option<JobTitle>,
    phone: Option<Phone>,
    source: Source,
    website: Option<Website>,
    country: Option<Country>,
    notes: Option<Notes>,
    status: Status,
    priority: Priority,
    priority_set_at: Option<DateTime<Utc>>,
    score: u8,
    score_reasons: Vec<ScoreReason>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        Self {
            id: row.id.into(),
            details: LeadDetails {
                email: row.email,
                first_name: row.first_name,
                last_name: row.last_name,
                company: row.company,
                job_title: row.job_title,
                phone: row.phone,
                source: row.source,
                website: row.website,
                country: row.country,
                notes: row.notes,
            },
            status: row.status,
            priority: row.priority,
            priority_set_at: row.priority_set_at,
            score: Score { points: row.score, reasons: row.score_reasons },
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// What is written of a lead; its status moves alone.
#[derive(Serialize)]
struct LeadArgs<'a> {
    id: Uuid,
    #[serde(flatten)]
    details: &'a LeadDetails,
    priority: Priority,
    priority_set_at: Option<DateTime<Utc>>,
    score: u8,
    score_reasons: &'a [ScoreReason],
    version: i64,
    at: DateTime<Utc>,
}

impl<'a> LeadArgs<'a> {
    fn of(lead: &'a Lead, at: DateTime<Utc>) -> Self {
        Self {
            id: lead.id.uuid(),
            details: &lead.details,
            priority: lead.priority,
            priority_set_at: lead.priority_set_at,
            score: lead.score.points,
            score_reasons: &lead.score.reasons,
            version: lead.version,
            at,
        }
    }
}

/// What became of a change to the fields of a lead.
#[derive(Deserialize)]
#[serde(from = "UpdateRow")]
pub(crate) enum Update {
    /// It is written.
    Updated(Box<Lead>),
    /// The lead is at another version than the one that was read.
    Stale,
}

/// What became of a move.
#[derive(Deserialize)]
#[serde(from = "MoveRow")]
pub(crate) enum Move {
    /// The lead has the new status.
    Moved(Box<Lead>),
    /// The lead cannot move there from where it is.
    Refused {
        /// Where it is.
        from: Status,
    },
    /// The lead is at another version than the one that was named.
    Stale,
}

/// What became of deleting a lead.
#[derive(Deserialize)]
#[serde(from = "DeletionRow")]
pub(crate) enum Deletion {
    /// It is gone.
    Deleted,
    /// The lead is at another version than the one that was named.
    Stale,
}

// The outcomes as the functions write them: words that stand alone have the value `true`.

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum UpdateRow {
    Updated(Box<LeadRow>),
    Stale(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum MoveRow {
    Moved(Box<LeadRow>),
    Refused { status: Status },
    Stale(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeletionRow {
    Deleted(IgnoredAny),
    Stale(IgnoredAny),
}

impl From<UpdateRow> for Update {
    fn from(row: UpdateRow) -> Self {
        match row {
            UpdateRow::Updated(lead) => Self::Updated(Box::new((*lead).into())),
            UpdateRow::Stale(_) => Self::Stale,
        }
    }
}

impl From<MoveRow> for Move {
    fn from(row: MoveRow) -> Self {
        match row {
            MoveRow::Moved(lead) => Self::Moved(Box::new((*lead).into())),
            MoveRow::Refused { status } => Self::Refused { from: status },
            MoveRow::Stale(_) => Self::Stale,
        }
    }
}

impl From<DeletionRow> for Deletion {
    fn from(row: DeletionRow) -> Self {
        match row {
            DeletionRow::Deleted(_) => Self::Deleted,
            DeletionRow::Stale(_) => Self::Stale,
        }
    }
}

/// Adds a lead, at most once for the claim.
pub(crate) async fn insert(caller: &Caller, claim: Option<&Claim>, lead: &Lead) -> Result<Once<Lead>, DbError> {
    let (function, args) = ("crm.create_lead", LeadArgs::of(lead, lead.created_at));
    let created: Once<Option<LeadRow>> = caller.write_once(claim, function, &args).await?;
    Ok(DbError::answered(function, created.transpose())?.map(Lead::from))
}

/// One lead; `None` where the tenant has no such lead.
pub(crate) async fn find(caller: &Caller, id: LeadId) -> Result<Option<Lead>, DbError> {
    let row: Option<LeadRow> = caller.read("crm.find_lead", &json!({ "id": id.uuid() })).await?;
    Ok(row.map(Lead::from))
}

/// Writes the fields of a lead over the version that it was made from; `None` where the tenant has no such lead.
pub(crate) async fn update(caller: &Caller, lead: &Lead, at: DateTime<Utc>) -> Result<Option<Update>, DbError> {
    caller.write("crm.update_lead", &LeadArgs::of(lead, at)).await
}

/// Moves a lead to a status and notes the move, at most once for the claim; `None` where the tenant has no such lead.
pub(crate) async fn move_to(
    caller: &Caller,
    claim: Option<&Claim>,
    id: LeadId,
    to: Status,
    version: Option<i64>,
    at: DateTime<Utc>,
) -> Result<Once<Option<Move>>, DbError> {
    let args = json!({
        "id": id.uuid(), "status": to, "allowed_from": to.allowed_from(), "version": version, "at": at,
    });
    caller.write_once(claim, "crm.move_lead", &args).await
}

/// Deletes a lead; `None` where the tenant has no such lead (any more).
pub(crate) async fn delete(
    caller: &Caller,
    id: LeadId,
    version: Option<i64>,
    at: DateTime<Utc>,
) -> Result<Option<Deletion>, DbError> {
    caller.write("crm.delete_lead", &json!({ "id": id.uuid(), "version": version, "at": at })).await
}
