//! `bootstrap` and `up`: repeated, several at once, with files that changed or fail.

use std::collections::BTreeMap;

use migrate::{Bootstrap, Source, Sources, bootstrap, functions, status, up};
use sqlx::{Connection, PgConnection, query_scalar};

use crate::server::Server;

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

/// One schema with one table, and one function over it.
fn small() -> Sources {
    Sources {
        migrations: vec![source("migrations/0001_shop.sql", "create schema shop; create table shop.sold (n bigint);")],
        functions: vec![source(
            "migrations/functions/sold.sql",
            "create or replace function shop.count_sold() returns bigint language sql as 'select count(*) from shop.sold';",
        )],
    }
}

#[tokio::test]
async fn bootstrap_makes_roles_that_can_log_in_and_little_else() {
    let server = Server::bootstrapped().await;
    bootstrap(&server.wanted).await.expect("it may be repeated");

    for (role, variable) in
        [("bizo_auth", "SPIN_VARIABLE_DB_PASSWORD_AUTH"), ("bizo_events", "SPIN_VARIABLE_DB_PASSWORD_EVENTS")]
    {
        let url = server.owner().replace("bizo_owner", role).replace("BIZO_OWNER_PASSWORD", variable);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let timeout: String =
            query_scalar("select current_setting('statement_timeout')").fetch_one(&mut connection).await.unwrap();
        assert_eq!(timeout, "5s", "{role}");
        for forbidden in ["create table public.t (n int)", "create temporary table t (n int)", "create schema mine"] {
            assert!(sqlx::query(forbidden).execute(&mut connection).await.is_err(), "{role}: {forbidden}");
        }
    }
    let definer = server.owner().replace("bizo_owner", "bizo_definer");
    assert!(PgConnection::connect(&definer).await.is_err(), "nobody logs in as the definer");
}

#[tokio::test]
async fn bootstrap_keeps_the_password_of_a_role_that_is_there() {
    let server = Server::bootstrapped().await;
    let without = Bootstrap { passwords: BTreeMap::new(), ..server.wanted.clone() };
    bootstrap(&without).await.expect("no password is needed the second time");
    PgConnection::connect(&server.owner()).await.expect("the first password still holds");
}

#[tokio::test]
async fn bootstrap_says_which_password_is_missing() {
    let server = Server::fresh();
    let without = Bootstrap { passwords: BTreeMap::new(), ..server.wanted.clone() };
    let error = format!("{:#}", bootstrap(&without).await.unwrap_err());
    assert_eq!(error, "role bizo_owner: its password is missing: set BIZO_OWNER_PASSWORD, or run `secrets dev`");
}

#[tokio::test]
async fn a_component_that_could_bypass_the_row_policies_is_refused() {
    let server = Server::fresh();
    bootstrap(&server.wanted).await.unwrap();
    let mut admin = PgConnection::connect(&server.wanted.admin_url).await.unwrap();
    sqlx::query("alter role bizo_crm bypassrls").execute(&mut admin).await.unwrap();
    let error = bootstrap(&server.wanted).await.unwrap_err().to_string();
    assert!(error.starts_with("role bizo_crm may do too much"), "{error}");
}

#[tokio::test]
async fn four_at_once_do_the_work_once() {
    let server = Server::fresh();
    let wanted = &server.wanted;
    let (a, b, c, d) = tokio::join!(bootstrap(wanted), bootstrap(wanted), bootstrap(wanted), bootstrap(wanted));
    for result in [a, b, c, d] {
        result.unwrap();
    }
    let (owner, sources) = (server.owner(), small());
    let (a, b, c, d) =
        tokio::join!(up(&owner, &sources), up(&owner, &sources), up(&owner, &sources), up(&owner, &sources));
    for result in [a, b, c, d] {
        result.unwrap();
    }
    assert_eq!(server.ask("select count(*) from migrations.applied").await, 1);
    assert_eq!(server.ask("select shop.count_sold()").await, 0);
    assert_eq!(up(&owner, &sources).await.unwrap(), Vec::<String>::new(), "nothing is left to do");
}

#[tokio::test]
async fn the_embedded_files_apply_and_apply_again() {
    let server = Server::bootstrapped().await;
    let sources = Sources::embedded();
    up(&server.owner(), &sources).await.unwrap();
    assert_eq!(up(&server.owner(), &sources).await.unwrap(), Vec::<String>::new());
    let lines = status(&server.owner(), &sources).await.unwrap();
    assert!(lines.iter().all(|line| line.contains("  applied ") || line == "functions  current"), "{lines:?}");
}

