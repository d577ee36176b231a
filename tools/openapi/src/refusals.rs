//! Refusals: every `code` of a problem document that the sources can answer stands in `docs/errors.md` with its
//! status, and the other way round; a code has one status and one title.
//!
//! A code is a plain string after a `StatusCode::…`, as in `Problem::new(StatusCode::CONFLICT, "code", "Title", …)`.

use std::collections::BTreeMap;

use http::StatusCode;

use crate::source::{Source, string_literal};

/// A kind of problem as the sources make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The title.
    pub(crate) title: String,
    /// Where it is made first.
    place: String,
}

/// Every code with its refusal, and what is wrong with how the sources make them.
pub(crate) fn refusals(sources: &[Source]) -> (BTreeMap<String, Refusal>, Vec<String>) {
    let (mut found, mut findings) = (BTreeMap::<String, Refusal>::new(), Vec::new());
    for source in sources {
        for name in ["Problem::new", "Self::new"] {
            for (at, arguments) in source.calls(name) {
                let place = source.place(at);
                let Some(status) = arguments.first().and_then(|status| status.strip_prefix("StatusCode::")) else {
                    if name == "Problem::new" {
                        findings.push(format!("{place}: write the status as StatusCode::…, so that it can be checked"));
                    }
                    continue;
                };
                let (Some(code), Some(title)) = (literal(&arguments, 1), literal(&arguments, 2)) else {
                    findings
                        .push(format!("{place}: write code and title as plain strings, so that they can be checked"));
                    continue;
                };
                let Some(status) = number(status) else {
                    findings.push(format!("{place}: StatusCode::{status} is not known"));
                    continue;
                };
                if !is_code(code) {
                    findings.push(format!("{place}: the code `{code}` is not snake_case"));
                }
                let refusal = Refusal { status, title: title.to_owned(), place };
                let first = found.entry(code.to_owned()).or_insert_with(|| refusal.clone());
                if (first.status, &first.title) != (refusal.status, &refusal.title) {
                    findings.push(format!(
                        "{}: `{code}` has another status or title in {}; a code has one of each",
                        refusal.place, first.place
                    ));
                }
            }
        }
    }
    (found, findings)
}

/// Compares the codes with the table `| code | status | meaning | what to do |`.
pub(crate) fn compare(refusals: &BTreeMap<String, Refusal>, table: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = BTreeMap::new();
    let mut last = "";
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches(['|', ' ']).split('|').map(str::trim).collect();
        let code = cells[0].trim_matches('`');
        let [_, status, meaning, remedy] = cells[..] else {
            findings.push(format!("docs/errors.md: the row of `{code}` has not four cells"));
            continue;
        };
        if meaning.is_empty() || remedy.is_empty() {
            findings.push(format!("docs/errors.md: the row of `{code}` has an empty cell"));
        }
        if code <= last {
            findings.push(format!("docs/errors.md: `{code}` is not in alphabetical order"));
        }
        last = code;
        listed.insert(code, status);
    }
    for (code, refusal) in refusals {
        match listed.remove(code.as_str()) {
            None => findings.push(format!(
                "docs/errors.md: add a row for `{code}` ({}, {}), which {} answers",
                refusal.status, refusal.title, refusal.place
            )),
            Some(status) if status != refusal.status.to_string() => findings
                .push(format!("docs/errors.md: `{code}` is {} in {}, not {status}", refusal.status, refusal.place)),
            Some(_) => {}
        }
    }
    findings.extend(listed.keys().map(|code| format!("docs/errors.md: nothing answers `{code}`; take its row out")));
    findings
}

fn literal<'a>(arguments: &[&'a str], place: usize) -> Option<&'a str> {
    string_literal(arguments.get(place)?)
}

/// Lower-case words joined by underscores.
fn is_code(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.split('_').all(is_word)
}

