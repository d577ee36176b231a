//! A note that something is still to do names who will do it, or is an issue instead.

use super::Finding;
use crate::project::Project;

/// Written apart so that this file does not find itself.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.rust {
        for (line, comment) in &file.comments {
            findings.extend(check_lines(&file.path, *line, comment));
        }
    }
    for (path, text) in &project.others {
        if path == "dev" || [".sql", ".toml", ".sh"].iter().any(|extension| path.ends_with(extension)) {
            findings.extend(check_lines(path, 1, text));
        }
    }
    findings
}

fn check_lines(path: &str, first: usize, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    let without_owner = lines.filter(|(_, line)| {
        MARKS.iter().any(|mark| super::has_word(line, mark) && !line.contains(&format!("{mark}(")))
    });
    without_owner
        .map(|(index, _)| {
            Finding::new(path, first + index, "say who will do it, as in `TODO(name): …`, or open an issue")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn a_note_has_an_owner() {
        let mark = MARKS[0];
        let good = format!("// {mark}(ada): check the exponent\nlet text = \"{mark}\";");
        assert_eq!(said(check, &[("a.rs", &good)]), [""; 0]);
        let broken =
            said(check, &[("a.rs", &format!("fn f() {{}}\n// {mark}: later")), ("b.sql", &format!("-- {mark}"))]);
        assert_eq!(broken.len(), 2);
        assert!(broken[0].starts_with("a.rs:2: say who") && broken[1].starts_with("b.sql:1: say who"), "{broken:?}");
    }
}
