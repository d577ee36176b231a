//! Connections of Postgres are reset when they are handed out again, and the reset does not end a transaction.

#![allow(clippy::disallowed_methods, reason = "tests wait for what they started")]

mod hosts;

use hosts::{Setup, database_url, eventually, fresh_name, kinds};
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio_postgres::NoTls;

/// Asks Postgres past every host.
fn outside(statement: &str) -> String {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (client, connection) = tokio_postgres::connect(&database_url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(statement, &[]).await.unwrap().get::<_, Option<String>>(0).unwrap_or_default()
    })
}

#[test]
fn the_reset_clears_settings_and_temporary_tables() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let before = host.sql(
            "select pg_backend_pid()\n\
             select set_config('app.tenant', 'acme', false)\n\
             do create temp table scratch (x int)\n\
             do set search_path to pg_catalog",
        );
        let after = host.sql(
            "select pg_backend_pid()\n\
             select coalesce(nullif(current_setting('app.tenant', true), ''), 'nothing')\n\
             select to_regclass('scratch')::text\n\
             show search_path",
        );
        assert_eq!(before.lines().next(), after.lines().next(), "{}: another session", kind.name);
        assert!(after.contains("DbValue::Str(\"nothing\")"), "{}: {after}", kind.name);
        assert!(after.lines().nth(2).unwrap().contains("DbValue::DbNull"), "{}: {after}", kind.name);
        assert!(after.lines().nth(3).unwrap().contains("public"), "{}: {after}", kind.name);
    }
}

#[test]
fn an_open_transaction_rides_into_the_next_request() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let table = fresh_name("left_open");
        host.sql(&format!("do begin\ndo create table {table} (x int)\ndo insert into {table} values (7)"));
        let next = host.sql(&format!("select x from {table}"));
        assert!(next.contains("DbValue::Int32(7)"), "{}: {next}", kind.name);
        assert_eq!(outside(&format!("select to_regclass('{table}')::text")), "", "nobody committed it");
        host.sql("do rollback");
    }
}

#[test]
fn a_panic_leaves_its_transaction_to_the_next_request() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let table = fresh_name("panicked");
        let reply = host.post("/sql", &format!("do begin\ndo create table {table} (x int)\npanic"));
        assert_eq!((reply.status, reply.body), (500, Vec::new()), "{}", kind.name);
        eventually("the dead instance's connection is back in the pool", || {
            !host.sql(&format!("select count(*) from {table}")).contains("error")
        });
        assert_eq!(outside(&format!("select to_regclass('{table}')::text")), "", "nobody committed it");
    }
}

#[test]
fn a_failed_transaction_costs_the_connection() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let first = host.sql("select pg_backend_pid()\ndo begin\nselect 1 / 0");
        assert!(first.contains("22012"), "{}: {first}", kind.name);
        let second = host.sql("select pg_backend_pid()");
        assert_ne!(first.lines().next(), second.lines().next(), "{}: the session survived", kind.name);
    }
}

#[test]
fn an_open_waits_while_all_places_are_taken() {
    for kind in kinds() {
        let host = Setup::new(&kind)
            .with_servers()
            .file("runtime.toml", "[outbound_pg]\nmax_connections = 1\n")
            .arguments(&["--runtime-config-file", "runtime.toml"])
            .start();
        host.sql("select 1");
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert!(host.sql("sleep 300\nselect 1").contains("DbValue::Int32(1)")));
            }
        });
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(900), "{}: three at the same time, {took:?}", kind.name);
    }
}
