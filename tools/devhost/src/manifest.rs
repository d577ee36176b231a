//! `spin.toml`, manifest version 2: what may stand in it, and what this host makes of it.
//!
//! A key that Spin does not know is refused, as Spin refuses it. A key that Spin knows and this host does not implement is
//! refused too, with a sentence that says so: an application must never run here on less than its manifest promises. Keys
//! that do not matter when the application runs (build, targets, tool, profile) are accepted and ignored.

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    spin_manifest_version: u32,
    /// Name and version.
    pub(crate) application: Application,
    /// Application variables.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: BTreeMap<String, Vec<HttpTrigger>>,
    /// Components by id; inline ones are among them once the manifest was read.
    #[serde(default, rename = "component")]
    pub(crate) components: BTreeMap<String, Component>,
    /// Where the file lies; sources are relative to it.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
}

/// `[application]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    /// Shown at `/.well-known/spin/info`.
    pub(crate) name: String,
    /// Shown at `/.well-known/spin/info` when there is one.
    #[serde(default)]
    pub(crate) version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: Option<toml::Value>,
    #[serde(default)]
    trigger: BTreeMap<String, toml::Table>,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
}

/// `[variables]`: exactly one of `default` and `required`. That a variable is secret changes nothing at run time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// Taken when no provider has a value.
    pub(crate) default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

/// `[[trigger.http]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    /// Given in the manifest, else made from the component's.
    #[serde(default)]
    pub(crate) id: String,
    component: Option<ComponentReference>,
    /// Answered by the host itself.
    pub(crate) static_response: Option<StaticResponse>,
    /// Path pattern, or private.
    pub(crate) route: RoutePattern,
    executor: Option<Executor>,
    components: Option<toml::Value>,
    dependencies: Option<toml::Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ComponentReference {
    Id(String),
    Inline(Box<Component>),
}

/// Where requests come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum RoutePattern {
    /// `/x`, `/x/:id`, `/x/...`
    Public(String),
    /// Reached only by other components of the application.
    Private(Private),
}

/// `{ private = true }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Private {
    private: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Executor {
    r#type: String,
}

/// A response that needs no component. Spin does not look for unknown keys here.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct StaticResponse {
    /// 200 unless given.
    pub(crate) status_code: Option<u16>,
    /// Sent as they are.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Empty unless given.
    pub(crate) body: Option<String>,
}

/// `[component.<id>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    source: toml::Value,
    /// Shown in the list of routes.
    #[serde(default)]
    pub(crate) description: String,
    /// What the component may read, as templates.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// WASI environment, taken as it stands.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Where it may connect to, as templates.
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    allowed_http_hosts: Vec<String>,
    #[serde(default)]
    files: Vec<toml::Value>,
    #[serde(default)]
    exclude_files: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    sqlite_databases: Vec<String>,
    #[serde(default)]
    ai_models: Vec<String>,
    #[serde(default)]
    dependencies: toml::Table,
    #[serde(default, rename = "dependencies_inherit_configuration")]
    _dependencies_inherit_configuration: Option<bool>,
    #[serde(default, rename = "build")]
    _build: Option<Build>,
    #[serde(default, rename = "targets")]
    _targets: Option<toml::Value>,
    #[serde(default, rename = "profile")]
    _profile: toml::Table,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    #[serde(rename = "command")]
    _command: toml::Value,
    #[serde(default, rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

