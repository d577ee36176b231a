//! A lead: somebody who might become a customer.
//!
//! What must stay true: the score is that of the present details; the priority follows the score until a person sets
//! it, and again from when they take it back; a change that changes nothing is no change.

use chrono::{DateTime, Utc};
use garde::Validate;
use ids::LeadId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::{
    change::{Change, not_null},
    priority::Priority,
    score::Score,
    source::Source,
    status::Status,
    text::{CompanyName, Country, Email, JobTitle, Notes, PersonName, Phone, Website},
};

/// What people enter about a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLead)]
pub(crate) struct LeadDetails {
    #[garde(dive)]
    pub(crate) email: Email,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) first_name: Option<PersonName>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) last_name: Option<PersonName>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) company: Option<CompanyName>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) job_title: Option<JobTitle>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) phone: Option<Phone>,
    /// `OTHER` if it is left out or null.
    #[garde(skip)]
    #[serde(default, deserialize_with = "null_as_default")]
    pub(crate) source: Source,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) website: Option<Website>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) country: Option<Country>,
    #[garde(dive)]
    #[serde(default)]
    pub(crate) notes: Option<Notes>,
}

fn null_as_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What to change of a lead: an absent field stays as it is, null clears one that is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeadChanges {
    #[garde(dive)]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    pub(crate) email: Option<Email>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    pub(crate) first_name: Change<PersonName>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<PersonName>)]
    pub(crate) last_name: Change<PersonName>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<CompanyName>)]
    pub(crate) company: Change<CompanyName>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<JobTitle>)]
    pub(crate) job_title: Change<JobTitle>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<Phone>)]
    pub(crate) phone: Change<Phone>,
    #[garde(skip)]
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    pub(crate) source: Option<Source>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<Website>)]
    pub(crate) website: Change<Website>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<Country>)]
    pub(crate) country: Change<Country>,
    #[garde(dive)]
    #[serde(default)]
    #[schema(value_type = Option<Notes>)]
    pub(crate) notes: Change<Notes>,
    /// A value holds whatever the score becomes; null lets the priority follow the score again.
    #[garde(skip)]
    #[serde(default)]
    #[schema(value_type = Option<Priority>)]
    pub(crate) priority: Change<Priority>,
}

/// A lead as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lead {
    pub(crate) id: LeadId,
    pub(crate) details: LeadDetails,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    /// When a person set the priority; `None` while it follows the score.
    pub(crate) priority_set_at: Option<DateTime<Utc>>,
    pub(crate) score: Score,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Counts the changes; the ETag.
    pub(crate) version: i64,
}

