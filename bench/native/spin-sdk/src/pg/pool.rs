//! The connections of one thread: a pool for each connection string, and one cap on them all.
//!
//! What must stay true: no more connections are in use than the thread may have, and when a pool needs one more than
//! the cap leaves, the idle ones of the other pools go. So Postgres is not asked for more than all threads' caps.

use std::{cell::RefCell, sync::Arc};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Config, NoTls};

use crate::native::connections;

struct Pools {
    places: Arc<Semaphore>,
    pools: Vec<(String, Pool)>,
}

thread_local! {
    static POOLS: RefCell<Pools> =
        RefCell::new(Pools { places: Arc::new(Semaphore::new(connections())), pools: Vec::new() });
}

/// A connection and its place under the cap.
pub(crate) async fn take(address: &str) -> Result<(Object, OwnedSemaphorePermit), String> {
    let places = POOLS.with_borrow(|pools| pools.places.clone());
    let place = places.acquire_owned().await.map_err(|error| error.to_string())?;
    let pool = POOLS.with_borrow_mut(|pools| pools.pool(address))?;
    let client = pool.get().await.map_err(|error| format!("{error:?}"))?;
    Ok((client, place))
}

impl Pools {
    fn pool(&mut self, address: &str) -> Result<Pool, String> {
        let index = match self.pools.iter().position(|(known, _)| known == address) {
            Some(index) => index,
            None => {
                self.pools.push((address.to_owned(), new_pool(address)?));
                self.pools.len() - 1
            }
        };
        let pool = self.pools[index].1.clone();
        let open: usize = self.pools.iter().map(|(_, pool)| pool.status().size).sum();
        if pool.status().available == 0 && open >= connections() {
            for (_, other) in self.pools.iter().filter(|(other, _)| other != address) {
                other.retain(|_, _| false);
            }
        }
        Ok(pool)
    }
}

fn new_pool(address: &str) -> Result<Pool, String> {
    let config: Config = address.parse().map_err(|error| format!("{error:?}"))?;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, NoTls, recycling);
    Pool::builder(manager).max_size(connections()).build().map_err(|error| error.to_string())
}
