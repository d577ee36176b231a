//! The `migrate` command: see `migrate help`.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use migrate::{Bootstrap, Destination, Imported, MemberRole, Note, Sources};

/// Makes the database, its roles, tables and functions. Every command may be repeated, and run by several at once.
#[derive(Parser)]
#[command(name = "migrate")]
struct Arguments {
    /// Takes variables that the environment does not have from this file.
    #[arg(long, global = true)]
    env_file: Option<PathBuf>,
    /// The app's database.
    #[arg(long, global = true, default_value = "bizosaas")]
    database: String,
    #[command(subcommand)]
    command: What,
}

#[derive(Subcommand)]
enum What {
    /// Makes the database and the roles, with the administrator's address in DATABASE_URL.
    Bootstrap {
        /// How many connections each component's role may hold; -1 for no limit.
        #[arg(long, default_value_t = Bootstrap::CONNECTION_LIMIT, allow_hyphen_values = true)]
        connection_limit: i32,
    },
    /// Applies the migrations that are missing and installs the functions, as the owner.
    Up(Owner),
    /// Installs the functions alone, in a database that a newer build migrated, as the owner: for rolling the app back.
    Functions(Owner),
    /// Says what is applied and what is pending.
    Status(Owner),
    /// Takes over the users of a fastapi-users database, with their ids and passwords, as the owner.
    ///
    /// They come without a tenant, unless --tenant or --own-tenants says where to. Whoever is there already is left as
    /// they are, so it may be repeated. Lines that are refused are named with the reason, and the exit code is 1. More in
    /// docs/import-users.md.
    ImportUsers(ImportUsers),
}

#[derive(Args)]
struct ImportUsers {
    /// CSV with the header id,email,hashed_password,is_active,is_superuser,is_verified; or, if it ends in .jsonl or
    /// .ndjson, JSON objects with these members, one a line.
    file: PathBuf,
    /// The slug of the tenant that everybody comes into.
    #[arg(long, value_name = "SLUG", conflicts_with = "own_tenants")]
    tenant: Option<String>,
    /// What they are in it.
    #[arg(long, value_enum, default_value = "member", requires = "tenant")]
    role: MemberRole,
    /// Gives each a tenant of their own, as registering does.
    #[arg(long)]
    own_tenants: bool,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Args)]
struct Owner {
    /// The owner's address; else DATABASE_URL's server with BIZO_OWNER_PASSWORD.
    #[arg(long, env = "BIZO_OWNER_URL", hide_env_values = true)]
    owner_url: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("migrate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { env_file, database, command } = arguments;
    let variables = Variables::read(env_file)?;
    let sources = Sources::embedded();
    match command {
        What::Bootstrap { connection_limit } => {
            let admin_url = variables.require("DATABASE_URL")?;
            let passwords = migrate::password_variables(|name| variables.get(name));
            let wanted = Bootstrap { admin_url, database, passwords, connection_limit };
            for note in migrate::bootstrap(&wanted).await? {
                eprintln!("migrate: {note}");
            }
        }
        What::Up(owner) => print(migrate::up(&variables.owner_url(owner, &database)?, &sources).await?),
        What::Functions(owner) => print(migrate::functions(&variables.owner_url(owner, &database)?, &sources).await?),
        What::Status(owner) => print(migrate::status(&variables.owner_url(owner, &database)?, &sources).await?),
        What::ImportUsers(import) => return import_users(import, &variables, &database).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn import_users(import: ImportUsers, variables: &Variables, database: &str) -> Result<ExitCode> {
    let ImportUsers { file, tenant, role, own_tenants, dry_run, owner } = import;
    let into = match tenant {
        Some(slug) => Destination::Tenant { slug, role },
        None if own_tenants => Destination::OwnTenants,
        None => Destination::NoTenant,
    };
    // Draws on a terminal only.
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40.cyan/dim} {percent}%  {eta} left")?);
    let owner_url = variables.owner_url(owner, database)?;
    let wanted = migrate::ImportUsers { file, into, is_dry_run: dry_run };
    let outcome = migrate::import_users(&owner_url, &wanted, &bar).await;
    bar.finish_and_clear();

    let Imported { imported, already_there, refused, former_superusers } = outcome?;
    for Note { line, text } in former_superusers.iter().chain(&refused) {
        eprintln!("{}:{line}: {text}", wanted.file.display());
    }
    println!(
        "{imported} imported, {already_there} already there, {} refused; {} of the imported were superusers",
        refused.len(),
        former_superusers.len()
    );
    if dry_run {
        println!("dry run: nothing of this was kept");
    }
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(lines: Vec<String>) {
    for line in lines {
        println!("{line}");
    }
}

/// The environment, and the file beneath it.
struct Variables {
    file: BTreeMap<String, String>,
}

impl Variables {
    fn read(path: Option<PathBuf>) -> Result<Variables> {
        let mut file = BTreeMap::new();
        if let Some(path) = path {
            let lines = dotenvy::from_path_iter(&path).with_context(|| format!("cannot read {}", path.display()))?;
            for line in lines {
                let (name, value) =
                    line.with_context(|| format!("{} has a line that cannot be read", path.display()))?;
                file.insert(name, value);
            }
        }
        Ok(Variables { file })
    }

    fn get(&self, name: &str) -> Option<String> {
        env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }

    fn require(&self, name: &str) -> Result<String> {
        self.get(name).filter(|value| !value.is_empty()).with_context(|| format!("{name} is not set"))
    }

    fn owner_url(&self, owner: Owner, database: &str) -> Result<String> {
        match owner.owner_url {
            Some(url) => Ok(url),
            None => migrate::owner_url(&self.require("DATABASE_URL")?, database, &self.require("BIZO_OWNER_PASSWORD")?),
        }
    }
}