/// The number of a constant such as `NOT_FOUND`, which is named after its reason phrase.
fn number(constant: &str) -> Option<u16> {
    (100..600).find(|&number| {
        let reason = StatusCode::from_u16(number).ok().and_then(|status| status.canonical_reason());
        reason.is_some_and(|reason| reason.to_uppercase().replace([' ', '-'], "_").replace('\'', "") == constant)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(code: &str) -> [Source; 1] {
        [Source::new("crates/api/src/problem.rs", code)]
    }

    const TWO: &str = r#"
        Problem::new(
            StatusCode::NOT_FOUND,
            "lead_not_found", // not "no_such_lead"
            "There is no such lead",
            format!("No lead {id}, (really)."),
        )
        .retry_after(1);
        match e { _ => Self::new(StatusCode::CONFLICT, "lead_moved", "The lead was moved", "x") }
        pub fn new(status: StatusCode, code: &'static str) -> Self { Self { status } }
        Db::new(config); Self::new(keys, issuer)
    "#;

    #[test]
    fn reads_codes_over_several_lines() {
        let (found, findings) = refusals(&sources(TWO));
        assert_eq!(findings, [""; 0]);
        let found: Vec<_> = found.iter().map(|(code, refusal)| (code.as_str(), refusal.status)).collect();
        assert_eq!(found, [("lead_moved", 409), ("lead_not_found", 404)]);
    }

    #[track_caller]
    fn unreadable(code: &str, part: &str) {
        let (_, findings) = refusals(&sources(code));
        assert!(findings.len() == 1 && findings[0].contains(part), "{code}: {findings:?}");
    }

    #[test]
    fn says_what_it_cannot_read() {
        unreadable(r#"Problem::new(status, "a", "A", "x")"#, "write the status");
        unreadable(r#"Problem::new(StatusCode::CONFLICT, code, "A", "x")"#, "write code and title");
        unreadable(r#"Problem::new(StatusCode::CONFLICT, "a", title, "x")"#, "write code and title");
        unreadable(r#"Problem::new(StatusCode::NONSENSE, "a", "A", "x")"#, "is not known");
        unreadable(r#"Problem::new(StatusCode::CONFLICT, "Lead-Moved", "A", "x")"#, "snake_case");
    }

    #[test]
    fn a_code_has_one_status_and_one_title() {
        unreadable(
            r#"Problem::new(StatusCode::CONFLICT, "a", "A", "x"); Problem::new(StatusCode::GONE, "a", "A", "x")"#,
            "another",
        );
        unreadable(
            r#"Problem::new(StatusCode::CONFLICT, "a", "A", "x"); Problem::new(StatusCode::CONFLICT, "a", "B", "x")"#,
            "another",
        );
    }

    #[track_caller]
    fn check(table: &str, wanted: &[&str]) {
        let (found, _) = refusals(&sources(TWO));
        let findings = compare(&found, table);
        assert_eq!(findings.len(), wanted.len(), "{findings:?}");
        for (finding, part) in findings.iter().zip(wanted) {
            assert!(finding.contains(part), "{finding} should say {part}");
        }
    }

    #[test]
    fn the_table_lists_every_code_and_no_other() {
        const HEAD: &str = "# Errors\n\n| code | status | meaning | what to do |\n| --- | --- | --- | --- |\n";
        const MOVED: &str = "| `lead_moved` | 409 | Moved | Read it again |\n";
        const NOT_FOUND: &str = "| `lead_not_found` | 404 | None | Look at the id |\n";
        check(&format!("{HEAD}{MOVED}{NOT_FOUND}"), &[]);
        check(&format!("{HEAD}{NOT_FOUND}"), &["add a row for `lead_moved` (409, The lead was moved)"]);
        check(&format!("{HEAD}{NOT_FOUND}{MOVED}"), &["`lead_moved` is not in alphabetical order"]);
        check(&format!("{HEAD}{MOVED}{}", NOT_FOUND.replace("404", "410")), &["`lead_not_found` is 404"]);
        check(&format!("{HEAD}{MOVED}{}", NOT_FOUND.replace("None", "")), &["has an empty cell"]);
        check(&format!("{HEAD}{MOVED}{}", NOT_FOUND.replace("| None ", "")), &["has not four cells", "add a row"]);
        check(&format!("{HEAD}{MOVED}{NOT_FOUND}| `spare` | 404 | None | Nothing |\n"), &["nothing answers `spare`"]);
    }

    #[test]
    fn knows_the_constants_of_statuses() {
        assert_eq!(number("UNPROCESSABLE_ENTITY"), Some(422));
        assert_eq!(number("IM_A_TEAPOT"), Some(418));
        assert_eq!(number("MULTI_STATUS"), Some(207));
        assert_eq!(number("HTTP_VERSION_NOT_SUPPORTED"), Some(505));
    }
}
