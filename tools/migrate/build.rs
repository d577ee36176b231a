//! Embeds `migrations/NNNN_name.sql`, `migrations/functions/*.sql` and every `components/*/sql/*.sql` into the tool.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../..");
    // A path that is not there would make cargo run this script every time, so only what exists is watched; a component's
    // manifest stands for its first sql folder.
    watch(&root.join("Cargo.toml"));

    let migrations = files(&root, &root.join("migrations"));
    let mut functions = files(&root, &root.join("migrations/functions"));
    for component in entries(&root.join("components")) {
        watch(&component.join("Cargo.toml"));
        functions.extend(files(&root, &component.join("sql")));
    }

    let mut out = String::new();
    list(&mut out, "MIGRATIONS", &migrations);
    list(&mut out, "FUNCTIONS", &functions);
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo")).join("embedded.rs");
    fs::write(target, out).expect("the build's own folder can be written to");
}

/// The `.sql` files of one folder, by name: what they are called in the project, and where they are.
fn files(root: &Path, folder: &Path) -> Vec<(String, PathBuf)> {
    watch(folder);
    entries(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            let name = path.strip_prefix(root).expect("below the root").to_str().expect("UTF-8").to_owned();
            (name, path)
        })
        .collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn list(out: &mut String, name: &str, files: &[(String, PathBuf)]) {
    writeln!(out, "pub(crate) const {name}: &[(&str, &str)] = &[").expect("a string takes it");
    for (name, path) in files {
        writeln!(out, "    ({name:?}, include_str!({path:?})),").expect("a string takes it");
    }
    out.push_str("];\n");
}
