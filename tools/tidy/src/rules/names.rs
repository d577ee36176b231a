//! Names that say nothing: files called after no noun, types called after a layer.

use super::Finding;
use crate::project::Project;

const FILES: [&str; 8] = ["utils", "util", "common", "helpers", "helper", "types", "misc", "shared"];
const ENDINGS: [&str; 5] = ["Manager", "Service", "Helper", "Impl", "Repository"];

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.rust {
        if file.path.split(['/', '.']).any(|part| FILES.contains(&part)) {
            let sentence = "name the file after the noun it is about, or put its functions next to their only caller";
            findings.push(Finding::new(&file.path, 1, sentence));
        }
        for (line, code) in file.code_lines() {
            if let Some(name) = defined_type(code).filter(|name| is_layer(name)) {
                let sentence =
                    format!("`{name}` is named after a layer: free functions in a well-named module are enough");
                findings.push(Finding::new(&file.path, line, sentence));
            }
        }
    }
    findings
}

fn is_layer(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
}

/// The name of the type that a line of code defines, if it does.
fn defined_type(code: &str) -> Option<&str> {
    let mut words = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.find(|word| ["struct", "enum", "trait", "type"].contains(word))?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn files_are_nouns() {
        assert_eq!(said(check, &[("crates/money/src/currency.rs", "")]), [""; 0]);
        for path in ["crates/api/src/utils.rs", "components/crm/src/common/mod.rs"] {
            assert_eq!(said(check, &[(path, "")]).len(), 1, "{path}");
        }
    }

    #[test]
    fn types_are_not_layers() {
        let good = "pub struct Lead; impl Service<Request> for Lead { type Future = Ready; }\n// struct LeadManager";
        assert_eq!(said(check, &[("a.rs", good)]), [""; 0]);
        let broken = said(check, &[("a.rs", "\npub(crate) struct LeadRepository<T> {}")]);
        assert_eq!(
            broken,
            ["a.rs:2: `LeadRepository` is named after a layer: free functions in a well-named module are enough"]
        );
    }
}
