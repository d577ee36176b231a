//! The components that are linked in, by the names that the manifest has for them.

use std::sync::Arc;

use anyhow::{Result, bail};
use api::{App, Settings};
use axum::Router;

use crate::manifest::Manifest;

/// A component, and what its entry gives to `api::Instance`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    /// Its name in the manifest and in the log.
    pub(crate) name: &'static str,
    /// The variables that it may read: all that the manifest gives it, since the components keep their lists to themselves.
    pub(crate) settings: &'static [&'static str],
    /// Makes its routes.
    pub(crate) build: fn(&Settings, Arc<App>) -> Router,
}

impl Component {
    /// The component of this name, or none for one that is left out. What it is made of is leaked: it lives as long as the
    /// process.
    pub(crate) fn named(name: &str, manifest: &Manifest) -> Result<Option<Self>> {
        let (name, build): (_, fn(&Settings, Arc<App>) -> Router) = match name {
            "auth" => ("auth", auth::router),
            "crm" => ("crm", crm::router),
            "web" => ("web", web::router),
            // They ask other hosts; nothing here measures that, and their paths fall to the catch-all.
            "events" | "payments" => return Ok(None),
            _ => bail!("the component {name:?} is not linked in: see bench/native/src/components.rs"),
        };
        let names = manifest.variables.get(name).into_iter().flat_map(|variables| variables.keys());
        let settings: Vec<&'static str> = names.map(|name| &*name.clone().leak()).collect();
        Ok(Some(Self { name, settings: settings.leak(), build }))
    }
}
