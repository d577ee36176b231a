//! How good a lead looks, and why: the rule set `seed-1`.
//!
//! What must stay true: a score is 0 to 100; its reasons name every rule that fired with the points of that rule, so
//! where they sum to more than 100 it is the score alone that is capped.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::domain::{lead::LeadDetails, source::Source, text::JobTitle};

const POINTS_MAX: u8 = 100;

/// A rule that fired, and what it gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct ScoreReason {
    /// The rule: `base`, `company`, `job_title_ceo`, or `source_` and the source.
    #[schema(value_type = String, example = "company")]
    pub(crate) rule: Cow<'static, str>,
    /// The points that it gave.
    #[schema(example = 20)]
    pub(crate) points: u8,
}

/// How good a lead looks, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Score {
    /// 0 to 100.
    pub(crate) points: u8,
    /// What fired, in the order of the rules.
    pub(crate) reasons: Vec<ScoreReason>,
}

impl Score {
    /// Scores what is known of a lead.
    pub(crate) fn of(lead: &LeadDetails) -> Self {
        let rules = [
            Some(("base", 50)),
            lead.company.is_some().then_some(("company", 20)),
            lead.job_title.as_ref().is_some_and(is_ceo).then_some(("job_title_ceo", 20)),
            Some(source_points(lead.source)),
        ];
        let reasons: Vec<_> = rules
            .into_iter()
            .flatten()
            .map(|(rule, points)| ScoreReason { rule: Cow::Borrowed(rule), points })
            .collect();
        let points = reasons.iter().fold(0u8, |sum, reason| sum.saturating_add(reason.points)).min(POINTS_MAX);
        Self { points, reasons }
    }
}

/// The rule set says "contains", so a vice-CEO and an "Oceonics engineer" count too.
fn is_ceo(job_title: &JobTitle) -> bool {
    job_title.as_str().to_lowercase().contains("ceo")
}

fn source_points(source: Source) -> (&'static str, u8) {
    match source {
        Source::Website => ("source_website", 10),
        Source::Referral => ("source_referral", 20),
        Source::SocialMedia => ("source_social_media", 8),
        Source::EmailCampaign => ("source_email_campaign", 12),
        Source::PaidAds => ("source_paid_ads", 10),
        Source::Event => ("source_event", 15),
        Source::ColdOutreach => ("source_cold_outreach", 3),
        Source::Other => ("source_other", 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, from_value, json};

    fn score(details: Value) -> Score {
        let mut lead = json!({ "email": "ada@example.com" });
        lead.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
        Score::of(&from_value(lead).unwrap())
    }

    #[track_caller]
    fn check(details: Value, points: u8, reasons: &str) {
        let found = score(details.clone());
        let fired: Vec<_> = found.reasons.iter().map(|reason| format!("{} {}", reason.rule, reason.points)).collect();
        assert_eq!((found.points, fired.join(", ").as_str()), (points, reasons), "{details}");
    }

    #[test]
    fn the_rule_set_seed_1() {
        check(json!({}), 55, "base 50, source_other 5");
        check(json!({ "source": null }), 55, "base 50, source_other 5");
        check(json!({ "source": "OTHER" }), 55, "base 50, source_other 5");
        check(json!({ "source": "WEBSITE" }), 60, "base 50, source_website 10");
        check(json!({ "source": "REFERRAL" }), 70, "base 50, source_referral 20");
        check(json!({ "source": "SOCIAL_MEDIA" }), 58, "base 50, source_social_media 8");
        check(json!({ "source": "EMAIL_CAMPAIGN" }), 62, "base 50, source_email_campaign 12");
        check(json!({ "source": "PAID_ADS" }), 60, "base 50, source_paid_ads 10");
        check(json!({ "source": "EVENT" }), 65, "base 50, source_event 15");
        check(json!({ "source": "COLD_OUTREACH" }), 53, "base 50, source_cold_outreach 3");
        check(json!({ "company": "Acme" }), 75, "base 50, company 20, source_other 5");
        check(json!({ "company": null }), 55, "base 50, source_other 5");
        check(json!({ "job_title": "Co-founder & CEO" }), 75, "base 50, job_title_ceo 20, source_other 5");
        check(json!({ "job_title": "ceo" }), 75, "base 50, job_title_ceo 20, source_other 5");
        check(json!({ "job_title": "Vice-Ceo" }), 75, "base 50, job_title_ceo 20, source_other 5");
        check(json!({ "job_title": "C.E.O." }), 55, "base 50, source_other 5");
        check(json!({ "job_title": "Engineer" }), 55, "base 50, source_other 5");
        check(
            json!({ "company": "Acme", "job_title": "CEO", "source": "WEBSITE" }),
            100,
            "base 50, company 20, job_title_ceo 20, source_website 10",
        );
        check(
            json!({ "company": "Acme", "job_title": "CEO", "source": "REFERRAL" }),
            100,
            "base 50, company 20, job_title_ceo 20, source_referral 20",
        );
        check(
            json!({ "company": "Acme", "job_title": "CEO", "source": "COLD_OUTREACH" }),
            93,
            "base 50, company 20, job_title_ceo 20, source_cold_outreach 3",
        );
    }

    proptest! {
        #[test]
        fn a_score_is_its_reasons_capped(
            company in proptest::option::of("\\PC{1,20}"),
            job_title in proptest::option::of("(?i)[a-z ]{0,9}(ceo)?[a-z]{1,9}"),
            source in proptest::sample::select(&Source::ALL[..]),
        ) {
            let score = score(json!({ "company": company, "job_title": job_title, "source": source }));
            let sum: u32 = score.reasons.iter().map(|reason| u32::from(reason.points)).sum();
            prop_assert_eq!(u32::from(score.points), sum.min(100));
            prop_assert!(score.points >= 50);
        }
    }
}
