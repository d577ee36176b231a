//! The file of `--runtime-config-file`: what the operator, not the application, decides.
//!
//! A key that Spin does not know is refused; so is one that Spin knows and this host does not implement. One trap is Spin's
//! and kept: an `[outbound_http]` section without `connection_pooling = true` switches pooling off.

use crate::{networks::BlockedNetworks, provider::Provider};
use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// The whole file; every part of it may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuntimeConfig {
    /// Where state and logs go unless the command line says so; empty means nowhere.
    pub(crate) state_dir: Option<PathBuf>,
    /// Where logs go unless the command line says so; empty means nowhere.
    pub(crate) log_dir: Option<PathBuf>,
    /// Bytes of linear memory that an instance may have.
    pub(crate) max_instance_memory: Option<usize>,
    #[serde(default, alias = "config_provider")]
    variables_provider: Vec<VariablesProvider>,
    /// Limits of outbound Postgres.
    #[serde(default)]
    pub(crate) outbound_pg: ConnectionLimit,
    /// Limits of outbound Redis.
    #[serde(default)]
    pub(crate) outbound_redis: ConnectionLimit,
    outbound_http: Option<OutboundHttp>,
    /// Limits of all outbound connections.
    #[serde(default)]
    pub(crate) outbound_networking: OutboundNetworking,
    client_tls: Option<toml::Value>,
    key_value_store: Option<toml::Value>,
    sqlite_database: Option<toml::Value>,
    llm_compute: Option<toml::Value>,
    outbound_mysql: Option<toml::Value>,
    outbound_mqtt: Option<toml::Value>,
}

/// `max_connections`, counted over the whole application.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionLimit {
    /// No limit unless given.
    pub(crate) max_connections: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutboundHttp {
    #[serde(default)]
    connection_pooling: bool,
    max_connections: Option<usize>,
    max_concurrent_requests: Option<usize>,
}

/// `[outbound_networking]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboundNetworking {
    /// Addresses that nothing may connect to.
    #[serde(default)]
    block_networks: Vec<String>,
    /// Limit of all outbound connections together.
    pub(crate) max_total_connections: Option<usize>,
    max_socket_connections: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum VariablesProvider {
    Static { values: HashMap<String, String> },
    Env { prefix: Option<String>, dotenv_path: Option<PathBuf> },
    Vault,
    AzureKeyVault,
}

impl RuntimeConfig {
    /// Reads the file, if one is given.
    pub(crate) fn read(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the runtime configuration {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        let unsupported = [
            ("client_tls", config.client_tls.is_some()),
            ("key_value_store", config.key_value_store.is_some()),
            ("sqlite_database", config.sqlite_database.is_some()),
            ("llm_compute", config.llm_compute.is_some()),
            ("outbound_mysql", config.outbound_mysql.is_some()),
            ("outbound_mqtt", config.outbound_mqtt.is_some()),
            ("max_socket_connections", config.outbound_networking.max_socket_connections.is_some()),
        ];
        if let Some((key, _)) = unsupported.into_iter().find(|(_, used)| *used) {
            bail!("devhost does not implement `{key}`; use spin");
        }
        config.blocked_networks()?;
        config.http_max_connections()?;
        Ok(config)
    }

    /// The providers of the file in file order, then the environment, which is always there.
    pub(crate) fn take_providers(&mut self) -> anyhow::Result<Vec<Provider>> {
        let mut providers = Vec::new();
        for provider in self.variables_provider.drain(..) {
            providers.push(match provider {
                VariablesProvider::Static { values } => Provider::Fixed(values),
                VariablesProvider::Env { prefix, dotenv_path } => Provider::configured_environment(prefix, dotenv_path),
                VariablesProvider::Vault | VariablesProvider::AzureKeyVault => {
                    bail!("devhost reads variables from static and env providers only; for others use spin")
                }
            });
        }
        providers.push(Provider::environment());
        Ok(providers)
    }

    /// Whether outbound HTTP keeps its connections.
    pub(crate) fn http_pooling(&self) -> bool {
        self.outbound_http.as_ref().is_none_or(|http| http.connection_pooling)
    }

    /// Limit of outbound HTTP connections.
    pub(crate) fn http_max_connections(&self) -> anyhow::Result<Option<usize>> {
        let Some(http) = &self.outbound_http else { return Ok(None) };
        ensure!(
            http.max_connections.is_none() || http.max_concurrent_requests.is_none(),
            "[outbound_http] may set max_connections or max_concurrent_requests, not both"
        );
        // The older key always allowed one connection more than it said.
        Ok(http.max_connections.or(http.max_concurrent_requests.map(|requests| requests + 1)))
    }

    /// The networks of `block_networks`.
    pub(crate) fn blocked_networks(&self) -> anyhow::Result<BlockedNetworks> {
        BlockedNetworks::parse(&self.outbound_networking.block_networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_always_the_last_provider() {
        let mut config = RuntimeConfig::parse(
            "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"1\" }\n\
             [[variables_provider]]\ntype = \"env\"\nprefix = \"APP\"\n",
        )
        .unwrap();
        let providers = config.take_providers().unwrap();
        assert_eq!(providers.len(), 3);
        assert_eq!(providers[0].get("a").unwrap().as_deref(), Some("1"));
        assert_eq!(RuntimeConfig::default().take_providers().unwrap().len(), 1);
    }

    #[test]
    fn an_http_section_switches_pooling_off_unless_it_says_otherwise() {
        assert!(RuntimeConfig::default().http_pooling());
        assert!(!RuntimeConfig::parse("[outbound_http]\nmax_connections = 4\n").unwrap().http_pooling());
        assert!(RuntimeConfig::parse("[outbound_http]\nconnection_pooling = true\n").unwrap().http_pooling());
    }

    #[test]
    fn limits_are_read() {
        let config = RuntimeConfig::parse("[outbound_pg]\nmax_connections = 20\n").unwrap();
        assert_eq!(config.outbound_pg.max_connections, Some(20));
        assert_eq!(config.outbound_redis.max_connections, None);
        let older = RuntimeConfig::parse("[outbound_http]\nmax_concurrent_requests = 0\n").unwrap();
        assert_eq!(older.http_max_connections().unwrap(), Some(1));
    }

    #[test]
    fn unknown_and_unsupported_keys_are_refused() {
        for (text, sentence) in [
            ("nonsense = 1\n", "unknown field `nonsense`"),
            ("[outbound_pg]\nmax = 1\n", "unknown field `max`"),
            ("[key_value_store.default]\ntype = \"spin\"\n", "does not implement `key_value_store`"),
            ("[outbound_networking]\nblock_networks = [\"x\"]\n", "\"x\""),
            ("[outbound_http]\nmax_connections = 1\nmax_concurrent_requests = 1\n", "not both"),
        ] {
            let error = RuntimeConfig::parse(text).expect_err(text);
            assert!(format!("{error:#}").contains(sentence), "{text}: {error:#}");
        }
    }
}