impl Manifest {
    /// Reads the manifest at `path`, a file or a folder that holds a `spin.toml`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = if path.is_dir() { path.join("spin.toml") } else { path.to_owned() };
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read the manifest {}; name it with --from", file.display()))?;
        let mut manifest = Self::parse(&text).with_context(|| format!("in {}", file.display()))?;
        let file = std::path::absolute(&file)?;
        manifest.folder = file.parent().unwrap_or(&file).to_owned();
        Ok(manifest)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut manifest: Self = toml::from_str(text)?;
        ensure!(manifest.spin_manifest_version == 2, "spin_manifest_version must be 2");
        manifest.check_triggers()?;
        manifest.name_triggers()?;
        for (id, component) in &manifest.components {
            check_id(id)?;
            component.check().with_context(|| format!("component {id:?}"))?;
        }
        for (name, variable) in &manifest.variables {
            ensure!(
                variable.required != variable.default.is_some(),
                "variable {name:?} must be `required` or have a `default`, and not both"
            );
        }
        Ok(manifest)
    }

    /// The HTTP triggers in file order.
    pub(crate) fn triggers(&self) -> &[HttpTrigger] {
        self.trigger.get("http").map_or(&[], Vec::as_slice)
    }

    fn check_triggers(&self) -> anyhow::Result<()> {
        let kinds = self.trigger.keys().chain(self.application.trigger.keys());
        if let Some(kind) = kinds.into_iter().find(|kind| *kind != "http") {
            bail!("devhost does not serve the trigger type {kind:?}; use spin");
        }
        ensure!(!self.triggers().is_empty(), "there is no [[trigger.http]] to serve");
        if let Some(http) = self.application.trigger.get("http") {
            for (key, value) in http {
                ensure!(
                    key == "base" && value.as_str() == Some("/"),
                    "[application.trigger.http] may say base = \"/\" and nothing else"
                );
            }
        }
        self.triggers().iter().try_for_each(HttpTrigger::check)
    }

    /// Gives every trigger an id, and every inline component a place among the components.
    fn name_triggers(&mut self) -> anyhow::Result<()> {
        let Some(triggers) = self.trigger.get_mut("http") else { return Ok(()) };
        for (index, trigger) in triggers.iter_mut().enumerate() {
            if trigger.id.is_empty() {
                trigger.id = match &trigger.component {
                    Some(ComponentReference::Id(id)) => format!("{id}-http-trigger"),
                    Some(ComponentReference::Inline(_)) | None => format!("http-trigger{}", index + 1),
                };
            }
            if let Some(ComponentReference::Inline(component)) = &trigger.component {
                let id = format!("{}-component", trigger.id);
                ensure!(!self.components.contains_key(&id), "two components are called {id:?}");
                self.components.insert(id.clone(), (**component).clone());
                trigger.component = Some(ComponentReference::Id(id));
            }
            if let Some(id) = trigger.component()
                && !self.components.contains_key(id)
            {
                bail!("trigger {:?} names the component {id:?}, which is not defined", trigger.id);
            }
        }
        Ok(())
    }
}

impl HttpTrigger {
    /// The component that answers, unless the host does.
    pub(crate) fn component(&self) -> Option<&str> {
        match &self.component {
            Some(ComponentReference::Id(id)) => Some(id),
            Some(ComponentReference::Inline(_)) | None => None,
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.component.is_some() != self.static_response.is_some(),
            "a trigger must have either `component` or `static_response`: {:?}",
            self.route
        );
        if let RoutePattern::Private(Private { private: false }) = self.route {
            bail!("a route is a text or {{ private = true }}");
        }
        if let Some(executor) = &self.executor {
            ensure!(
                ["http", "spin"].contains(&executor.r#type.as_str()),
                "devhost does not have the executor {:?}; use spin",
                executor.r#type
            );
        }
        ensure!(
            self.components.is_none() && self.dependencies.is_none(),
            "devhost does not compose components for a trigger; use spin"
        );
        Ok(())
    }
}

impl Component {
    /// The WebAssembly file, relative to the manifest.
    pub(crate) fn source(&self) -> anyhow::Result<&str> {
        self.source.as_str().context("devhost takes a component's source from a file; for anything else use spin")
    }

