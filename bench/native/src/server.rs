//! One worker: a thread with a runtime, a listener and an instance of every component to itself.
//!
//! The kernel deals connections out among the workers' listeners, and a connection stays where it is. A password hash
//! holds its worker up, as it does an instance on the host.

use std::{convert::Infallible, net::SocketAddr, rc::Rc, sync::mpsc, time::Duration};

use anyhow::{Context, Result};
use api::Instance;
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime, task,
};

use crate::{
    components::Component,
    manifest::{Route, find},
};

/// Connections that wait to be taken.
const BACKLOG: u32 = 1024;
/// How long a worker waits when it cannot take a connection, for want of file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const HEALTH: &str = "/.well-known/spin/health";
const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("spin-client-addr");

/// A component as this worker has it.
struct Served {
    component: Component,
    instance: Instance,
}

type Routes = Rc<[Route<Rc<Served>>]>;

/// Serves until the process ends. Says once that it listens, and once more if it cannot go on.
pub(crate) fn run(address: SocketAddr, routes: &[Route<Component>], started: &mpsc::Sender<Result<()>>) {
    let work = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        task::LocalSet::new().block_on(&runtime, async {
            let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
            started.send(Ok(()))?;
            accept(listener, instances(routes)).await
        })
    };
    if let Err(error) = work() {
        // Nobody listens only when the process is ending.
        let _ = started.send(Err(error));
    }
}

/// One instance for each component, however many routes it has.
fn instances(routes: &[Route<Component>]) -> Routes {
    let mut known: Vec<Rc<Served>> = Vec::new();
    let served = routes.iter().map(|Route { prefix, wildcard, component }| {
        let found = known.iter().find(|served| served.component.name == component.name).cloned();
        let component = found.unwrap_or_else(|| {
            known.push(Rc::new(Served { component: *component, instance: Instance::new() }));
            known[known.len() - 1].clone()
        });
        Route { prefix: prefix.clone(), wildcard: *wildcard, component }
    });
    served.collect()
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that starts again must not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, routes: Routes) -> Result<()> {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => drop(task::spawn_local(serve_connection(stream, client, routes.clone()))),
            Err(error) => {
                eprintln!("a connection could not be taken: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, client: SocketAddr, routes: Routes) {
    // Without it the kernel may hold a small answer back; where it fails, answers are late and not wrong.
    let _ = stream.set_nodelay(true);
    // The text of an address is always a header value.
    let Ok(client) = HeaderValue::from_str(&client.to_string()) else { return };
    let service = service_fn(move |request| {
        let (routes, client) = (routes.clone(), client.clone());
        async move { Ok::<_, Infallible>(answer(&routes, client, request).await) }
    });
    // A connection that breaks is the client's affair, as it is on the hosts.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(routes: &[Route<Rc<Served>>], client: HeaderValue, mut request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    if path == HEALTH {
        return Response::new(Body::from("OK"));
    }
    let Some(served) = find(routes, path) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    // Appended, as the hosts do: what the client sent under this name comes before it.
    request.headers_mut().append(CLIENT_ADDRESS, client);
    let Component { name, settings, build } = served.component;
    spin_sdk::native::run_as(name, served.instance.serve(name, settings, build, request)).await
}
