//! A lead as all forms read, write and answer it, and the ids that `sql/setup.sql` plants.

use chrono::{DateTime, Utc};
use ids::LeadId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The tenant of all requests.
pub(crate) const TENANT: Uuid = Uuid::from_u128(0x0001_7000_8000_0000_0000_0000_0001);
/// Its only member.
pub(crate) const USER: Uuid = Uuid::from_u128(0x0002_7000_8000_0000_0000_0000_0001);
/// Their session.
pub(crate) const SESSION: Uuid = Uuid::from_u128(0x0003_7000_8000_0000_0000_0000_0001);
/// The roles that may do what is done.
pub(crate) const ROLES: [&str; 3] = ["owner", "admin", "member"];

const PLANTED: u128 = 1_000;

/// The id of a lead that was planted.
pub(crate) fn planted(number: u128) -> Uuid {
    Uuid::from_u128(0x0004_7000_8000_0000_0000_0000_0000 + number)
}

/// One of them by chance; the random bits are those of a fresh id.
pub(crate) fn any_planted() -> Uuid {
    planted(LeadId::new().uuid().as_u128() % PLANTED)
}

/// Why a lead has its score.
#[derive(Serialize, Deserialize)]
pub(crate) struct ScoreReason {
    rule: String,
    points: i32,
}

/// A lead: the columns of `crm.lead_view`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Lead {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) job_title: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) source: String,
    pub(crate) website: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) status: String,
    pub(crate) priority: String,
    pub(crate) priority_set_at: Option<DateTime<Utc>>,
    pub(crate) score: i32,
    pub(crate) score_reasons: Vec<ScoreReason>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
}

impl Lead {
    /// A new lead like those that were planted.
    pub(crate) fn sample() -> Self {
        let id = LeadId::new().uuid();
        let now = made_at(id);
        let text = |text: &str| Some(text.to_owned());
        Self {
            id,
            email: format!("lead-{id}@example.com"),
            first_name: text("Ada"),
            last_name: text("Lovelace"),
            company: text("Analytical Engines Ltd"),
            job_title: text("Head of Engineering"),
            phone: text("+44 20 7946 0000"),
            source: "WEBSITE".to_owned(),
            website: text("https://engines.example.com/about"),
            country: text("GB"),
            notes: text("Asked for a demonstration of the second machine, with punched cards."),
            status: "NEW".to_owned(),
            priority: "MEDIUM".to_owned(),
            priority_set_at: None,
            score: 65,
            score_reasons: ["has_company", "has_phone", "senior_title", "business_email"]
                .map(|rule| ScoreReason { rule: rule.to_owned(), points: 15 })
                .into(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The lead with another note, now.
    pub(crate) fn touched(mut self) -> Self {
        let fresh = LeadId::new().uuid();
        self.notes = Some(format!("Called again about the second machine: {fresh}."));
        self.updated_at = made_at(fresh);
        self
    }
}

/// When an id was made: it says so itself, to the millisecond, so that no clock is needed here.
fn made_at(id: Uuid) -> DateTime<Utc> {
    let (seconds, nanoseconds) = id.get_timestamp().map_or((0, 0), |moment| moment.to_unix());
    i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, nanoseconds)).unwrap_or_default()
}
