//! Makes the database: `bootstrap` its roles and rights with an administrator's address, `up` its tables and functions as
//! the owner, `import_users` its first people from where they were before.
//!
//! What stays true: each step may be repeated, and run by several at once; a migration that was applied never changes; the
//! functions of a database are those of one build, all of them or none.

mod bootstrap;
mod import_users;
mod roles;
mod sources;
mod status;
mod up;

pub use bootstrap::{Bootstrap, bootstrap};
pub use import_users::{Destination, ImportUsers, Imported, MemberRole, Note, import_users};
pub use roles::password_variables;
pub use sources::{Source, Sources};
pub use status::status;
pub use up::{functions, owner_url, up};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use anyhow::{Context, Result};

/// The owner's bookkeeping: which migrations were applied, which functions are installed.
const SCHEMA: &str = "migrations";

/// Opens a connection in which every name must be written out in full, so that no SQL depends on who installs it.
fn owner_options(owner_url: &str) -> Result<PgConnectOptions> {
    owner_url.parse().context("the owner's address is not a Postgres URL")
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let options = options.clone().options([("search_path", "pg_catalog,pg_temp")]).application_name("bizosaas migrate");
    let place = format!("{}:{}, database {}", options.get_host(), options.get_port(), database(&options));
    PgConnection::connect_with(&options).await.with_context(|| format!("cannot connect to Postgres at {place}"))
}

fn database(options: &PgConnectOptions) -> &str {
    options.get_database().unwrap_or("postgres")
}
