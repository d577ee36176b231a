//! `domain/` and the gateways' files decide; they ask nobody. What they need to know comes in as arguments, so that every
//! rule is tested natively in milliseconds.

use super::{Finding, has_word};
use crate::project::Project;

/// What would let a rule reach the host, the database, HTTP, the clock or chance.
const FORBIDDEN: [&str; 13] = [
    "spin_sdk",
    "wasip3",
    "wasi",
    "axum",
    "tokio",
    "db::",
    "crate::store",
    "crate::routes",
    "getrandom",
    "rand",
    "SystemTime",
    "Instant",
    ".await",
];

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.rust.iter().filter(|file| is_pure(&file.path)) {
        for (line, code) in file.code_lines() {
            if let Some(word) = FORBIDDEN.iter().find(|word| has_word(code, word)) {
                let sentence = format!("a rule may not reach for `{word}`: take what it needs as an argument");
                findings.push(Finding::new(&file.path, line, sentence));
            }
        }
    }
    findings
}

fn is_pure(path: &str) -> bool {
    // gateway/send.rs is the one that talks to the world.
    path.starts_with("components/")
        && (path.contains("/src/domain/") || (path.contains("/src/gateway/") && !path.ends_with("/send.rs")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn a_rule_asks_nobody() {
        let good = "use chrono::DateTime;\npub fn is_expired(now: DateTime<Utc>) -> bool { operand::brand(now) }";
        assert_eq!(said(check, &[("components/auth/src/domain/session.rs", good)]), [""; 0]);
        let broken = "use crate::store::leads;\nasync fn f() { g().await }";
        assert_eq!(
            said(check, &[("components/crm/src/domain/lead.rs", broken)]),
            [
                "components/crm/src/domain/lead.rs:1: a rule may not reach for `crate::store`: take what it needs as an argument",
                "components/crm/src/domain/lead.rs:2: a rule may not reach for `.await`: take what it needs as an argument",
            ]
        );
        assert_eq!(said(check, &[("components/crm/src/routes/leads.rs", broken)]), [""; 0]);
        assert_eq!(said(check, &[("components/payments/src/gateway/send.rs", broken)]), [""; 0]);
    }
}
