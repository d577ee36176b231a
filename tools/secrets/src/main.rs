//! The `secrets` command: `secrets dev --env-file .env` makes a development machine's secrets once.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use secrets::Addresses;

/// Writes secrets and addresses into an env file that Spin reads.
#[derive(Parser)]
#[command(name = "secrets")]
struct Arguments {
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Adds the secrets that are missing, and sets the addresses that are given.
    Dev(Dev),
}

#[derive(Args)]
struct Dev {
    /// The file to write.
    #[arg(long, default_value = ".env")]
    env_file: PathBuf,
    /// The database server; only its host, port and sslmode are taken over.
    #[arg(long)]
    database_url: Option<String>,
    /// The app's database on that server.
    #[arg(long, default_value = "bizosaas")]
    database: String,
    /// The store.
    #[arg(long)]
    redis_url: Option<String>,
    /// Where clients reach the app.
    #[arg(long)]
    public_origin: Option<String>,
}

fn main() -> ExitCode {
    let What::Dev(dev) = Arguments::parse().command;
    match run(dev) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("secrets: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(dev: Dev) -> Result<()> {
    let addresses = Addresses {
        database_url: dev.database_url,
        database: Some(dev.database),
        redis_url: dev.redis_url,
        public_origin: dev.public_origin,
    };
    let mut variables = secrets::read(&dev.env_file)?;
    secrets::complete(&mut variables)?;
    variables.extend(addresses.variables()?);
    secrets::write(&dev.env_file, &variables)
}
