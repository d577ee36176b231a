//! The backup that deploy/base/backup.yaml makes, restored on another server as deploy/README.md says: everything is there again.

use std::{collections::BTreeMap, path::Path, process::Command};

use e2e::{Anonymous, App, HostOptions, Member, host::Host};
use servers::ThrowAway;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, query};

/// Row counts and checksums of every table of the app's, by name.
async fn contents(url: &str) -> BTreeMap<String, (i64, Option<String>)> {
    let mut admin = PgConnection::connect(url).await.expect("the administrator gets in");
    let tables = query(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .expect("the tables");
    let mut found = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let sum = format!("select count(*), md5(string_agg(t::text, E'\\n' order by t::text)) from {table} t");
        let row = query(AssertSqlSafe(sum)).fetch_one(&mut admin).await.expect("the rows");
        found.insert(table, (row.get(0), row.get(1)));
    }
    found
}

/// Functions, policies and grants: what keeps tenants apart after a restore as before it.
async fn guards(url: &str) -> Vec<String> {
    let mut admin = PgConnection::connect(url).await.expect("the administrator gets in");
    let rows = query(
        "select line from (
             select format('%s %s %s %s', schemaname, tablename, policyname, qual) as line from pg_policies
             union all
             select format('%s %s %s %s', p.pronamespace::regnamespace, p.oid::regprocedure, p.proowner::regrole, p.proacl)
               from pg_proc p where p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
             union all
             select format('%s %s %s %s %s', c.oid::regclass, c.relowner::regrole, c.relacl, c.relrowsecurity, c.relforcerowsecurity)
               from pg_class c where c.relkind = 'r' and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
         ) lines order by line",
    )
    .fetch_all(&mut admin)
    .await
    .expect("the guards");
    rows.iter().map(|row| row.get(0)).collect()
}

fn run(program: &str, arguments: &[&str]) {
    let path = servers::postgres_program(program).expect("the server's own programs");
    let output = Command::new(path).args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The address of a role or a database, from the administrator's of the server.
fn address(admin_url: &str, database: &str, role: Option<(&str, &str)>) -> String {
    let mut url = reqwest::Url::parse(admin_url).expect("an address");
    url.set_path(database);
    if let Some((name, password)) = role {
        url.set_username(name).and_then(|()| url.set_password(Some(password))).expect("a user");
    }
    url.to_string()
}

#[tokio::test]
async fn a_restored_backup_equals_the_original() {
    let app = App::own(HostOptions::default()).expect("an app");
    let owner = Member::owner(&app).await;
    for amount in [1000, 1002, 1003, 1008] {
        owner.pay(amount).await.expect(201);
    }
    let payment = owner.pay(5000).await.expect(201);
    owner.with_payment(&payment, "refunds", serde_json::json!({ "amount": 700 })).await.expect(201);
    owner
        .post("/leads", &serde_json::json!({ "email": "grace@example.com", "first_name": "Gräce ☃" }))
        .await
        .expect(201);

    let database = &app.variables["SPIN_VARIABLE_DB_NAME"];
    let here = app.servers().postgres.admin_url();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup.dump");
    let file = Path::to_str(&file).expect("a name");
    let backup = address(&here, database, Some(("bizo_backup", &app.variables["BIZO_BACKUP_PASSWORD"])));
    run("pg_dump", &["--format=custom", "--no-password", "--dbname", &backup, "--file", file]);

    let elsewhere = ThrowAway::start().expect("another server");
    let there = elsewhere.postgres.admin_url();
    let wanted = migrate::Bootstrap {
        admin_url: there.clone(),
        database: database.clone(),
        passwords: migrate::password_variables(|name| app.variables.get(name).cloned()),
        connection_limit: migrate::Bootstrap::CONNECTION_LIMIT,
    };
    migrate::bootstrap(&wanted).await.expect("roles");
    let restored = address(&there, database, None);
    run("pg_restore", &["--exit-on-error", "--single-transaction", "--dbname", &restored, file]);

    let original = address(&here, database, None);
    let (before, after) = (contents(&original).await, contents(&restored).await);
    assert!(before.len() > 20 && before["payments.payments"].0 == 5, "{before:?}");
    assert_eq!(before, after);
    assert_eq!(guards(&original).await, guards(&restored).await);

    // And the app goes on with it: the password opens the account, and the sealed and counted things are there.
    let mut variables = app.variables.clone();
    variables.insert("SPIN_VARIABLE_DB_PORT".to_owned(), elsewhere.postgres.port().to_string());
    let authority = elsewhere.postgres.authority().expect("a throw-away server speaks TLS");
    variables.insert("SPIN_VARIABLE_DB_CA".to_owned(), authority.to_owned());
    let port = servers::free_port().expect("a port");
    let host = Host::start(port, &variables, &HostOptions::default()).expect("the host");
    let mut restored_app = app;
    restored_app.host = host;
    restored_app.origin = format!("http://127.0.0.1:{port}");
    let anonymous = Anonymous::of(&restored_app);
    let again = anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    assert_eq!(again.payment(&payment).await["refunded"], 700);
    again
        .with_payment(&payment, "refunds", serde_json::json!({ "amount": 4301 }))
        .await
        .problem(409, "amount_exceeds_refundable");
    again.with_payment(&payment, "refunds", serde_json::json!({ "amount": 4300 })).await.expect(201);
}