impl Lead {
    /// A new lead, scored.
    pub(crate) fn new(id: LeadId, details: LeadDetails, now: DateTime<Utc>) -> Self {
        let score = Score::of(&details);
        Self {
            id,
            status: Status::New,
            priority: Priority::of_score(score.points),
            priority_set_at: None,
            score,
            details,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The lead with the changes applied and scored anew, or `None` where they change nothing.
    pub(crate) fn changed(&self, changes: LeadChanges, now: DateTime<Utc>) -> Option<Self> {
        let present = self.details.clone();
        let details = LeadDetails {
            email: changes.email.unwrap_or(present.email),
            first_name: changes.first_name.applied_to(present.first_name),
            last_name: changes.last_name.applied_to(present.last_name),
            company: changes.company.applied_to(present.company),
            job_title: changes.job_title.applied_to(present.job_title),
            phone: changes.phone.applied_to(present.phone),
            source: changes.source.unwrap_or(present.source),
            website: changes.website.applied_to(present.website),
            country: changes.country.applied_to(present.country),
            notes: changes.notes.applied_to(present.notes),
        };
        let score = Score::of(&details);
        let set_before = self.priority_set_at.map(|at| (self.priority, at));
        let set = match changes.priority {
            Change::Keep => set_before,
            Change::Clear => None,
            // Set to what it was set to already: it stays set since then.
            Change::Set(priority) => set_before.filter(|(set, _)| *set == priority).or(Some((priority, now))),
        };
        let changed = Self {
            priority: set.map_or_else(|| Priority::of_score(score.points), |(priority, _)| priority),
            priority_set_at: set.map(|(_, at)| at),
            details,
            score,
            ..self.clone()
        };
        (changed != *self).then_some(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use serde_json::{Value, from_value, json};

    fn lead(details: Value) -> Lead {
        Lead::new(LeadId::from(uuid::Uuid::nil()), from_value(details).unwrap(), DateTime::UNIX_EPOCH)
    }

    fn later(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// A lead of score 75 (HIGH) after changes, one a minute: its score, its priority, and the minute it was set in.
    #[track_caller]
    fn check(changes: &[Value], expected: &str) {
        let mut lead = lead(json!({ "email": "ada@example.com", "company": "Acme" }));
        for (change, minute) in changes.iter().zip(1..) {
            let changes = from_value(change.clone()).unwrap();
            lead = lead.changed(changes, later(minute)).unwrap_or(lead);
        }
        let set = lead.priority_set_at.map(|at| format!(" set in minute {}", at.timestamp() / 60));
        let found = format!("{} {:?}{}", lead.score.points, lead.priority, set.unwrap_or_default());
        assert_eq!(found, expected, "{changes:?}");
    }

    #[test]
    fn the_priority_follows_the_score_until_a_person_sets_it() {
        check(&[], "75 High");
        check(&[json!({ "job_title": "CEO" })], "95 Urgent");
        check(&[json!({ "company": null })], "55 Low");
        check(&[json!({ "priority": "LOW" })], "75 Low set in minute 1");
        check(&[json!({ "priority": "HIGH" }), json!({ "company": null })], "55 High set in minute 1");
        check(&[json!({ "priority": "LOW" }), json!({ "priority": "LOW" })], "75 Low set in minute 1");
        check(&[json!({ "priority": "LOW" }), json!({ "priority": "URGENT" })], "75 Urgent set in minute 2");
        check(&[json!({ "priority": "LOW", "job_title": "CEO" }), json!({ "priority": null })], "95 Urgent");
    }

    #[test]
    fn an_absent_field_stays_and_null_clears() {
        let before = lead(json!({ "email": "ada@example.com", "phone": "12345", "notes": "x", "source": "EVENT" }));
        let changes = from_value(json!({ "phone": null, "last_name": " Lovelace " })).unwrap();
        let after = before.changed(changes, later(1)).unwrap();
        let details = json!({ "email": "ada@example.com", "last_name": "Lovelace", "notes": "x", "source": "EVENT" });
        assert_eq!(after.details, from_value(details).unwrap());
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let lead = lead(json!({ "email": "ada@example.com", "company": "Acme" }));
        for nothing in [json!({}), json!({ "company": "Acme ", "phone": null, "priority": null })] {
            assert_eq!(lead.changed(from_value(nothing).unwrap(), later(1)), None);
        }
    }

    #[test]
    fn email_and_source_cannot_be_cleared_nor_unknown_fields_set() {
        for refused in [json!({ "email": null }), json!({ "source": null }), json!({ "status": "WON" })] {
            assert!(from_value::<LeadChanges>(refused).is_err());
        }
        assert!(from_value::<LeadDetails>(json!({ "email": "ada@example.com", "score": 100 })).is_err());
        assert!(from_value::<LeadDetails>(json!({})).is_err());
    }

    #[test]
    fn all_that_is_wrong_is_named() {
        let wrong = json!({ "email": "ada", "phone": "?", "country": "gb", "website": "ftp://x", "notes": "" });
        let changes: LeadChanges = from_value(wrong.clone()).unwrap();
        let details: LeadDetails = from_value(wrong).unwrap();
        for report in [changes.validate().unwrap_err(), details.validate().unwrap_err()] {
            let mut paths: Vec<_> = report.iter().map(|(path, _)| path.to_string()).collect();
            paths.sort();
            assert_eq!(paths, ["country", "email", "notes", "phone", "website"]);
        }
    }
}
