//! A small host for the project's Spin application, for machines without the Spin CLI.
//!
//! It reads the same `spin.toml`, takes the same flags and environment, and reproduces what the application relies on or must
//! defend itself against: routing, variables, allowed hosts, pools that do not roll back, instance reuse, the shared fate of
//! requests when an instance traps. It never gains a feature that Spin lacks: what it does not implement it refuses by name.

mod allowed_host;
mod app;
mod bindings;
mod cli;
mod component;
mod engine;
mod guest;
mod listen;
mod logs;
mod manifest;
mod networks;
mod outbound;
mod outbound_hosts;
mod permits;
mod provider;
mod range;
mod request_headers;
mod routes;
mod runtime_config;
mod server;
mod template;
mod variables;
mod worker;

use clap::Parser as _;
use cli::{Cli, Command, Up};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Up(up) = Cli::parse().command;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&up).await {
        // At once: to return is to take the living instances apart, each with a complaint that it ended.
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until a signal ends it; requests under way are dropped, as Spin drops them.
async fn run(up: &Up) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let serving = async { listen::serve(app::load(up).await?, up.format).await };
    tokio::select! {
        result = serving => result,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
