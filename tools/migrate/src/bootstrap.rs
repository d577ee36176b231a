//! `migrate bootstrap`: the database, the roles and who may do what with either. Needs an administrator, not a superuser.
//!
//! One lock on the administrator's database makes several at once wait for each other: making the same role twice at the
//! same moment is an error in Postgres. Passwords reach the server hashed, so that no log of statements holds one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, query, query_as, query_scalar, raw_sql};

use crate::connect;
use crate::roles::{Kind, ROLES, Role};

/// Any number, the same in every build.
const LOCK: i64 = 0x6269_7a6f_626f_6f74;

/// What to make, and where.
#[derive(Clone)]
pub struct Bootstrap {
    /// Of an administrator, on any database of the server but the app's.
    pub admin_url: String,
    /// The database to make.
    pub database: String,
    /// By the names of the environment variables; see [`password_variables`](crate::password_variables).
    pub passwords: BTreeMap<String, String>,
    /// How many connections each component's role may hold on the whole server; -1 for no limit.
    pub connection_limit: i32,
}

impl Bootstrap {
    /// As many as the host's own pool holds for one component.
    pub const CONNECTION_LIMIT: i32 = 64;
}

/// Makes what is missing and sets what is there to what it should be. Returns what the operator should know besides.
pub async fn bootstrap(wanted: &Bootstrap) -> Result<Vec<String>> {
    let name = &wanted.database;
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    ensure!(
        plain && (1..=63).contains(&name.len()),
        "the database's name {name:?} is not lower-case letters, digits and _"
    );
    let options: PgConnectOptions =
        wanted.admin_url.parse().context("the administrator's address is not a Postgres URL")?;

    let mut admin = connect(&options).await?;
    query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut admin).await?;
    let mut notes = Vec::new();
    for role in ROLES {
        make(&mut admin, role, wanted).await.with_context(|| format!("role {}", role.name))?;
    }
    grant_memberships(&mut admin, &mut notes).await?;
    refuse_excess(&mut admin).await?;

    let exists: bool = query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut admin)
        .await?;
    if !exists {
        // template0: nobody can be connected to it, which would make the copy fail.
        run(&mut admin, format!("create database {name} template template0 encoding 'UTF8'")).await?;
    }
    let mut database = connect(&options.database(name)).await?;
    grant_database(&mut database, name).await?;
    database.close().await?;
    // Closing gives the lock back.
    admin.close().await?;
    Ok(notes)
}

async fn make(admin: &mut PgConnection, role: &Role, wanted: &Bootstrap) -> Result<()> {
    let exists: bool = query_scalar("select exists (select from pg_roles where rolname = $1)")
        .bind(role.name)
        .fetch_one(&mut *admin)
        .await?;
    let name = role.name;
    if !exists {
        run(admin, format!("create role {name}")).await?;
    }
    let login = if role.logs_in() { "login" } else { "nologin" };
    let limit = if matches!(role.kind, Kind::Component) { wanted.connection_limit } else { -1 };
    run(admin, format!("alter role {name} {login} inherit connection limit {limit}")).await?;

    if let Some(variable) = role.password_variable() {
        match wanted.passwords.get(variable) {
            Some(password) => {
                let hashed = postgres_protocol::password::scram_sha_256(password.as_bytes());
                run(admin, format!("alter role {name} password '{hashed}'")).await?;
            }
            // A role that is there keeps the password that it has.
            None if exists => {}
            None => bail!("its password is missing: set {variable}, or run `secrets dev`"),
        }
    }
    for (setting, value) in role.settings() {
        run(admin, format!("alter role {name} set {setting} = {value}")).await?;
    }
    Ok(())
}

async fn grant_memberships(admin: &mut PgConnection, notes: &mut Vec<String>) -> Result<()> {
    // The owner gives functions to the definer and replaces them later: the first needs membership, the second needs that it
    // is inherited. Postgres 16 keeps both with the grant; before, the role's INHERIT decides.
    let version: i32 = query_scalar("select current_setting('server_version_num')::int").fetch_one(&mut *admin).await?;
    let how = if version >= 160_000 { " with inherit true, set true" } else { "" };
    run(admin, format!("grant bizo_definer to bizo_owner{how}")).await?;
    run(admin, "grant pg_read_all_data to bizo_backup".to_owned()).await?;

    let bypasses: bool =
        query_scalar("select rolbypassrls from pg_roles where rolname = 'bizo_backup'").fetch_one(&mut *admin).await?;
    if !bypasses && run(admin, "alter role bizo_backup bypassrls".to_owned()).await.is_err() {
        notes.push(
            "this administrator may not give bizo_backup BYPASSRLS, so backups need a superuser: pg_dump as bizo_backup \
             will refuse tables with row policies"
                .to_owned(),
        );
    }
    Ok(())
}

/// A component that can step around the row policies would make them worthless without anybody noticing.
async fn refuse_excess(admin: &mut PgConnection) -> Result<()> {
    let names: Vec<&str> = ROLES.iter().filter(|role| role.kind != Kind::Backup).map(|role| role.name).collect();
    let too_strong: Vec<(String,)> = query_as(
        "select rolname::text from pg_roles
          where rolname = any($1) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
    )
    .bind(&names)
    .fetch_all(&mut *admin)
    .await?;
    if let Some((name,)) = too_strong.first() {
        bail!(
            "role {name} may do too much: run `alter role {name} nosuperuser nobypassrls nocreaterole nocreatedb noreplication`"
        );
    }
    Ok(())
}

async fn grant_database(database: &mut PgConnection, name: &str) -> Result<()> {
    let logins: Vec<&str> = ROLES.iter().filter(|role| role.logs_in()).map(|role| role.name).collect();
    run(
        database,
        format!(
            "revoke all on database {name} from public;
             grant connect on database {name} to {};
             grant create, temporary on database {name} to bizo_owner;
             do $$ begin
                 if to_regnamespace('public') is not null then
                     revoke all on schema public from public;
                 end if;
             end $$",
            logins.join(", ")
        ),
    )
    .await
}

/// The text is made here from constants, a checked name and a hash.
async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    let what = sql.split(" password ").next().unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    raw_sql(AssertSqlSafe(sql)).execute(connection).await.with_context(|| format!("`{what}` failed"))?;
    Ok(())
}
