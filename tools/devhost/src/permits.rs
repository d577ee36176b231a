//! How many outbound connections there may be: one count for each kind over the whole application, one for all kinds.
//!
//! A caller waits, without a limit in time, until a place is free. The place of the kind is taken before the common one, so
//! nobody holds a common place while waiting for his own kind's.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one kind of connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permits {
    own: Option<Arc<Semaphore>>,
    total: Option<Arc<Semaphore>>,
}

/// A place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _own: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// Places for one kind, of which there are `limit`, and the common ones.
    pub(crate) fn new(limit: Option<usize>, total: Option<Arc<Semaphore>>) -> Self {
        Self { own: limit.map(|limit| Arc::new(Semaphore::new(limit))), total }
    }

    /// Waits for a place.
    pub(crate) async fn acquire(&self) -> Permit {
        let own = take(self.own.as_ref()).await;
        Permit { _own: own, _total: take(self.total.as_ref()).await }
    }
}

/// Nobody closes these semaphores, so `None` means that there is no limit.
async fn take(semaphore: Option<&Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    semaphore?.clone().acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn a_place_is_free_again_when_dropped() {
        let permits = Permits::new(Some(1), None);
        let first = permits.acquire().await;
        assert!(permits.acquire().now_or_never().is_none());
        drop(first);
        assert!(permits.acquire().now_or_never().is_some());
    }

    #[tokio::test]
    async fn kinds_share_the_total() {
        let total = Arc::new(Semaphore::new(1));
        let (postgres, redis) = (Permits::new(None, Some(total.clone())), Permits::new(Some(5), Some(total)));
        let _held = postgres.acquire().await;
        assert!(redis.acquire().now_or_never().is_none());
        assert!(Permits::default().acquire().now_or_never().is_some());
    }
}
