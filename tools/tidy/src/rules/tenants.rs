//! A function that reads or writes rows does it for somebody: it takes the caller and names the caller's tenant (or the
//! caller, for what belongs to a person) in its conditions. Row policies refuse the rest; this keeps the two independent.
//!
//! The exceptions are here by name, each with its reason, so that a new one is a decision.

use super::{Finding, store_only};
use crate::project::Project;

/// Functions that act before anybody is known, or for nobody.
const WITHOUT_TENANT: &[(&str, &str)] = &[
    ("auth.find_log_in", "log-in by email: the tenant is what it finds"),
    ("auth.open_session", "log-in: acts for the person whose password was verified"),
    ("auth.find_invitation", "a visitor shows the token of an invitation: its tenant is what it finds"),
    ("auth.introspect", "a neighbour shows a token or a key: whose it is, is what it finds"),
    ("auth.list_stale_seeds", "sealing again: of everybody, and sealed"),
    ("auth.reseal_seeds", "sealing again: of everybody, one person after the other"),
    ("auth.sweep", "removes what is long over, of everybody"),
    ("auth.begin_session", "log-in: acts for the person who has just proved who they are"),
    ("auth.refresh_session", "a client shows a refresh token: whose session it is, is what it finds"),
    ("auth.open_challenge", "log-in: acts for the person whose password was verified"),
    ("auth.find_challenge", "log-in: a client shows the token of its first step"),
    ("auth.complete_challenge", "log-in: acts for the person whose challenge it is"),
    ("auth.replace_recovery_codes", "recovery codes belong to a person, whom its callers name"),
    ("auth.password_context", "a person's password obeys all of their tenants, whatever the one at hand"),
    ("auth.belongs_only_to", "asks whether a person has other tenants, and answers no more than that"),
    ("auth.issue_mail_token", "the dispatcher asks for the token of one message, which says whom it is for"),
    ("auth.find_password_reset", "a visitor shows the token of a message: whose it is, is what it finds"),
    ("auth.reset_password", "a visitor shows the token of a message: whose it is, is what it finds"),
    ("auth.verify_email", "a visitor shows the token of a message: whose it is, is what it finds"),
    ("auth.register", "makes the person and the tenant that it then acts for"),
    ("auth.record_failed_log_in", "failed log-ins belong to an account or an address, not to a tenant"),
    ("auth.throttle_log_in", "failed log-ins belong to an account or an address, not to a tenant"),
    ("auth.forget_failed_log_ins", "failed log-ins belong to an account or an address, not to a tenant"),
    (
        "payments.enter_payment",
        "finds the tenant that it opens: that of a payment which is due or to which a payer returns",
    ),
    (
        "payments.enter_account",
        "finds the tenant that it opens: that of the account which a verified message belongs to",
    ),
    ("payments.find_webhook_account", "a gateway's message names an account: whose it is, is what it finds"),
    ("payments.find_payment_account", "a gateway's message names a payment: whose it is, is what it finds"),
    ("payments.find_return", "a payer comes back with a token: whose payment it is, is what it finds"),
    ("payments.list_stale_accounts", "sealing again: of everybody, and sealed"),
    ("payments.claim_due", "the sweep works for all tenants"),
    ("payments.measure", "an operator's metrics: numbers alone, over all tenants"),
    ("app.measure_outbox", "an operator's metrics: numbers alone, over all tenants"),
    ("auth.measure", "an operator's metrics: numbers alone, over all tenants"),
    ("app.claim_events", "the dispatcher delivers for all tenants"),
    ("app.settle_event", "the dispatcher delivers for all tenants"),
    ("app.list_events", "operators look at all tenants' events, without what they hold"),
    ("app.replay_event", "operators look at all tenants' events, without what they hold"),
];

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in project.sql().filter(|(path, _)| path.starts_with("components/")) {
        for function in functions(text) {
            let excepted = WITHOUT_TENANT.iter().any(|(name, _)| *name == function.name);
            if function.touches_rows() && !function.names_caller() && !excepted {
                let sentence =
                    format!("{} reads or writes rows without `c.tenant_id` in its conditions", function.name);
                findings.push(Finding::new(path, function.line, sentence));
            }
        }
    }
    for file in project.rust.iter().filter(|file| file.path.starts_with("components/")) {
        for (line, text) in file.strings.iter().filter(|(_, text)| store_only::is_sql(text)) {
            if touches_rows(text) && !text.contains("tenant_id") {
                findings.push(Finding::new(&file.path, *line, "this statement has no `tenant_id` in its conditions"));
            }
        }
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    /// From its name to the next function, without comments.
    text: String,
}

