//! The `componentize` command: `componentize module.wasm component.wasm`.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;

/// Makes a component of a core module.
#[derive(Parser)]
#[command(name = "componentize")]
struct Arguments {
    /// The module, as cargo built it.
    module: PathBuf,
    /// Where the component is written.
    component: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { module, component } = Arguments::parse();
    let bytes = fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let made = componentize::componentize(&bytes).with_context(|| module.display().to_string())?;
    fs::write(&component, made).with_context(|| format!("cannot write {}", component.display()))
}
