//! The `openapi` command: writes `components/web/openapi.json`, or with `--check` says whether it is up to date.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;

/// Merges the components' API descriptions and checks them against their routes and refusals.
#[derive(Parser)]
#[command(name = "openapi")]
struct Arguments {
    /// Writes nothing; fails if the committed file is not what the code gives.
    #[arg(long)]
    check: bool,
    /// The project's folder.
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("openapi: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let description = openapi::describe(&arguments.root)?;
    let file = arguments.root.join(openapi::COMMITTED);
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let is_stale = committed != description.text;
    if is_stale && !arguments.check {
        fs::write(&file, &description.text).with_context(|| format!("{} cannot be written", openapi::COMMITTED))?;
        println!("wrote {}", openapi::COMMITTED);
    }
    for finding in &description.findings {
        eprintln!("{finding}");
    }
    if !description.findings.is_empty() {
        bail!(
            "the API description and the code differ in {} places; each line above says what to change",
            description.findings.len()
        );
    }
    if is_stale && arguments.check {
        bail!("{} is not what the code gives: run `cargo run -p openapi` and commit it", openapi::COMMITTED);
    }
    Ok(())
}
