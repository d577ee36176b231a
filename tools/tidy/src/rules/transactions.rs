//! One statement is one unit of work. The host gives a connection to the next request without rolling back, so a component
//! that opened a transaction and trapped would hand it to another tenant.

use super::{Finding, is_guest_code};
use crate::project::Project;

const SENTENCE: &str =
    "one statement is one unit of work: no transaction control in components, write one statement or function";

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.rust.iter().filter(|file| is_guest_code(&file.path)) {
        let controls = file.strings.iter().filter(|(_, text)| text.split(';').any(is_control));
        findings.extend(controls.map(|(line, _)| Finding::new(&file.path, *line, SENTENCE)));
    }
    let of_components = |path: &str| path.starts_with("components/") || path.starts_with("migrations/functions/");
    for (path, text) in project.sql().filter(|(path, _)| of_components(path)) {
        for (index, line) in text.lines().enumerate() {
            // A block of PL/pgSQL begins without a semicolon.
            let statement = line.split("--").next().unwrap_or_default().trim();
            if statement.strip_suffix(';').is_some_and(is_control) {
                findings.push(Finding::new(path, index + 1, SENTENCE));
            }
        }
    }
    findings
}

fn is_control(statement: &str) -> bool {
    let words: Vec<String> = statement.split_whitespace().map(str::to_lowercase).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["begin" | "commit" | "rollback" | "abort"] | ["start", "transaction", ..] | ["set", "transaction", ..] => true,
        ["begin" | "commit" | "rollback", next, ..] => {
            ["transaction", "work", "isolation", "read", "to", "and"].contains(&next)
        }
        ["savepoint" | "prepare", ..] => words.len() == 2 || words.get(1).is_some_and(|word| word == "transaction"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn components_leave_transactions_alone() {
        let good = "const A: &str = \"update crm.leads set status = $1\"; // BEGIN\nlet b = \"begin with a letter\";";
        assert_eq!(said(check, &[("components/crm/src/store/leads.rs", good)]), [""; 0]);
        for text in ["BEGIN", "begin transaction", "select 1; commit;", "ROLLBACK TO x", "start transaction"] {
            let broken = format!("fn f() {{ run(\"{text}\") }}");
            assert_eq!(said(check, &[("components/crm/src/store/leads.rs", &broken)]).len(), 1, "{text}");
            assert_eq!(said(check, &[("tools/migrate/src/up.rs", &broken)]), [""; 0]);
        }
    }

    #[test]
    fn functions_have_blocks_but_no_transactions() {
        let block = "as $$\nbegin\n    return 1;\nend\n$$;\n-- commit;";
        assert_eq!(said(check, &[("components/crm/sql/leads.sql", block)]), [""; 0]);
        assert_eq!(said(check, &[("components/crm/sql/leads.sql", "begin\n  commit;\nend")]).len(), 1);
    }
}
