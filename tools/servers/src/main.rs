//! The `servers` command: see `servers help`. What it prints on standard output is for a shell to evaluate.
#![allow(
    clippy::disallowed_methods,
    reason = "a native tool that waits for processes: it needs the clock and to sleep"
)]

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::{Local, ThrowAway};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Private Postgres and Redis servers for development and for tests.
#[derive(Parser)]
#[command(name = "servers")]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Starts the durable servers of a directory, or finds them running; prints DATABASE_URL, REDIS_URL and
    /// SERVERS_STARTED (yes or no).
    Start {
        /// Where their data is.
        #[arg(long, default_value = ".local")]
        dir: PathBuf,
        /// Leaves one out, because it runs elsewhere.
        #[arg(long)]
        without: Option<Server>,
    },
    /// Stops the servers of a directory; their data stays.
    Stop {
        /// Where their data is.
        #[arg(long, default_value = ".local")]
        dir: PathBuf,
    },
    /// Stops the servers of a directory and deletes their data.
    Delete {
        /// Where their data is.
        #[arg(long, default_value = ".local")]
        dir: PathBuf,
    },
    /// Runs a command with TEST_DATABASE_URL and TEST_REDIS_URL of throw-away servers.
    RunThrowaway {
        /// The command and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Server {
    Postgres,
    Redis,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("servers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<ExitCode> {
    match what {
        What::Start { dir, without } => {
            let local = Local::lock(&dir)?;
            let mut started = false;
            if without != Some(Server::Postgres) {
                let postgres = local.postgres()?;
                started |= !postgres.found_running();
                println!("DATABASE_URL={}", postgres.admin_url());
            }
            if without != Some(Server::Redis) {
                let redis = local.redis()?;
                started |= !redis.found_running();
                println!("REDIS_URL={}", redis.url());
            }
            println!("SERVERS_STARTED={}", if started { "yes" } else { "no" });
            Ok(ExitCode::SUCCESS)
        }
        What::Stop { dir } => Local::lock(&dir)?.stop().map(|()| ExitCode::SUCCESS),
        What::Delete { dir } => Local::lock(&dir)?.delete().map(|()| ExitCode::SUCCESS),
        What::RunThrowaway { command } => run_throwaway(&command),
    }
}

/// Signals are noted, not obeyed, from before the servers start: whatever happens, they are stopped on the way out.
fn run_throwaway(command: &[String]) -> Result<ExitCode> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let terminated = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, interrupted.clone())?;
    signal_hook::flag::register(SIGTERM, terminated.clone())?;
    signal_hook::flag::register(SIGHUP, terminated.clone())?;

    let servers = ThrowAway::start()?;
    if interrupted.load(Ordering::Relaxed) || terminated.load(Ordering::Relaxed) {
        return Ok(ExitCode::from(130));
    }
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env("TEST_DATABASE_URL", servers.postgres.admin_url())
        .env("TEST_DATABASE_CA", servers.postgres.authority().unwrap_or_default())
        .env("TEST_REDIS_URL", servers.redis.url())
        .spawn()
        .with_context(|| format!("{} cannot be run", command[0]))?;
    let status = wait(&mut child, &terminated)?;
    drop(servers);
    Ok(exit_code(status))
}

/// Ctrl-C reaches the child by itself, as it is in our group; a request to terminate is only for us and is passed on.
fn wait(child: &mut Child, terminated: &AtomicBool) -> Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if terminated.swap(false, Ordering::Relaxed) {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).context("the command cannot be stopped")?;
        }
        sleep(Duration::from_millis(50));
    }
}

/// The child's own code, or 128 and the signal that ended it, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
