//! Which destinations a component may reach: its `allowed_outbound_hosts`, checked before anything is sent.
//!
//! The entries are evaluated once for an instance, at its first outbound call, after all application variables were read;
//! if one of those has no value, every outbound call of the instance fails. A refusal is logged with the entry that would
//! allow it.

use crate::{
    allowed_host::{AllowedHost, Destination},
    template::Template,
    variables::Variables,
};
use anyhow::{Context as _, bail};
use std::sync::{Arc, OnceLock};

/// The entries of a component as the manifest has them.
#[derive(Debug)]
pub(crate) struct OutboundHosts {
    component: String,
    entries: Vec<Entry>,
    /// All components of the application, for `*.spin.internal`.
    components: Vec<String>,
    variables: Arc<Variables>,
}

#[derive(Debug)]
enum Entry {
    Fixed(AllowedHost),
    Templated(Template),
}

/// What an instance asks: the evaluated entries, shared by its concurrent requests.
#[derive(Clone, Debug)]
pub(crate) struct HostCheck {
    hosts: Arc<OutboundHosts>,
    evaluated: Arc<OnceLock<Result<Vec<AllowedHost>, String>>>,
}

impl OutboundHosts {
    /// Parses the entries of `component`; those whose defaults already make no sense are refused at load.
    pub(crate) fn new(
        component: &str,
        entries: &[String],
        components: &[String],
        variables: Arc<Variables>,
    ) -> anyhow::Result<Self> {
        if entries == ["insecure:allow-all"] {
            bail!("'insecure:allow-all' is not allowed; write '*://*:*' to allow everything");
        }
        let entries = entries.iter().map(|entry| parse_entry(entry, &variables)).collect::<Result<_, _>>()?;
        Ok(Self { component: component.to_owned(), entries, components: components.to_vec(), variables })
    }

    /// A check for a new instance.
    pub(crate) fn check(self: &Arc<Self>) -> HostCheck {
        HostCheck { hosts: self.clone(), evaluated: Arc::new(OnceLock::new()) }
    }

    fn evaluate(&self) -> anyhow::Result<Vec<AllowedHost>> {
        let values = self.variables.all()?;
        let mut allowed = Vec::new();
        for entry in &self.entries {
            let host = match entry {
                Entry::Fixed(host) => Some(host.clone()),
                Entry::Templated(template) => {
                    let text = template.render(|name| {
                        values.get(name).cloned().with_context(|| format!("unknown variable {name:?}"))
                    })?;
                    parse_filled(&text)?
                }
            };
            allowed.extend(host.into_iter().flat_map(|host| host.expand(&self.components)));
        }
        Ok(allowed)
    }
}

fn parse_entry(entry: &str, variables: &Variables) -> anyhow::Result<Entry> {
    let template = Template::parse(entry)?;
    if template.is_literal() {
        return AllowedHost::parse(entry).map(Entry::Fixed);
    }
    if let Ok(text) = template.render(|name| variables.default(name)) {
        parse_filled(&text)
            .with_context(|| format!("the allowed host {entry:?} becomes {text:?} with the variables' defaults"))?;
    }
    Ok(Entry::Templated(template))
}

/// A template that becomes empty allows nothing: this is how a manifest says "optional".
fn parse_filled(text: &str) -> anyhow::Result<Option<AllowedHost>> {
    match text {
        "" | "http://" | "https://" => Ok(None),
        _ => AllowedHost::parse(text).map(Some),
    }
}

impl HostCheck {
    /// Whether the component may reach `address`; `scheme` is assumed where the address has none.
    pub(crate) fn allows(&self, address: &str, scheme: &str) -> Result<bool, String> {
        let destination = match Destination::parse(address, scheme) {
            Ok(destination) => destination,
            Err(error) => {
                tracing::warn!(%error, "a component named an address that cannot be parsed");
                return Ok(false);
            }
        };
        let allowed = self.evaluated()?.iter().any(|host| host.allows(&destination));
        if !allowed {
            self.report(&destination.scheme, &destination.authority());
        }
        Ok(allowed)
    }

    /// Whether the component may send requests to its own application by one of these schemes.
    pub(crate) fn allows_self(&self, schemes: &[&str]) -> Result<bool, String> {
        let allowed = self.evaluated()?.iter().any(|host| host.allows_self(schemes));
        if !allowed {
            self.report(schemes.first().unwrap_or(&""), "self");
        }
        Ok(allowed)
    }

    fn evaluated(&self) -> Result<&[AllowedHost], String> {
        self.evaluated
            .get_or_init(|| {
                self.hosts.evaluate().map_err(|error| {
                    tracing::error!(component = self.hosts.component, "allowed_outbound_hosts: {error:#}");
                    format!("{error:#}")
                })
            })
            .as_deref()
            .map_err(Clone::clone)
    }

    fn report(&self, scheme: &str, authority: &str) {
        let component = &self.hosts.component;
        eprintln!(
            "ERROR: component {component:?} was refused an outbound {scheme} request to {authority}.\n\
             To allow it, add \"{scheme}://{authority}\" to allowed_outbound_hosts in [component.{component}] \
             of the manifest."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Provider;
    use std::collections::{BTreeMap, HashMap};

    fn check(entries: &[&str], given: &[(&str, &str)]) -> HostCheck {
        let declared = BTreeMap::from([
            ("host".to_owned(), Some("db".to_owned())),
            ("port".to_owned(), None),
            ("extra".to_owned(), Some(String::new())),
        ]);
        let given: HashMap<_, _> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let variables = Variables::new(declared, vec![Provider::Fixed(given)]).unwrap();
        let entries: Vec<_> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Arc::new(OutboundHosts::new("shop", &entries, &["shop".to_owned()], Arc::new(variables)).unwrap()).check()
    }

    #[test]
    fn templates_are_filled_with_the_values_of_the_moment() {
        let check = check(&["postgres://{{ host }}:{{ port }}", "{{ extra }}"], &[("port", "5433")]);
        assert_eq!(check.allows("db:5433", "postgres"), Ok(true));
        assert_eq!(check.allows("db", "postgres"), Ok(false));
    }

    #[test]
    fn one_missing_variable_fails_every_call() {
        let check = check(&["http://example.com"], &[]);
        assert!(check.allows("http://example.com", "http").is_err());
        assert!(check.allows_self(&["http"]).is_err());
    }

    #[test]
    fn an_address_that_cannot_be_parsed_is_refused() {
        let check = check(&["*://*:*"], &[("port", "1")]);
        assert_eq!(check.allows("", "http"), Ok(false));
    }

    #[test]
    fn defaults_that_make_no_sense_are_refused_at_load() {
        let declared = BTreeMap::from([("path".to_owned(), Some("/a/b".to_owned()))]);
        let variables = Arc::new(Variables::new(declared, Vec::new()).unwrap());
        let entries = ["http://example.com{{ path }}".to_owned()];
        OutboundHosts::new("shop", &entries, &[], variables).unwrap_err();
    }
}
