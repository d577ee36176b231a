//! The `secrets` command: `secrets dev --env-file .env` makes a development machine's secrets once,
//! `secrets rotate-signing-key --env-file .env` takes a step of the signing key's rotation.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
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
    /// Takes one step of the signing key's rotation; deploy after each. docs/key-rotation.md is the runbook.
    RotateSigningKey(RotateSigningKey),
}

#[derive(Args)]
struct RotateSigningKey {
    /// Which step.
    #[arg(value_enum, default_value = "add")]
    step: Step,
    /// The file to change.
    #[arg(long, default_value = ".env")]
    env_file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Step {
    /// Makes a pair: the public half joins the others, the private one waits.
    Add,
    /// Lets the new private key sign.
    Switch,
    /// Takes the old public keys away.
    Finish,
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
    let done = match Arguments::parse().command {
        What::Dev(dev) => write_development_secrets(dev),
        What::RotateSigningKey(rotation) => rotate_signing_key(&rotation),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("secrets: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write_development_secrets(dev: Dev) -> Result<()> {
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

fn rotate_signing_key(rotation: &RotateSigningKey) -> Result<()> {
    let mut variables = secrets::read(&rotation.env_file)?;
    let next = match rotation.step {
        Step::Add => {
            secrets::add_signing_key(&mut variables)?;
            "Deploy jwt_public_keys to every component, then: secrets rotate-signing-key switch"
        }
        Step::Switch => {
            secrets::switch_signing_key(&mut variables)?;
            "Deploy jwt_private_key to auth, wait 10 minutes, then: secrets rotate-signing-key finish"
        }
        Step::Finish => {
            secrets::finish_signing_key(&mut variables)?;
            "Deploy jwt_public_keys to every component: what the old key signed is refused from then on"
        }
    };
    secrets::write(&rotation.env_file, &variables)?;
    println!("{next}");
    Ok(())
}
