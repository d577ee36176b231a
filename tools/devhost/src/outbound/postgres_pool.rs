//! Pools of Postgres connections, with the properties that the application must live with on Spin.
//!
//! A pool belongs to one component and one connection string (and CA): 64 connections, handed out in turn; when all are out,
//! a caller waits without a limit in time. A connection is reset when it is handed out again, by one query that clears
//! settings, role, locks and temporary tables and does NOT end an open transaction. A component keeps 16 pools.

use super::postgres_tls;
use anyhow::Context as _;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use std::sync::{Mutex, PoisonError};
use tokio_postgres::{Config, NoTls, config::SslMode};

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
            None => {
                let pool = new_pool(address, ca.as_deref())?;
                (PoolKey { address: address.to_owned(), ca }, pool)
            }
        };
        let pool = entry.1.clone();
        pools.push(entry);
        if pools.len() > POOLS_PER_COMPONENT {
            pools.remove(0);
        }
        Ok(pool)
    }
}

fn new_pool(address: &str, ca: Option<&str>) -> anyhow::Result<Pool> {
    let config: Config = address.parse().context("parsing Postgres connection string")?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Clean };
    let manager = match config.get_ssl_mode() {
        SslMode::Disable => Manager::from_config(config, NoTls, recycling),
        _ => Manager::from_config(config, postgres_tls::connector(ca)?, recycling),
    };
    Pool::builder(manager).max_size(CONNECTIONS_PER_POOL).build().context("building Postgres connection pool")
}
