//! Every Rust file opens with `//!`: what it owns, and what must stay true.

use super::Finding;
use crate::project::Project;

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let without = project.rust.iter().filter(|file| !file.text.starts_with("//!"));
    without
        .map(|file| Finding::new(&file.path, 1, "open the file with `//!`: what it owns, and what must stay true"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn a_file_says_what_it_is() {
        assert_eq!(said(check, &[("crates/x/src/lib.rs", "//! Owns x.\nfn x() {}")]), [""; 0]);
        let broken = said(check, &[("crates/x/src/lib.rs", "use std::fmt;\n//! Too late.")]);
        assert_eq!(broken, ["crates/x/src/lib.rs:1: open the file with `//!`: what it owns, and what must stay true"]);
    }
}
