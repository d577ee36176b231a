//! One API description out of the components' utoipa documents, checked against what they really do.
//!
//! [`describe`] gives the document as `components/web/openapi.json` must hold it, and everything in which documents,
//! routers, `spin.toml`, refusals and `docs/errors.md` differ. `components/web` packs the file and this crate links
//! `components/web`; that is no circle, because nothing that web says about itself depends on the file's content. One
//! component's part of it, which web serves too, is taken out by `tools/excerpt` and checked like the whole.

mod callers;
mod clients;
mod document;
mod examples;
mod operations;
mod possible;
mod problems;
mod refusals;
mod routes;
mod source;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};

/// Where the document is kept, from the project's root.
pub const COMMITTED: &str = "components/web/openapi.json";

/// What the code gives.
#[derive(Debug)]
pub struct Description {
    /// The document.
    pub text: String,
    /// Everything that is wrong, a sentence each.
    pub findings: Vec<String>,
}

/// Merges the documents and checks them against the sources below `root`.
pub fn describe(root: &Path) -> Result<Description> {
    let parts = document::parts();
    let (mut document, mut findings) = document::merge(&parts);
    findings.extend(missing(&parts, &read(root, "spin.toml")?)?);

    let components: Vec<_> = parts.iter().map(|(name, _)| format!("components/{name}/src")).collect();
    let routers = source::read_sources(root, &components)?;
    let (served, unreadable) = routes::served(&routers);
    let documented: BTreeSet<_> = parts.iter().flat_map(|(name, part)| routes::documented(name, part)).collect();
    findings.extend(unreadable);
    findings.extend(routes::compare(&served, &documented));
    findings.extend(routes::unreachable(&served, &read(root, "spin.toml")?).context("spin.toml cannot be understood")?);

    let everything = source::read_sources(root, &["components".to_owned(), "crates".to_owned()])?;
    let (codes, unreadable) = refusals::refusals(&everything);
    findings.extend(unreadable);
    let table = read(root, "docs/errors.md")?;
    findings.extend(refusals::compare(&codes, &table));
    problems::explain(&mut document, &codes, &table);

    findings.extend(operations::check(&document, &codes));
    for component in excerpt::COMPONENTS {
        let part = excerpt::excerpt(&document, component);
        let wrong = operations::check(&part, &codes).into_iter().filter(|finding| !findings.contains(finding));
        let wrong: Vec<_> = wrong.map(|finding| format!("in the part of {component}: {finding}")).collect();
        findings.extend(wrong);
    }
    Ok(Description { text: excerpt::render(&document), findings })
}

/// Components of `spin.toml` whose description nobody asked for: their routes would be seen by no check and no test.
fn missing(parts: &[(&str, serde_json::Value)], manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("spin.toml cannot be understood")?;
    let components = manifest.get("component").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
    let is_known = |name: &str| parts.iter().any(|(part, _)| *part == name) && excerpt::COMPONENTS.contains(&name);
    let unknown = components.filter(|name| !is_known(name));
    Ok(unknown
        .map(|name| {
            format!("spin.toml has a component {name}: name it in tools/openapi/src/document.rs and tools/excerpt")
        })
        .collect())
}

fn read(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| format!("{path} cannot be read"))
}
