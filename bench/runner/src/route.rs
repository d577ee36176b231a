//! The routes that are measured, and the requests of which a load on each of them is made.

use std::fmt;

use anyhow::{Result, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{
    generator::{Body, Plan, Request},
    population::{Account, PASSWORD, Population},
};

/// How many connections a route has that spends its time hashing passwords: more would only wait.
const HASHING_CONNECTIONS: u32 = 4;

/// Rules for companies, job titles and sources all fire on it, and it is as long as people's leads are.
const LEAD_AFTER_EMAIL: &str = r#"@example.com","first_name":"Ada","last_name":"Lovelace","company":"Analytical Engines Ltd","job_title":"Head of Engineering","phone":"+44 20 7946 0000","source":"WEBSITE","website":"https://engines.example.com/about","country":"GB","notes":"Asked for a demonstration of the second machine, with punched cards."}"#;

/// A measured route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Route {
    /// `POST /leads`.
    CreateLead,
    /// `GET /leads`: the first 20.
    ListLeads,
    /// `GET /leads/{id}`.
    ReadLead,
    /// `GET /analytics/leads` of a tenant with 1,000 leads.
    Analytics,
    /// `POST /auth/register`.
    Register,
    /// `POST /auth/jwt/login`.
    LogIn,
}

impl Route {
    /// The routes that the budgets speak of, and that `--quick` measures.
    pub(crate) const BUDGETED: [Self; 3] = [Self::CreateLead, Self::ListLeads, Self::ReadLead];

    /// Every route, in the order of the report.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

    /// What the result calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreateLead => "create_lead",
            Self::ListLeads => "list_leads",
            Self::ReadLead => "read_lead",
            Self::Analytics => "analytics",
            Self::Register => "register",
            Self::LogIn => "log_in",
        }
    }

    /// What a reader calls it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::CreateLead => "create a lead",
            Self::ListLeads => "list 20 leads",
            Self::ReadLead => "read a lead",
            Self::Analytics => "analytics",
            Self::Register => "register",
            Self::LogIn => "log in",
        }
    }

    /// Whether it hashes a password, and so has neither a floor nor many connections.
    pub(crate) fn hashes(self) -> bool {
        match self {
            Self::Register | Self::LogIn => true,
            Self::CreateLead | Self::ListLeads | Self::ReadLead | Self::Analytics => false,
        }
    }

    /// How many connections it is measured with, where the others have `wanted`.
    pub(crate) fn connections(self, wanted: u32) -> u32 {
        if self.hashes() { wanted.min(HASHING_CONNECTIONS) } else { wanted }
    }

    /// The status of an answer that is as it should be.
    pub(crate) fn expected_status(self) -> u16 {
        match self {
            Self::CreateLead | Self::Register => 201,
            Self::ListLeads | Self::ReadLead | Self::Analytics | Self::LogIn => 200,
        }
    }

    /// What an answer that is as it should be contains.
    pub(crate) fn expected_text(self) -> &'static str {
        match self {
            Self::CreateLead | Self::ListLeads | Self::ReadLead => "\"id\":\"led_",
            Self::Analytics => "\"total\":",
            Self::Register => "\"id\":\"usr_",
            Self::LogIn => "\"access_token\":\"",
        }
    }

    /// The load that the measured tenants put on it.
    pub(crate) fn plan(self, population: &Population) -> Plan {
        match self {
            Self::CreateLead => plan_of(create_lead, &population.writers, population),
            Self::ListLeads => plan_of(list_leads, &population.readers, population),
            Self::Analytics => plan_of(analytics, &population.readers, population),
            Self::LogIn => Plan::of(population.people.iter().map(log_in)),
            Self::Register => Plan::of([register()]),
            Self::ReadLead => Plan::of(
                population
                    .leads
                    .iter()
                    .map(|(owner, id)| read_lead(&population.token(&population.readers[*owner]), id)),
            ),
        }
    }

    /// The load that some tenants put on it in turn. Only for routes that need nothing but a tenant.
    pub(crate) fn plan_for(self, accounts: &[Account], population: &Population) -> Result<Plan> {
        let request = match self {
            Self::CreateLead => create_lead,
            Self::ListLeads => list_leads,
            Self::Analytics => analytics,
            Self::ReadLead | Self::Register | Self::LogIn => bail!("{self} needs more than a tenant"),
        };
        Ok(plan_of(request, accounts, population))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The same request of each tenant in turn.
fn plan_of(request: fn(&str) -> Request, accounts: &[Account], population: &Population) -> Plan {
    Plan::of(accounts.iter().map(|account| request(&population.token(account))))
}

fn list_leads(token: &str) -> Request {
    Request::get("/leads").with_token(token)
}

fn analytics(token: &str) -> Request {
    Request::get("/analytics/leads").with_token(token)
}

/// Reads one lead.
pub(crate) fn read_lead(token: &str, id: &str) -> Request {
    Request::get(&format!("/leads/{id}")).with_token(token)
}

fn create_lead(token: &str) -> Request {
    let body = Body::Unique { before: r#"{"email":"lead-"#.to_owned(), after: LEAD_AFTER_EMAIL.to_owned() };
    Request::post("/leads", "application/json", body).with_token(token)
}

fn register() -> Request {
    let after = format!(r#"@example.com","password":"{PASSWORD}","tenant_name":"Analytical Engines"}}"#);
    let body = Body::Unique { before: r#"{"email":"new-"#.to_owned(), after };
    Request::post("/auth/register", "application/json", body)
}

fn log_in(person: &Account) -> Request {
    let form = format!("username={}&password={}", person.email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    Request::post("/auth/jwt/login", "application/x-www-form-urlencoded", Body::Same(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_result_and_the_flag_say() {
        for route in Route::all() {
            assert_eq!(serde_json::to_value(route).unwrap(), route.name());
            assert_eq!(Route::from_str(route.name(), false).unwrap(), route);
        }
    }

    #[test]
    fn bodies_are_what_they_say() {
        for request in [create_lead("t"), register()] {
            let body: serde_json::Value = serde_json::from_str(&request.body_with("7").unwrap()).unwrap();
            assert!(body["email"].as_str().unwrap().ends_with("-7@example.com"));
        }
    }
}
