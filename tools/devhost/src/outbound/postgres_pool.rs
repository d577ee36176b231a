//! Pools of Postgres connections, with the properties that the application must live with on Spin.
//!
//! A pool belongs to one component and one connection string (and CA): 64 connections, handed out in turn; when all are out,
//! a caller waits without a limit in time. A connection is reset when it is handed out again, by one query that clears
//! settings, role, locks and temporary tables and does NOT end an open transaction. A component keeps 16 pools.
//!
//! TLS to Postgres is not implemented: where Spin would start TLS, opening fails with a sentence that says so.

use anyhow::Context as _;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use std::{
    future::{Ready, ready},
    sync::{Mutex, PoisonError},
};
use tokio_postgres::{
    Config, NoTls,
    config::SslMode,
    tls::{MakeTlsConnect, NoTlsStream, TlsConnect},
};

const CONNECTIONS_PER_POOL: usize = 64;
const POOLS_PER_COMPONENT: usize = 16;

/// The pools of one component, the most recently used last.
#[derive(Default)]
pub(crate) struct Pools {
    pools: Mutex<Vec<(PoolKey, Pool)>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PoolKey {
    address: String,
    ca: Option<String>,
}

impl Pools {
    /// A connection to `address`, pooled or new. Waits while the pool is empty.
    pub(crate) async fn get(&self, address: &str, ca: Option<String>) -> anyhow::Result<Object> {
        let pool = self.pool(address, ca).context("establishing PostgreSQL connection pool")?;
        Ok(pool.get().await?)
    }

    fn pool(&self, address: &str, ca: Option<String>) -> anyhow::Result<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pools.iter().position(|(key, _)| key.address == address && key.ca == ca);
        let entry = match known {
            Some(index) => pools.remove(index),
            None => (PoolKey { address: address.to_owned(), ca }, new_pool(address)?),
        };
        let pool = entry.1.clone();
        pools.push(entry);
        if pools.len() > POOLS_PER_COMPONENT {
            pools.remove(0);
        }
        Ok(pool)
    }
}

fn new_pool(address: &str) -> anyhow::Result<Pool> {
    let config: Config = address.parse().context("parsing Postgres connection string")?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Clean };
    let manager = match config.get_ssl_mode() {
        SslMode::Disable => Manager::from_config(config, NoTls, recycling),
        _ => Manager::from_config(config, RefuseTls, recycling),
    };
    Pool::builder(manager).max_size(CONNECTIONS_PER_POOL).build().context("building Postgres connection pool")
}

/// Fails where TLS would begin: with `sslmode=require`, or with `prefer` when the server offers it.
#[derive(Clone, Copy, Debug)]
struct RefuseTls;

impl<S> MakeTlsConnect<S> for RefuseTls {
    type Stream = NoTlsStream;
    type TlsConnect = Self;
    type Error = TlsRefused;

    fn make_tls_connect(&mut self, _domain: &str) -> Result<Self, TlsRefused> {
        Ok(*self)
    }
}

impl<S> TlsConnect<S> for RefuseTls {
    type Stream = NoTlsStream;
    type Error = TlsRefused;
    type Future = Ready<Result<NoTlsStream, TlsRefused>>;

    fn connect(self, _stream: S) -> Self::Future {
        ready(Err(TlsRefused))
    }
}

#[derive(Clone, Copy, Debug)]
struct TlsRefused;

impl std::fmt::Display for TlsRefused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("devhost does not do TLS to Postgres: add sslmode=disable to the connection string, or use spin")
    }
}

impl std::error::Error for TlsRefused {}