    fn check(&self) -> anyhow::Result<()> {
        self.source()?;
        let unsupported = [
            ("files", !self.files.is_empty() || !self.exclude_files.is_empty()),
            ("key_value_stores", !self.key_value_stores.is_empty()),
            ("sqlite_databases", !self.sqlite_databases.is_empty()),
            ("ai_models", !self.ai_models.is_empty()),
            ("dependencies", !self.dependencies.is_empty()),
        ];
        if let Some((key, _)) = unsupported.into_iter().find(|(_, used)| *used) {
            bail!("devhost does not implement `{key}`; use spin");
        }
        ensure!(
            self.allowed_http_hosts.is_empty(),
            "`allowed_http_hosts` is deprecated; write `allowed_outbound_hosts`"
        );
        Ok(())
    }
}

/// Ids are words of letters and digits joined by single hyphens; a word starts with a letter and keeps one case.
fn check_id(id: &str) -> anyhow::Result<()> {
    let legal = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !(word.bytes().any(|byte| byte.is_ascii_lowercase())
                && word.bytes().any(|byte| byte.is_ascii_uppercase()))
    };
    ensure!(id.split('-').all(legal), "the component id {id:?} is not kebab-case, as in my-component");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = "spin_manifest_version = 2\n[application]\nname = \"shop\"\n\
        [[trigger.http]]\nroute = \"/...\"\ncomponent = \"shop\"\n[component.shop]\nsource = \"shop.wasm\"\n";

    #[track_caller]
    fn refused(addition: &str, sentence: &str) {
        let error = Manifest::parse(&format!("{SMALLEST}{addition}")).expect_err(addition);
        assert!(format!("{error:#}").contains(sentence), "{addition}: {error:#}");
    }

    #[test]
    fn the_smallest_manifest_is_enough() {
        let manifest = Manifest::parse(SMALLEST).unwrap();
        assert_eq!(manifest.triggers()[0].component(), Some("shop"));
        assert_eq!(manifest.triggers()[0].id, "shop-http-trigger");
        assert_eq!(manifest.components["shop"].source().unwrap(), "shop.wasm");
    }

    #[test]
    fn keys_that_only_matter_to_the_build_are_accepted() {
        let build = "[component.shop.build]\ncommand = \"make\"\nwatch = [\"src\"]\n[component.shop.tool.x]\ny = 1\n";
        Manifest::parse(&format!("{SMALLEST}{build}")).unwrap();
    }

    #[test]
    fn unknown_keys_are_refused() {
        refused("sources = 1\n", "unknown field `sources`");
        refused("[variables]\na = { defualt = \"\" }\n", "unknown field `defualt`");
        refused("[variables]\na = { default = \"\", required = true }\n", "not both");
        refused("[variables]\na = {}\n", "not both");
        refused("[whatever]\n", "unknown field `whatever`");
    }

    #[test]
    fn what_this_host_lacks_is_refused_by_name() {
        refused("key_value_stores = [\"default\"]\n", "devhost does not implement `key_value_stores`; use spin");
        refused("files = [\"assets/*\"]\n", "devhost does not implement `files`; use spin");
        refused("[[trigger.redis]]\nroute = \"x\"\ncomponent = \"shop\"\n", "trigger type \"redis\"");
        refused("[component.Bad_Id]\nsource = \"x\"\n", "not kebab-case");
        refused("[[trigger.http]]\nroute = \"/x\"\ncomponent = \"nobody\"\n", "not defined");
        refused("[[trigger.http]]\nroute = { private = false }\ncomponent = \"shop\"\n", "private = true");
        refused("[[trigger.http]]\nroute = \"/x\"\n", "either `component` or `static_response`");
    }

    #[test]
    fn an_inline_component_gets_an_id() {
        let inline = "[[trigger.http]]\nroute = \"/x\"\nid = \"extra\"\ncomponent = { source = \"x.wasm\" }\n";
        let manifest = Manifest::parse(&format!("{SMALLEST}{inline}")).unwrap();
        assert_eq!(manifest.triggers()[1].component(), Some("extra-component"));
        assert!(manifest.components.contains_key("extra-component"));
    }
}
