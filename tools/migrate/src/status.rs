//! `migrate status`: what is applied, what is pending. Reads only.

use std::collections::BTreeMap;

use anyhow::Result;
use sqlx::{Connection, query_as, query_scalar};

use crate::sources::Sources;
use crate::{connect, owner_options};

/// One line for each migration, and one for the functions.
pub async fn status(owner_url: &str, sources: &Sources) -> Result<Vec<String>> {
    let mut connection = connect(&owner_options(owner_url)?).await?;
    let has_table =
        "select to_regclass('migrations.applied') is not null, to_regclass('migrations.functions') is not null";
    let (migrated, installed): (bool, bool) = query_as(has_table).fetch_one(&mut connection).await?;

    let mut applied = BTreeMap::new();
    if migrated {
        let rows: Vec<(i64, Vec<u8>, String)> = query_as(
            "select version, checksum, to_char(installed_on at time zone 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"')
               from migrations.applied order by version",
        )
        .fetch_all(&mut connection)
        .await?;
        applied = rows.into_iter().map(|(version, checksum, at)| (version, (checksum, at))).collect();
    }
    let mut lines = Vec::new();
    for migration in sources.migrator()?.iter() {
        let state = match applied.remove(&migration.version) {
            Some((checksum, at)) if *checksum == *migration.checksum => format!("applied {at}"),
            Some((_, at)) => format!("CHANGED since it was applied {at}"),
            None => "pending".to_owned(),
        };
        lines.push(format!("{}  {state}", sources.path_of(migration.version)));
    }
    for (version, (_, at)) in applied {
        lines.push(format!("migration {version:04}  applied {at} by a newer build"));
    }
    let hash: Option<String> = match installed {
        true => query_scalar("select hash from migrations.functions").fetch_optional(&mut connection).await?,
        false => None,
    };
    let current = hash == Some(sources.functions_hash());
    lines.push(format!("functions  {}", if current { "current" } else { "pending" }));
    connection.close().await?;
    Ok(lines)
}
