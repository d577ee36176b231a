//! `migrate up`: the migrations that are missing, then the functions if any of them differs from what is installed. `migrate functions`:
//! those alone, for an app that is rolled back.

use anyhow::{Context, Result, anyhow, bail};
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Connection, Executor, query, query_scalar};
use url::Url;

use crate::sources::{Source, Sources};
use crate::{SCHEMA, connect, owner_options};

/// Any number, the same in every build.
const LOCK: i64 = 0x6269_7a6f_6675_6e63;

/// The address of `bizo_owner` on `database`, on the server of `admin_url`.
pub fn owner_url(admin_url: &str, database: &str, password: &str) -> Result<String> {
    let mut url = Url::parse(admin_url).context("the administrator's address is not a URL")?;
    url.set_username("bizo_owner")
        .and_then(|()| url.set_password(Some(password)))
        .map_err(|()| anyhow!("the administrator's address has no host"))?;
    url.set_path(database);
    Ok(url.into())
}

/// Brings the database to what `sources` say. Returns what was done, a sentence each; nothing if nothing was to do.
pub async fn up(owner_url: &str, sources: &Sources) -> Result<Vec<String>> {
    let mut connection = connect(&owner_options(owner_url)?).await?;
    let mut done = migrate(&mut connection, sources).await?;
    done.extend(install_functions(&mut connection, sources).await?);
    connection.close().await?;
    Ok(done)
}

/// Puts the functions of `sources` into a database that a newer build migrated, and leaves its tables: for rolling the app back.
/// Returns what was done, a sentence; nothing if they are there already.
pub async fn functions(owner_url: &str, sources: &Sources) -> Result<Vec<String>> {
    let mut connection = connect(&owner_options(owner_url)?).await?;
    let ours = sources.migrator()?.iter().map(|migration| migration.version).max();
    if latest(&mut connection).await? < ours {
        bail!("the database is older than these functions: `migrate up` brings both up to date");
    }
    let done = install_functions(&mut connection, sources).await?;
    connection.close().await?;
    Ok(done.into_iter().collect())
}

async fn migrate(connection: &mut PgConnection, sources: &Sources) -> Result<Vec<String>> {
    let migrator = sources.migrator()?;
    let before = latest(connection).await?;
    // Takes a lock of its own, compares checksums, applies each file in a transaction.
    if let Err(error) = migrator.run_direct(None, connection, false).await {
        bail!(explain(error, sources));
    }
    let applied = migrator.iter().filter(|migration| Some(migration.version) > before);
    Ok(applied.map(|migration| format!("applied {}", sources.path_of(migration.version))).collect())
}

async fn latest(connection: &mut PgConnection) -> Result<Option<i64>> {
    let table: Option<String> =
        query_scalar("select to_regclass('migrations.applied')::text").fetch_one(&mut *connection).await?;
    if table.is_none() {
        return Ok(None);
    }
    Ok(query_scalar("select max(version) from migrations.applied").fetch_one(connection).await?)
}

/// What went wrong, and what to do.
fn explain(error: MigrateError, sources: &Sources) -> String {
    match error {
        MigrateError::VersionMismatch(version) => format!(
            "{} was changed after it was applied: put it back as it was, and write the change as a new migration",
            sources.path_of(version)
        ),
        MigrateError::VersionMissing(version) => format!(
            "the database has migration {version:04}, which this build does not have: it was migrated by a newer version of \
             the app, so use that one, or a fresh database; to roll the app back, `migrate functions`"
        ),
        MigrateError::ExecuteMigration(error, version) => {
            let path = sources.path_of(version);
            let text = sources.migrations.iter().find(|source| source.path == path);
            format!(
                "{}; nothing of this file was applied",
                located(&error, &path, text.map(|source| source.text.as_str()))
            )
        }
        other => format!("the migrations failed: {other}"),
    }
}

/// An error of Postgres with the file and the line where it points to.
fn located(error: &sqlx::Error, path: &str, text: Option<&str>) -> String {
    let database_error = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    let Some(postgres) = database_error else { return format!("{path}: {error}") };
    let line = match (postgres.position(), text) {
        (Some(PgErrorPosition::Original(at)), Some(text)) => {
            let lines = text.chars().take(at.saturating_sub(1)).filter(|&c| c == '\n').count() + 1;
            format!(":{lines}")
        }
        (_, _) => String::new(),
    };
    let extra = postgres.detail().or(postgres.hint()).map(|text| format!(" ({text})")).unwrap_or_default();
    format!("{path}{line}: {}{extra}", postgres.message())
}

async fn install_functions(connection: &mut PgConnection, sources: &Sources) -> Result<Option<String>> {
    let hash = sources.functions_hash();
    let mut transaction = connection.begin().await?;
    query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    transaction
        .execute(AssertSqlSafe(format!(
            "create table if not exists {SCHEMA}.functions (
                 only_row boolean primary key default true check (only_row),
                 hash text not null,
                 installed_at timestamptz not null default now()
             )"
        )))
        .await
        .context("the table of installed functions cannot be made")?;
    let installed: Option<String> =
        query_scalar("select hash from migrations.functions").fetch_optional(&mut *transaction).await?;
    if installed.as_ref() == Some(&hash) {
        return Ok(None);
    }
    for Source { path, text } in &sources.functions {
        if let Err(error) = transaction.execute(AssertSqlSafe(text.clone())).await {
            bail!("{}; no function was changed", located(&error, path, Some(text)));
        }
    }
    query(
        "insert into migrations.functions (hash) values ($1)
         on conflict (only_row) do update set hash = excluded.hash, installed_at = now()",
    )
    .bind(&hash)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Some(format!("installed the functions of {} files", sources.functions.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_reached_where_the_administrator_is() {
        let url =
            owner_url("postgres://admin:secret@db.example:5433/postgres?sslmode=require", "bizosaas", "pw").unwrap();
        assert_eq!(url, "postgres://bizo_owner:pw@db.example:5433/bizosaas?sslmode=require");
    }
}
