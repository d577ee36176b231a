//! A dependency is a cost: in the top manifest each one, or each group of them, has a comment that says why it is there.
//!
//! A comment holds for the lines below it, up to the next empty line.

use super::Finding;
use crate::project::Project;

const TABLE: &str = "[workspace.dependencies]";

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let path = "Cargo.toml";
    let Some(text) = project.others.get(path) else { return Vec::new() };
    let mut findings = Vec::new();
    let (mut in_table, mut explained) = (false, false);
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            (in_table, explained) = (line == TABLE, false);
        } else if line.is_empty() {
            explained = false;
        } else if line.starts_with('#') {
            explained = true;
        } else if in_table
            && !explained
            && !line.contains(" # ")
            && let Some((name, _)) = line.split_once('=')
        {
            let sentence = format!("say in a comment why {} is needed", name.trim());
            findings.push(Finding::new(path, index + 1, sentence));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn a_dependency_has_a_reason() {
        let good =
            "[workspace.dependencies]\n# The router.\naxum = \"0.8\"\ntower = \"0.5\"\n\nhmac = \"0.12\" # signs\n";
        assert_eq!(said(check, &[("Cargo.toml", good)]), [""; 0]);
        let broken =
            "[workspace.dependencies]\n# The router.\naxum = \"0.8\"\n\nleftpad = \"1\"\n[profile.dev]\ndebug = 1\n";
        assert_eq!(said(check, &[("Cargo.toml", broken)]), ["Cargo.toml:5: say in a comment why leftpad is needed"]);
    }
}
