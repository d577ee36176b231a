//! The `mailbox` command, which `./dev up` starts beside the app: it takes the messages that a mailer would send, shows them
//! on a page, and is the timer that has them delivered.
//!
//! For development only: whoever can reach it reads every message. It believes what is signed, as a real mailer must, and
//! keeps messages in memory alone.
#![allow(clippy::disallowed_methods, reason = "a native tool: nobody hands it the time")]

mod letters;
mod routes;
mod timer;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::Parser;
use letters::Letters;
use outbox::SigningSecrets;

/// Takes the app's messages, shows them, and has them delivered every second.
#[derive(Parser)]
#[command(name = "mailbox")]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8025")]
    listen: SocketAddr,
    /// Where the app is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    app: String,
    /// Where the secrets are that it shares with the app; what the environment has comes first, as it does for the app.
    #[arg(long, default_value = ".env")]
    env_file: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mailbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let file = secrets::read(&arguments.env_file)?;
    let variable = |name: &str| {
        let name = format!("SPIN_VARIABLE_{name}");
        std::env::var(&name).ok().or_else(|| file.get(&name).cloned())
    };
    let secret =
        variable("NOTIFY_SECRET").context("there is no SPIN_VARIABLE_NOTIFY_SECRET: run `secrets dev` first")?;
    let secrets = SigningSecrets::parse(&secret).map_err(|problem| anyhow::anyhow!("NOTIFY_SECRET {problem}"))?;
    let token =
        variable("SERVICE_TOKEN").context("there is no SPIN_VARIABLE_SERVICE_TOKEN: run `secrets dev` first")?;
    let path = variable("NOTIFY_PATH").unwrap_or_else(|| "/notify".to_owned());

    let app = arguments.app.trim_end_matches('/').to_owned();
    let letters = Arc::new(Letters::new(secrets, app.clone()));
    let listener = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let serving = axum::serve(listener, routes::router(letters, &path));
    tokio::select! {
        served = serving => served.context("the page ended"),
        never = timer::run(&app, &token) => never,
    }
}
