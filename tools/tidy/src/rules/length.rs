//! A file above 400 lines says in its header why: `//! Long because …`.

use super::Finding;
use crate::project::Project;

const LINES_MAX: usize = 400;

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.rust {
        let lines = file.text.lines().count();
        let mut header = file.text.lines().take_while(|line| line.starts_with("//!"));
        if lines > LINES_MAX && !header.any(|line| line.starts_with("//! Long because")) {
            let sentence = format!("{lines} lines: split the file, or say `//! Long because …` in its header");
            findings.push(Finding::new(&file.path, LINES_MAX + 1, sentence));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn a_long_file_gives_its_reason() {
        let long = "fn f() {}\n".repeat(LINES_MAX);
        assert_eq!(said(check, &[("a.rs", &long)]), [""; 0]);
        let longer = format!("//! Too much.\n{long}");
        assert_eq!(
            said(check, &[("a.rs", &longer)]),
            ["a.rs:401: 401 lines: split the file, or say `//! Long because …` in its header"]
        );
        let reason = format!("//! A table.\n//! Long because it is one table.\n{long}");
        assert_eq!(said(check, &[("a.rs", &reason)]), [""; 0]);
    }
}