impl Function {
    fn touches_rows(&self) -> bool {
        touches_rows(&self.text)
    }

    fn names_caller(&self) -> bool {
        self.text.contains("app.caller")
            && ["c.tenant_id", "c.user_id"].iter().any(|name| super::has_word(&self.text, name))
    }
}

fn functions(sql: &str) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    for (index, line) in sql.lines().enumerate() {
        let line = line.split("--").next().unwrap_or_default();
        if let Some(rest) = line.strip_prefix("create or replace function ") {
            let name = rest.split('(').next().unwrap_or_default().trim().to_owned();
            functions.push(Function { name, line: index + 1, text: String::new() });
        }
        if let Some(function) = functions.last_mut() {
            function.text.push_str(line);
            function.text.push('\n');
        }
    }
    functions
}

/// Whether a table of ours follows one of the words that name one: in any schema but the server's own.
fn touches_rows(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let words: Vec<&str> = sql.split_whitespace().collect();
    words.windows(2).any(|pair| {
        let of_ours =
            pair[1].split_once('.').is_some_and(|(schema, _)| !["pg_catalog", "information_schema"].contains(&schema));
        ["from", "join", "update", "into"].contains(&pair[0]) && of_ours && !is_call(pair[1])
    })
}

/// `from crm.search(…)` calls a function; `insert into crm.leads (…)` has a space before its columns.
fn is_call(word: &str) -> bool {
    word.split_once('(').is_some_and(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    const PATH: &str = "components/crm/sql/leads.sql";

    #[test]
    fn a_function_names_the_callers_tenant() {
        let good = "create or replace function crm.find_lead(c app.caller, a jsonb) returns json as $$
            select 1 from crm.leads l where l.tenant_id = c.tenant_id $$;
            create or replace function crm.lead_view(l crm.leads) returns json as $$ select l.id $$;";
        assert_eq!(said(check, &[(PATH, good)]), [""; 0]);
        let broken = "\ncreate or replace function crm.find_lead(c app.caller, a jsonb) returns json as $$
            select 1 from crm.leads l where l.id = a ->> 'id' -- c.tenant_id
            $$;";
        assert_eq!(
            said(check, &[(PATH, broken)]),
            [
                "components/crm/sql/leads.sql:2: crm.find_lead reads or writes rows without `c.tenant_id` in its conditions"
            ]
        );
    }

    #[test]
    fn exceptions_have_names() {
        let sql =
            "create or replace function auth.find_log_in(a jsonb) returns json as $$ select 1 from auth.users $$;";
        assert_eq!(said(check, &[("components/auth/sql/sessions.sql", sql)]), [""; 0]);
        assert_eq!(said(check, &[("components/auth/sql/x.sql", &sql.replace("find_log_in", "find_anyone"))]).len(), 1);
    }

    #[test]
    fn a_statement_in_rust_names_the_tenant() {
        let with = |condition: &str| format!("const Q: &str = \"delete from crm.leads where {condition}\";");
        assert_eq!(said(check, &[("components/crm/src/store/leads.rs", &with("tenant_id = $1 and id = $2"))]), [""; 0]);
        assert_eq!(said(check, &[("components/crm/src/store/leads.rs", &with("id = $1"))]).len(), 1);
    }
}
