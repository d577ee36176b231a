//! The database and the store are spoken to in one place: `crates/db` and `crates/api`'s store client hold the connections,
//! the components' `store/` the commands.

use super::{Finding, has_word, is_guest_code};
use crate::project::Project;

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.rust.iter().filter(|file| is_guest_code(&file.path)) {
        let path = file.path.as_str();
        let in_store =
            path.starts_with("components/") && (path.contains("/src/store/") || path.ends_with("/src/store.rs"));
        let may_hold_database = path.starts_with("crates/db/");
        let may_hold_redis = in_store || path == "crates/api/src/store.rs";

        for (line, code) in file.code_lines() {
            let compact: String = code.split_whitespace().collect();
            if compact.contains("spin_sdk::pg") && !may_hold_database {
                findings.push(Finding::new(path, line, "only crates/db talks to Postgres: use its `Db`"));
            }
            if compact.contains("spin_sdk::redis") && !may_hold_redis {
                findings.push(Finding::new(path, line, "only crates/api's store client and store/ talk to Redis"));
            }
            let calls = has_word(code, "Effect::Reads") || has_word(code, "Effect::Writes");
            if calls && !in_store && path.starts_with("components/") {
                findings.push(Finding::new(path, line, "call the database from store/, not from here"));
            }
        }
        if !in_store && !may_hold_database {
            let sql = file.strings.iter().filter(|(_, text)| is_sql(text));
            findings.extend(sql.map(|(line, _)| Finding::new(path, *line, "SQL belongs into store/")));
        }
    }
    findings
}

/// Whether a string is a statement, and not an English sentence that begins like one.
pub(super) fn is_sql(text: &str) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let with = |start: &str, also: &[&str]| text.starts_with(start) && also.iter().any(|word| text.contains(word));
    with("select ", &[" from ", "(", "$"])
        || with("update ", &[" set "])
        || with("with ", &[" as ("])
        || ["insert into ", "delete from ", "create table ", "alter table ", "truncate "]
            .iter()
            .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    const STORE: &str =
        "use spin_sdk::redis::Connection;\nconst Q: &str = \"select id\n from crm.leads where id = $1\";";

    #[test]
    fn commands_are_in_the_store() {
        assert_eq!(said(check, &[("components/crm/src/store/leads.rs", STORE)]), [""; 0]);
        assert_eq!(
            said(check, &[("components/crm/src/routes/leads.rs", STORE)]),
            [
                "components/crm/src/routes/leads.rs:1: only crates/api's store client and store/ talk to Redis",
                "components/crm/src/routes/leads.rs:2: SQL belongs into store/",
            ]
        );
        assert_eq!(said(check, &[("components/crm/src/store/leads.rs", "use spin_sdk::pg::Connection;")]).len(), 1);
        assert_eq!(said(check, &[("components/crm/src/routes/leads.rs", "db.call(Effect::Reads, f)")]).len(), 1);
    }

    #[test]
    fn english_is_not_sql() {
        for text in ["select a tenant first", "update the lead, then try again", "with a key", "Delete from where?"] {
            assert!(!is_sql(text) || text.starts_with("Delete from"), "{text}");
        }
        for text in ["SELECT 1 FROM t", "with x as (select 1) select x", "insert into crm.leads values ($1)"] {
            assert!(is_sql(text), "{text}");
        }
    }
}
