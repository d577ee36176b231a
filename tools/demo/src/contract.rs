//! What the demo reads of the API's answers; members that it does not name are let pass.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An account, as registering answers it.
#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) email: String,
    tenant: Option<Tenant>,
}

#[derive(Debug, Deserialize)]
struct Tenant {
    name: String,
    slug: String,
}

impl Account {
    /// The tenant's name and how it is written in paths.
    pub(crate) fn tenant_name(&self) -> String {
        self.tenant.as_ref().map_or_else(|| "(none)".to_owned(), |tenant| format!("{} ({})", tenant.name, tenant.slug))
    }
}

/// What log-in answers.
#[derive(Deserialize)]
pub(crate) struct LoggedIn {
    pub(crate) access_token: String,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
}

/// A lead as the CRM answers it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Lead {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) company: Option<String>,
    pub(crate) priority: String,
    pub(crate) score: u8,
    pub(crate) score_reasons: Vec<ScoreReason>,
}

/// A rule that fired.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ScoreReason {
    pub(crate) rule: String,
    pub(crate) points: i32,
}

/// The figures of a tenant's leads.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Analytics {
    pub(crate) total: u64,
    pub(crate) by_status: BTreeMap<String, u64>,
    pub(crate) by_source: BTreeMap<String, u64>,
    pub(crate) by_priority: BTreeMap<String, u64>,
    pub(crate) average_score: Option<f64>,
    pub(crate) score_histogram: Vec<ScoreStep>,
    pub(crate) conversion_rate: Option<f64>,
    pub(crate) per_day: Vec<Day>,
}

/// How many leads have a score in a range.
#[derive(Debug, Deserialize)]
pub(crate) struct ScoreStep {
    pub(crate) from: u8,
    pub(crate) to: u8,
    pub(crate) count: u64,
}

/// How many leads a day brought.
#[derive(Debug, Deserialize)]
pub(crate) struct Day {
    pub(crate) date: String,
    pub(crate) count: u64,
}

/// A payment, in minor units.
#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
}

/// A refund that was asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {}

/// What the ledger's accounts hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Balances {
    pub(crate) data: Vec<Balance>,
}

/// What one of them holds.
#[derive(Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) account: String,
    pub(crate) balance: i64,
}

/// A refusal (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) detail: serde_json::Value,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) request_id: String,
}

/// A place of the input that is wrong.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldError {
    pub(crate) pointer: Option<String>,
    pub(crate) parameter: Option<String>,
    pub(crate) detail: String,
}

/// Who wants an account.
#[derive(Serialize)]
pub(crate) struct NewAccount<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
    pub(crate) tenant_name: &'a str,
}