#[tokio::test]
async fn a_migration_that_changed_is_refused() {
    let server = Server::bootstrapped().await;
    let mut sources = small();
    up(&server.owner(), &sources).await.unwrap();
    sources.migrations[0].text.push_str("-- an afterthought");
    let error = up(&server.owner(), &sources).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "migrations/0001_shop.sql was changed after it was applied: put it back as it was, and write the change as a new \
         migration"
    );
    assert!(status(&server.owner(), &sources).await.unwrap()[0].contains("CHANGED"));
}

#[tokio::test]
async fn an_older_build_is_refused() {
    let server = Server::bootstrapped().await;
    up(&server.owner(), &small()).await.unwrap();
    let older = Sources { migrations: Vec::new(), functions: small().functions };
    let error = up(&server.owner(), &older).await.unwrap_err().to_string();
    assert!(error.starts_with("the database has migration 0001, which this build does not have"), "{error}");
}

#[tokio::test]
async fn an_older_build_puts_its_functions_back_and_leaves_the_tables() {
    let server = Server::bootstrapped().await;
    let mut newer = small();
    newer.migrations.push(source("migrations/0002_more.sql", "alter table shop.sold add column price bigint;"));
    newer.functions[0].text = newer.functions[0].text.replace("select count(*)", "select 7 + count(price)");
    let error = functions(&server.owner(), &newer).await.unwrap_err().to_string();
    assert!(error.starts_with("the database is older than these functions"), "{error}");

    up(&server.owner(), &newer).await.unwrap();
    assert_eq!(server.ask("select shop.count_sold()").await, 7);
    for done in [&["installed the functions of 1 files"][..], &[]] {
        assert_eq!(functions(&server.owner(), &small()).await.unwrap(), done);
        assert_eq!(server.ask("select shop.count_sold()").await, 0);
    }
    let columns = "select count(*) from information_schema.columns where table_schema = 'shop' and table_name = 'sold'";
    assert_eq!(server.ask(columns).await, 2, "the table is the newer build's");
    // Forward again.
    assert_eq!(up(&server.owner(), &newer).await.unwrap(), ["installed the functions of 1 files"]);
    assert_eq!(server.ask("select shop.count_sold()").await, 7);
}

#[tokio::test]
async fn a_migration_that_fails_names_its_line_and_leaves_nothing() {
    let server = Server::bootstrapped().await;
    let mut sources = small();
    sources
        .migrations
        .push(source("migrations/0002_more.sql", "create table shop.more (n bigint);\n\nselect nonsense;\n"));
    let error = up(&server.owner(), &sources).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "migrations/0002_more.sql:3: column \"nonsense\" does not exist; nothing of this file was applied"
    );
    assert_eq!(server.ask("select count(*) from pg_tables where schemaname = 'shop'").await, 1);
}

#[tokio::test]
async fn functions_change_together_or_not_at_all() {
    let server = Server::bootstrapped().await;
    let mut sources = small();
    up(&server.owner(), &sources).await.unwrap();

    sources.functions[0].text = sources.functions[0].text.replace("select count(*)", "select 7 + count(*)");
    sources
        .functions
        .push(source("components/shop/sql/broken.sql", "create function shop.broken() returns nonsense as ''"));
    let error = up(&server.owner(), &sources).await.unwrap_err().to_string();
    assert!(error.starts_with("components/shop/sql/broken.sql"), "{error}");
    assert_eq!(server.ask("select shop.count_sold()").await, 0, "the old one is still there");

    sources.functions.pop();
    assert_eq!(up(&server.owner(), &sources).await.unwrap(), ["installed the functions of 1 files"]);
    assert_eq!(server.ask("select shop.count_sold()").await, 7);
}

#[tokio::test]
async fn the_owner_can_hand_a_function_to_the_definer_and_replace_it() {
    let server = Server::bootstrapped().await;
    let mut sources = small();
    sources.functions[0].text = "grant create on schema shop to bizo_definer;
        create or replace function shop.count_sold() returns bigint language sql security definer
            set search_path = pg_catalog, pg_temp as 'select 1::bigint';
        alter function shop.count_sold() owner to bizo_definer;"
        .to_owned();
    up(&server.owner(), &sources).await.unwrap();
    sources.functions[0].text = sources.functions[0].text.replace("1::bigint", "2::bigint");
    up(&server.owner(), &sources).await.unwrap();
}
