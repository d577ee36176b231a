//! The list of rules, and what a rule says.

use std::fmt;

use crate::project::Project;

mod dependency_reasons;
mod headers;
mod length;
mod names;
mod orphans;
mod owners;
mod pure_domain;
mod store_only;
mod tenants;
mod transactions;

/// A place where a rule is broken, and a sentence that says what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    sentence: String,
}

impl Finding {
    fn new(path: &str, line: usize, sentence: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, sentence: sentence.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.sentence)
    }
}

/// Applies every rule, in the order of the paths.
pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let rules = [
        dependency_reasons::check,
        headers::check,
        length::check,
        names::check,
        orphans::check,
        owners::check,
        pure_domain::check,
        store_only::check,
        tenants::check,
        transactions::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(project)).collect();
    findings.sort();
    findings
}

/// Whether `word` stands in `text` and is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let longer_before = text[..at].ends_with(in_word);
        let longer_after = word.ends_with(in_word) && text[at + word.len()..].starts_with(in_word);
        !longer_before && !longer_after
    })
}

/// Whether a path is part of what becomes WebAssembly.
fn is_guest_code(path: &str) -> bool {
    path.starts_with("components/") || path.starts_with("crates/")
}

/// What a rule says about samples, as `line: sentence`.
#[cfg(test)]
fn said(rule: fn(&Project) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    rule(&Project::of(files)).iter().map(ToString::to_string).collect()
}
