//! How long an instance lives and how many requests it takes: Spin's rules, on the same worker code that Spin uses.
//!
//! An instance serves up to 128 requests, up to 16 at the same time, and is dropped after a second without one; the numbers are
//! drawn for each instance where the command line gives ranges. When an instance traps, every request that it was serving
//! fails and no other.

use crate::{
    guest::{Blueprint, Guest},
    range::Choice,
    server::Server,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock, Weak},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep};
use wasmtime::{Engine, Store, StoreContextMut, component::GuestTaskId, format_err};
use wasmtime_wasi_http::{
    handler::{HandlerState, Instance, Proxy, ShouldAccept, ViewFn, WorkerExpiration, WorkerState, WorkerStatus},
    p3::WasiHttpView,
};

/// The rules as the command line gives them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reuse {
    /// Requests in an instance's life.
    pub(crate) requests: Choice<usize>,
    /// Requests at the same time.
    pub(crate) concurrent: Choice<usize>,
    /// How long it may be idle.
    pub(crate) idle: Choice<Duration>,
    /// How long a request may take; without a limit if `None`.
    pub(crate) request_timeout: Option<Choice<Duration>>,
}

/// One component's source of instances.
pub(crate) struct Worker {
    /// What to instantiate.
    pub(crate) blueprint: Blueprint,
    /// With which engine.
    pub(crate) engine: Engine,
    /// By which rules.
    pub(crate) reuse: Reuse,
    /// Set once the server exists.
    pub(crate) server: OnceLock<Weak<Server>>,
}

impl HandlerState for Worker {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Life;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Life>> {
        let server = self.server.get().and_then(Weak::upgrade);
        let server: Arc<Server> = server.ok_or_else(|| format_err!("the server is gone"))?;
        let (store, service) = self.blueprint.instantiate(&self.engine, server).await?;
        let request_timeout = self.reuse.request_timeout.map_or(Duration::MAX, Choice::draw);
        Ok(Instance {
            store,
            proxy: Proxy::P3(service),
            view: ViewFn::P3(Guest::http),
            expiration: Expiration {
                idle: self.reuse.idle.draw(),
                request_timeout,
                sleep: Box::pin(sleep(Duration::MAX)),
            },
            state: Life {
                component: self.blueprint.id.clone(),
                requests_max: self.reuse.requests.draw(),
                concurrent_max: self.reuse.concurrent.draw(),
                request_timeout,
            },
        })
    }
}

/// When an instance has to go.
pub(crate) struct Expiration {
    idle: Duration,
    request_timeout: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, since: Instant) -> Poll<()> {
        let this = self.get_mut();
        let limit = match status {
            WorkerStatus::Idle => this.idle,
            WorkerStatus::Requests | WorkerStatus::PostReturn => this.request_timeout,
        };
        let Some(deadline) = since.checked_add(limit) else { return Poll::Pending };
        let deadline = deadline.into();
        if this.sleep.deadline() != deadline {
            this.sleep.as_mut().reset(deadline);
        }
        this.sleep.as_mut().poll(context)
    }
}

/// What one instance still may take.
pub(crate) struct Life {
    component: String,
    requests_max: usize,
    concurrent_max: usize,
    request_timeout: Duration,
}

impl WorkerState for Life {
    type StoreData = Guest;
    type RequestId = ();

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.requests_max {
            ShouldAccept::Never
        } else if concurrent >= self.concurrent_max {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(sleep(self.request_timeout))
    }

    fn drop(&self, store: Store<Guest>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            eprintln!("ERROR: an instance of {:?} ended: {error:?}", self.component);
        }
        drop(store);
    }
}
