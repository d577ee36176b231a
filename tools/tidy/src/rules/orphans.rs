//! A Rust file that no module names is never compiled, and nobody notices: such a file is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::project::Project;
use crate::rust::RustFile;

pub(crate) fn check(project: &Project) -> Vec<Finding> {
    let files: BTreeMap<&str, &RustFile> = project.rust.iter().map(|file| (file.path.as_str(), file)).collect();
    let manifests: Vec<&str> = project.others.keys().filter_map(|path| path.strip_suffix("Cargo.toml")).collect();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut waiting: Vec<String> =
        files.keys().filter(|path| is_root(path, &manifests)).map(|path| (*path).to_owned()).collect();
    while let Some(path) = waiting.pop() {
        if let Some(file) = files.get(path.as_str())
            && reached.insert(path)
        {
            waiting.extend(named_files(file, &manifests));
        }
    }
    let orphans = files.keys().filter(|path| !reached.contains(**path));
    orphans.map(|path| Finding::new(path, 1, "no module names this file, so it is never compiled")).collect()
}

/// Whether cargo compiles the file by itself: where it lies in its package tells.
fn is_root(path: &str, manifests: &[&str]) -> bool {
    let package = manifests.iter().filter(|folder| path.starts_with(**folder)).max_by_key(|folder| folder.len());
    let Some(inside) = package.and_then(|folder| path.strip_prefix(folder)) else { return true };
    if ["src/lib.rs", "src/main.rs", "build.rs"].contains(&inside) {
        return true;
    }
    ["src/bin/", "tests/", "benches/", "examples/"]
        .iter()
        .any(|folder| inside.strip_prefix(folder).is_some_and(|name| !name.contains('/') || name.ends_with("/main.rs")))
}

/// Where the modules that a file names may lie: beside it, or in the folder that bears its name.
fn named_files(file: &RustFile, manifests: &[&str]) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let owns_folder = ["lib", "main", "mod", "build"].contains(&stem) || is_root(&file.path, manifests);
    let base = if owns_folder { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut paths = Vec::new();
    for (_, code) in file.code_lines() {
        let Some(module) = named_module(code) else { continue };
        paths.push(format!("{base}/{module}.rs"));
        paths.push(format!("{base}/{module}/mod.rs"));
    }
    // `#[path = "…"]` names it outright; so does `include!`.
    for (_, text) in file.strings.iter().filter(|(_, text)| text.ends_with(".rs")) {
        paths.push(format!("{folder}/{text}"));
    }
    paths
}

/// The module that a line such as `pub(crate) mod lead;` names.
fn named_module(code: &str) -> Option<&str> {
    let (before, after) = code.split_once("mod ")?;
    let visibility = before.trim().trim_start_matches("#[cfg(test)]").trim();
    let plain = visibility.is_empty() || visibility.starts_with("pub") || visibility.ends_with(']');
    after.split_once(';').map(|(name, _)| name.trim()).filter(|name| plain && !name.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::said;

    #[test]
    fn every_file_is_named_by_a_module() {
        let good = [
            ("crates/x/Cargo.toml", ""),
            ("crates/x/build.rs", ""),
            ("crates/x/src/lib.rs", "pub mod lead;\n#[cfg(test)]\nmod samples;"),
            ("crates/x/src/lead.rs", "mod score;"),
            ("crates/x/src/lead/score.rs", ""),
            ("crates/x/src/samples.rs", ""),
            ("crates/x/tests/leads.rs", "mod personas;"),
            ("crates/x/tests/personas/mod.rs", ""),
        ];
        assert_eq!(said(check, &good), [""; 0]);
    }

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let broken = [
            ("crates/x/Cargo.toml", ""),
            ("crates/x/src/lib.rs", "// mod old;\nlet text = \"mod old;\";"),
            ("crates/x/src/old.rs", "mod older;"),
            ("crates/x/src/old/older.rs", ""),
        ];
        assert_eq!(
            said(check, &broken),
            [
                "crates/x/src/old.rs:1: no module names this file, so it is never compiled",
                "crates/x/src/old/older.rs:1: no module names this file, so it is never compiled",
            ]
        );
    }
}
