//! What the host keeps for one instance of a component, and how an instance comes to be.
//!
//! One store holds one instance; when either traps, both are gone, and with them every connection that the guest held.

use crate::{
    logs::Logs,
    networks::BlockedNetworks,
    outbound::{
        http::{Clients, OutboundHttp},
        postgres::Postgres,
        postgres_pool::Pools,
        redis::Redis,
        variables::ComponentVariables,
    },
    outbound_hosts::{HostCheck, OutboundHosts},
    permits::Permits,
    server::Server,
    variables::Variables,
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView, sockets::SocketAddrUse};
use wasmtime_wasi_http::{
    WasiHttpCtx,
    p3::{
        WasiHttpCtxView, WasiHttpView,
        bindings::{Service, ServicePre},
    },
};

/// The data of a store.
pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    outbound_http: OutboundHttp,
    limits: StoreLimits,
    /// `spin:postgres`
    pub(crate) postgres: Postgres,
    /// `spin:redis`
    pub(crate) redis: Redis,
    /// `spin:variables`
    pub(crate) variables: ComponentVariables,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound_http }
    }
}

/// What all components share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// The application's variables.
    pub(crate) variables: Arc<Variables>,
    /// Clients of outbound HTTP.
    pub(crate) clients: Clients,
    /// Addresses that may not be reached.
    pub(crate) blocked: BlockedNetworks,
    /// Places for Postgres connections.
    pub(crate) postgres_permits: Permits,
    /// Places for Redis connections.
    pub(crate) redis_permits: Permits,
    /// Where output goes.
    pub(crate) logs: Logs,
    /// Bytes of linear memory that an instance may have.
    pub(crate) memory_bytes_max: Option<usize>,
}

/// A component, ready to be instantiated any number of times.
pub(crate) struct Blueprint {
    /// Its id in the manifest.
    pub(crate) id: String,
    /// Compiled and linked.
    pub(crate) service: ServicePre<Guest>,
    /// WASI environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where it may go.
    pub(crate) hosts: Arc<OutboundHosts>,
    /// Its Postgres pools, which outlive its instances.
    pub(crate) pools: Arc<Pools>,
    /// What it shares.
    pub(crate) shared: Shared,
}

impl Blueprint {
    /// Makes an instance with a store of its own.
    pub(crate) async fn instantiate(
        &self,
        engine: &Engine,
        server: Arc<Server>,
    ) -> wasmtime::Result<(Store<Guest>, Service)> {
        let mut store = Store::new(engine, self.guest(server).map_err(wasmtime::Error::from_anyhow)?);
        store.limiter(|guest| &mut guest.limits);
        // Without a deadline the first check would trap; this one is practically never.
        store.set_epoch_deadline(u64::MAX / 2);
        let service = self.service.instantiate_async(&mut store).await?;
        Ok((store, service))
    }

    fn guest(&self, server: Arc<Server>) -> anyhow::Result<Guest> {
        let shared = &self.shared;
        let check = self.hosts.check();
        let mut wasi = WasiCtx::builder();
        for (name, value) in &self.environment {
            wasi.env(name, value);
        }
        wasi.stdout(shared.logs.stdout(&self.id)?).stderr(shared.logs.stderr(&self.id)?);
        let (sockets, blocked) = (check.clone(), shared.blocked.clone());
        wasi.socket_addr_check(move |address, purpose| {
            let allowed = may_connect(&sockets, &blocked, address, purpose);
            Box::pin(async move { allowed })
        });
        let mut limits = StoreLimitsBuilder::new();
        if let Some(bytes) = shared.memory_bytes_max {
            limits = limits.memory_size(bytes);
        }
        Ok(Guest {
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            outbound_http: OutboundHttp { check: check.clone(), clients: shared.clients.clone(), server },
            limits: limits.build(),
            postgres: Postgres::new(check.clone(), self.pools.clone(), shared.postgres_permits.clone()),
            redis: Redis::new(check, shared.blocked.clone(), shared.redis_permits.clone()),
            variables: ComponentVariables { variables: shared.variables.clone(), component: self.id.clone() },
        })
    }
}

/// Plain sockets obey the allowed hosts under the schemes `tcp` and `udp`; nobody may listen.
fn may_connect(check: &HostCheck, blocked: &BlockedNetworks, address: SocketAddr, purpose: SocketAddrUse) -> bool {
    let scheme = match purpose {
        SocketAddrUse::TcpBind => return false,
        SocketAddrUse::TcpConnect => "tcp",
        SocketAddrUse::UdpBind | SocketAddrUse::UdpConnect | SocketAddrUse::UdpOutgoingDatagram => "udp",
    };
    check.allows(&address.to_string(), scheme).unwrap_or(false) && !blocked.blocks(address.ip())
}
