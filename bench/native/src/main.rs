//! The components as a native server: `native up -f spin.toml --listen 127.0.0.1:3000`.
//!
//! The benchmark compares the WebAssembly host with this: same routers, same statements, same store commands, and no
//! boundary in between. What must stay true: nothing of a component is copied here, and a worker thread is to a
//! component what an instance is on the host, because the components rely on having one thread.

mod arguments;
mod components;
mod manifest;
mod server;

use std::{net::TcpListener, sync::mpsc, thread};

use anyhow::{Context, Result, bail};

use crate::{
    arguments::Arguments,
    components::Component,
    manifest::{Manifest, Route},
};

/// Database connections of the whole process, as the hosts are given in tests and benchmarks.
const CONNECTIONS: usize = 60;

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let workers = number("WORKERS", 2)?;
    let connections = number("CONNECTIONS", CONNECTIONS)?;
    let manifest = Manifest::read(&arguments.manifest, |name| std::env::var(name).ok())?;
    let mut routes = Vec::new();
    for Route { prefix, wildcard, component } in &manifest.routes {
        if let Some(component) = Component::named(component, &manifest)? {
            routes.push(Route { prefix: prefix.clone(), wildcard: *wildcard, component });
        }
    }
    spin_sdk::native::configure(manifest.variables, connections / workers);

    // The workers share the port with whoever asks in their way; this one asks in the plain way and so finds out
    // whether somebody else has it.
    drop(TcpListener::bind(arguments.listen).with_context(|| format!("cannot listen on {}", arguments.listen))?);
    let (started, starts) = mpsc::channel();
    for index in 0..workers {
        let (routes, started) = (routes.clone(), started.clone());
        let work = move || server::run(arguments.listen, &routes, &started);
        thread::Builder::new().name(format!("worker-{index}")).spawn(work)?;
    }
    drop(started);
    for _ in 0..workers {
        starts.recv().context("a worker ended before it listened")??;
    }
    println!("Serving http://{} with {workers} workers", arguments.listen);
    // The workers hold the other end for as long as they serve.
    match starts.recv() {
        Ok(result) => result,
        Err(_) => bail!("every worker ended"),
    }
}

/// A setting of this server, which is no flag because the hosts do not have it.
fn number(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => bail!("{name} must be a number above 0, not {text:?}"),
        },
    }
}
