//! The SQL that this build carries, in the order in which it is applied.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::SCHEMA;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// One file: its path in the project, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Such as `migrations/0001_tenants.sql`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Everything that `up` applies.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Applied once each, by number.
    pub migrations: Vec<Source>,
    /// Installed anew whenever one of them differs.
    pub functions: Vec<Source>,
}

impl Sources {
    /// What was embedded when this was built.
    pub fn embedded() -> Sources {
        let own = |files: &[(&str, &str)]| {
            files.iter().map(|&(path, text)| Source { path: path.to_owned(), text: text.to_owned() }).collect()
        };
        Sources { migrations: own(embedded::MIGRATIONS), functions: own(embedded::FUNCTIONS) }
    }

    /// The migrator for these migrations. A file's name is a number of four digits, `_`, and words.
    pub(crate) fn migrator(&self) -> Result<Migrator> {
        let mut migrations = Vec::new();
        for source in &self.migrations {
            let (version, words) = parse_name(&source.path)?;
            let taken = migrations.iter().any(|other: &Migration| other.version == version);
            ensure!(!taken, "two migrations have the number {version:04}: give {} the next free one", source.path);
            let sql = AssertSqlSafe(source.text.clone()).into_sql_str();
            migrations.push(Migration::new(version, words.into(), MigrationType::Simple, sql, false));
        }
        let mut migrator = Migrator::with_migrations(migrations);
        migrator.create_schema(SCHEMA);
        migrator.dangerous_set_table_name(format!("{SCHEMA}.applied"));
        Ok(migrator)
    }

    /// Changes with any function, and with any new migration, because that one may have dropped what a function stood on.
    pub(crate) fn functions_hash(&self) -> String {
        let mut hash = Sha256::new();
        for source in &self.functions {
            hash.update(format!("{} {}\n", source.path, source.text.len()));
            hash.update(&source.text);
        }
        hash.update(format!("{} migrations", self.migrations.len()));
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The path of the migration with this number.
    pub(crate) fn path_of(&self, version: i64) -> String {
        let found =
            self.migrations.iter().find(|source| parse_name(&source.path).is_ok_and(|(number, _)| number == version));
        found.map_or_else(|| format!("migration {version:04}"), |source| source.path.clone())
    }
}

fn parse_name(path: &str) -> Result<(i64, String)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let parsed = name
        .strip_suffix(".sql")
        .and_then(|stem| stem.split_once('_'))
        .filter(|(digits, words)| digits.len() == 4 && !words.is_empty())
        .and_then(|(digits, words)| Some((digits.parse().ok()?, words.replace('_', " "))));
    parsed.with_context(|| format!("{path} is not named like 0001_what_it_does.sql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_number() {
        assert_eq!(parse_name("migrations/0012_leads_and_moves.sql").unwrap(), (12, "leads and moves".to_owned()));
        for wrong in
            ["migrations/leads.sql", "migrations/12_leads.sql", "migrations/0012_.sql", "migrations/abcd_x.sql"]
        {
            assert!(parse_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_is_used_once() {
        let source = |path: &str| Source { path: path.to_owned(), text: String::new() };
        let migrations = vec![source("migrations/0001_a.sql"), source("migrations/0001_b.sql")];
        let error = Sources { migrations, functions: Vec::new() }.migrator().unwrap_err();
        assert_eq!(
            error.to_string(),
            "two migrations have the number 0001: give migrations/0001_b.sql the next free one"
        );
    }

    /// Cargo does not notice a folder that was not there when the tool was built.
    #[test]
    fn what_is_embedded_is_what_is_on_disk() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let embedded = Sources::embedded();
        for source in embedded.migrations.iter().chain(&embedded.functions) {
            assert_eq!(std::fs::read_to_string(root.join(&source.path)).unwrap(), source.text, "{}", source.path);
        }
        let mut folders = vec![root.join("migrations"), root.join("migrations/functions")];
        let components = std::fs::read_dir(root.join("components")).into_iter().flatten().flatten();
        folders.extend(components.map(|component| component.path().join("sql")));
        let on_disk = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
        let sql_files =
            on_disk.filter(|file| file.path().extension().is_some_and(|extension| extension == "sql")).count();
        let carried = embedded.migrations.len() + embedded.functions.len();
        assert_eq!(carried, sql_files, "an SQL file is not embedded: touch tools/migrate/build.rs and build again");
    }
}
