//! From the command line to a server: reads manifest and configuration, compiles components, opens logs, binds the address.
//!
//! Everything that can be wrong with an application is found here, before the first request.

use crate::{
    cli::Up,
    component,
    engine::{Setup, engine},
    guest::{Blueprint, Guest, Shared},
    logs::{Echo, Logs},
    manifest::Manifest,
    outbound::{http::Clients, postgres_pool::Pools},
    outbound_hosts::OutboundHosts,
    permits::Permits,
    provider,
    routes::Router,
    runtime_config::RuntimeConfig,
    server::{Parts, Server},
    variables::Variables,
    worker::{Reuse, Worker},
};
use anyhow::{Context as _, bail};
use std::{
    collections::{BTreeMap, HashMap},
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use wasmtime::component::Linker;
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Ports that --find-free-port tries.
const PORTS_TRIED: u16 = 9;

/// A server and where it listens.
pub(crate) struct App {
    /// Answers requests.
    pub(crate) server: Arc<Server>,
    /// Bound and listening.
    pub(crate) listener: TcpListener,
    /// Descriptions of components, for the list of routes.
    pub(crate) descriptions: HashMap<String, String>,
}

/// Loads the application that the command line names.
pub(crate) async fn load(up: &Up) -> anyhow::Result<App> {
    let manifest = Manifest::read(&up.from)?;
    let mut config = RuntimeConfig::read(up.runtime_config_file.as_deref())?;
    let variables = Arc::new(variables(&manifest, &mut config, &up.variables)?);
    let router = Router::new(manifest.triggers())?;
    let shared = shared(up, &manifest, &config, variables.clone())?;
    let hosts = outbound_hosts(&manifest, &variables)?;

    let engine =
        engine(Setup { cache: !up.disable_cache, cache_config: up.cache.as_deref(), pooling: !up.disable_pooling })?;
    let services = compile(&manifest, component::linker(&engine)?).await?;
    variables.ensure_required()?;

    let reuse = Reuse {
        requests: up.max_instance_reuse_count,
        concurrent: up.max_instance_concurrent_reuse_count,
        idle: up.idle_instance_timeout,
        request_timeout: up.request_timeout,
    };
    let mut components = HashMap::new();
    for (id, service) in services {
        let mut environment: BTreeMap<_, _> = manifest.components[&id].environment.clone();
        environment.extend(up.environment.iter().cloned());
        let blueprint = Blueprint {
            id: id.clone(),
            service,
            environment,
            hosts: hosts[&id].clone(),
            pools: Arc::new(Pools::default()),
            shared: shared.clone(),
        };
        let worker = Worker { blueprint, engine: engine.clone(), reuse, server: OnceLock::new() };
        if manifest.triggers().iter().any(|trigger| trigger.component() == Some(&id)) {
            components.insert(id, worker);
        }
    }
    let statics = manifest
        .triggers()
        .iter()
        .filter_map(|trigger| trigger.static_response.clone().map(|response| (trigger.id.clone(), response)));
    let listener = bind(up.listen, up.find_free_port).await?;
    let server = Server::new(Parts {
        name: manifest.application.name.clone(),
        version: manifest.application.version.clone(),
        router,
        statics: statics.collect(),
        components,
        address: listener.local_addr()?,
    });
    let descriptions = manifest.components.into_iter().map(|(id, component)| (id, component.description)).collect();
    Ok(App { server, listener, descriptions })
}

fn variables(manifest: &Manifest, config: &mut RuntimeConfig, given: &[String]) -> anyhow::Result<Variables> {
    let mut providers = vec![provider::command_line(given)?];
    providers.extend(config.take_providers()?);
    let declared = manifest.variables.iter().map(|(name, variable)| (name.clone(), variable.default.clone()));
    let mut variables = Variables::new(declared.collect(), providers)?;
    for (id, component) in &manifest.components {
        variables.add_component(id, &component.variables).with_context(|| format!("component {id:?}"))?;
    }
    Ok(variables)
}

fn outbound_hosts(
    manifest: &Manifest,
    variables: &Arc<Variables>,
) -> anyhow::Result<HashMap<String, Arc<OutboundHosts>>> {
    let ids: Vec<String> = manifest.components.keys().cloned().collect();
    let hosts_of = |id: &String| {
        let entries = &manifest.components[id].allowed_outbound_hosts;
        let hosts = OutboundHosts::new(id, entries, &ids, variables.clone())
            .with_context(|| format!("allowed_outbound_hosts of component {id:?}"))?;
        Ok((id.clone(), Arc::new(hosts)))
    };
    ids.iter().map(hosts_of).collect()
}

fn shared(up: &Up, manifest: &Manifest, config: &RuntimeConfig, variables: Arc<Variables>) -> anyhow::Result<Shared> {
    let total = config.outbound_networking.max_total_connections.map(|limit| Arc::new(Semaphore::new(limit)));
    let blocked = config.blocked_networks()?;
    let http_permits = Permits::new(config.http_max_connections()?, total.clone());
    Ok(Shared {
        variables,
        clients: Clients::new(config.http_pooling(), blocked.clone(), http_permits),
        blocked,
        postgres_permits: Permits::new(config.outbound_pg.max_connections, total.clone()),
        redis_permits: Permits::new(config.outbound_redis.max_connections, total),
        logs: logs(up, manifest, config)?,
        memory_bytes_max: up.max_instance_memory.or(config.max_instance_memory),
    })
}

fn logs(up: &Up, manifest: &Manifest, config: &RuntimeConfig) -> anyhow::Result<Logs> {
    if let Some(unknown) = up.follow.iter().find(|id| !manifest.components.contains_key(*id)) {
        bail!("--follow {unknown}: the application has no such component");
    }
    let echo = match (up.quiet, up.follow.is_empty()) {
        (true, _) => Echo::Nobody,
        (false, true) => Echo::All,
        (false, false) => Echo::Only(up.follow.iter().cloned().collect()),
    };
    let state = folder(up.state_dir.as_ref().or(config.state_dir.as_ref()), || Some(manifest.folder.join(".spin")))?;
    let logs = folder(up.log_dir.as_ref().or(config.log_dir.as_ref()), || Some(state?.join("logs")))?;
    Logs::open(logs, echo, up.truncate_logs)
}

/// An empty name means that there is to be no folder.
fn folder(given: Option<&PathBuf>, default: impl FnOnce() -> Option<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    match given {
        None => Ok(default()),
        Some(path) if path.as_os_str().is_empty() => Ok(None),
        Some(path) => Ok(Some(std::path::absolute(path)?)),
    }
}

/// Compiles all components at once.
async fn compile(manifest: &Manifest, linker: Linker<Guest>) -> anyhow::Result<Vec<(String, ServicePre<Guest>)>> {
    let linker = Arc::new(linker);
    let mut jobs = JoinSet::new();
    for (id, component) in &manifest.components {
        let (linker, id) = (linker.clone(), id.clone());
        let path = manifest.folder.join(Path::new(component.source()?));
        jobs.spawn_blocking(move || {
            let service = component::load(&linker, &path).with_context(|| format!("component {id:?}"))?;
            anyhow::Ok((id, service))
        });
    }
    jobs.join_all().await.into_iter().collect()
}

async fn bind(address: SocketAddr, find_free_port: bool) -> anyhow::Result<TcpListener> {
    let last = if find_free_port { address.port().saturating_add(PORTS_TRIED) } else { address.port() };
    for port in address.port()..=last {
        match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
        }
    }
    bail!("{address} is already in use; choose another address with --listen, or pass --find-free-port")
}
