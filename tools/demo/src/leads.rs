//! The leads that the tenant has on its first day: `leads.csv`, or a table of the reader's own.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

const LEADS: &str = include_str!("../leads.csv");

/// A lead as it is sent; an empty cell is a field left out.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLead {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
}

/// Reads the table at a path, or the demo's own.
pub(crate) fn read(path: Option<&Path>) -> Result<Vec<NewLead>> {
    match path {
        None => parse(LEADS).context("the demo's own table"),
        Some(path) => {
            let name = path.display();
            let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
            parse(&text).with_context(|| format!("{name} is no table of leads"))
        }
    }
}

fn parse(text: &str) -> Result<Vec<NewLead>> {
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<Vec<NewLead>, _>>()?;
    ensure!(!rows.is_empty(), "it has no rows");
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_worth_showing() {
        let leads = read(None).unwrap();
        assert_eq!(leads.len(), 200);
        let sources: BTreeSet<_> = leads.iter().filter_map(|lead| lead.source.as_deref()).collect();
        assert_eq!(
            sources.into_iter().collect::<Vec<_>>(),
            ["COLD_OUTREACH", "EMAIL_CAMPAIGN", "EVENT", "OTHER", "PAID_ADS", "REFERRAL", "SOCIAL_MEDIA", "WEBSITE"]
        );
        let is_ceo = |lead: &&NewLead| lead.job_title.as_ref().is_some_and(|title| title.contains("CEO"));
        assert!((10..60).contains(&leads.iter().filter(is_ceo).count()));
        let emails: BTreeSet<_> = leads.iter().map(|lead| &lead.email).collect();
        assert_eq!(emails.len(), 199, "one person came twice, by two ways");
    }

    /// Names under `.example` can belong to nobody (RFC 2606).
    #[test]
    fn nobody_is_real() {
        for lead in read(None).unwrap() {
            assert!(lead.email.ends_with(".example"), "{}", lead.email);
            assert!(lead.website.is_none_or(|website| website.ends_with(".example")), "{}", lead.email);
        }
    }

    #[test]
    fn an_empty_cell_is_left_out() {
        let leads = parse("email,company,job_title\na@b.example,,CEO\n").unwrap();
        assert_eq!(serde_json::to_string(&leads[0]).unwrap(), r#"{"email":"a@b.example","job_title":"CEO"}"#);
    }

    #[test]
    fn a_table_of_something_else_is_refused() {
        assert!(parse("email,shoe_size\na@b.example,43\n").unwrap_err().to_string().contains("shoe_size"));
        assert!(parse("email\n").is_err());
    }
}
