//! House rules that clippy cannot express; `./dev check` and the test below apply them to the whole project.
//!
//! Each rule is a file under `rules/`, with a sample that it catches and one that it passes. They read text, not types: a
//! rule may be fooled by somebody who wants to, and must not bother anybody who does not.

mod project;
mod rules;
mod rust;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

fn main() -> ExitCode {
    let findings = match findings() {
        Ok(findings) => findings,
        Err(error) => {
            eprintln!("tidy: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn findings() -> Result<Vec<rules::Finding>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Ok(rules::check(&project::Project::read(&root)?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_project_is_tidy() {
        let lines: Vec<String> = super::findings().unwrap().iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }
}
