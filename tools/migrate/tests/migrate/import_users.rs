//! `import-users`: both forms of the file, repeated, and lines that do not fit.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use migrate::{Destination, ImportUsers, Imported, MemberRole, Note, Sources, up};
use sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql};
use tempfile::TempDir;

use crate::server::Server;

const HEADER: &str = "id,email,hashed_password,is_active,is_superuser,is_verified";
const ARGON2: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$awtNF+jdSlFK+3NlzlOdkg$XxtKGjwjQoG0msbp6OOEBusJuHr76QXY++riH+dB+x4";
const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

const ADA: &str = "6e2a5bd4-8c3f-4e53-9d64-2f1f0c6f3a01";
const BO: &str = "6e2a5bd4-8c3f-4e53-9d64-2f1f0c6f3a02";
const CY: &str = "6e2a5bd4-8c3f-4e53-9d64-2f1f0c6f3a03";
/// Ada as the API names her.
const ADA_SHOWN: &str = "usr_3e59dx931z9s9sts1f3w66yeg1";

/// A database with the app's tables, and a folder for files.
struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    async fn new() -> World {
        let server = Server::bootstrapped().await;
        // An import calls no function.
        let tables = Sources { functions: Vec::new(), ..Sources::embedded() };
        up(&server.owner(), &tables).await.unwrap();
        World { server, folder: tempfile::tempdir().unwrap() }
    }

    async fn with_tenant(slug: &str) -> World {
        let world = World::new().await;
        let tenant = format!(
            "insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
             values (gen_random_uuid(), 'Ours', '{slug}', 1, now(), now())"
        );
        world.execute(&tenant).await;
        world
    }

    async fn execute(&self, sql: &str) {
        let mut owner = PgConnection::connect(&self.server.owner()).await.unwrap();
        raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut owner).await.unwrap();
    }

    async fn import(&self, wanted: &ImportUsers) -> anyhow::Result<Imported> {
        migrate::import_users(&self.server.owner(), wanted, &ProgressBar::hidden()).await
    }

    fn csv(&self, lines: &[String]) -> ImportUsers {
        self.file("users.csv", &[&[HEADER.to_owned()], lines].concat())
    }

    fn file(&self, name: &str, lines: &[String]) -> ImportUsers {
        let file = self.folder.path().join(name);
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        ImportUsers { file, into: Destination::NoTenant, is_dry_run: false }
    }

    /// What is known of each person, in the order of their addresses.
    async fn people(&self) -> Vec<String> {
        self.texts(
            "select concat_ws(' ', id, email, email_key, left(password_hash, 9),
                              case when verified_at is not null then 'verified' end,
                              case when deactivated_at is not null then 'deactivated' end,
                              case when is_superuser then 'superuser' end)
               from auth.users order by email_key",
        )
        .await
    }

    /// Who is what in which tenant, and whether they log in there first.
    async fn memberships(&self) -> Vec<String> {
        self.texts(
            "select concat_ws(' ', u.email_key, m.role, t.name, t.slug, t.owner_count,
                              case when u.last_tenant_id = t.id then 'first' end)
               from auth.users u join auth.memberships m on m.user_id = u.id join auth.tenants t on t.id = m.tenant_id
              order by u.email_key",
        )
        .await
    }

    async fn texts(&self, question: &'static str) -> Vec<String> {
        let mut owner = PgConnection::connect(&self.server.owner()).await.unwrap();
        query_scalar(question).fetch_all(&mut owner).await.unwrap()
    }
}

fn line(id: &str, email: &str, hash: &str, flags: &str) -> String {
    // The hash holds commas.
    format!("{id},{email},\"{hash}\",{flags}")
}

fn three() -> Vec<String> {
    vec![
        line(ADA, "Ada@Example.com", ARGON2, "t,t,t"),
        line(BO, "bo@example.com", BCRYPT, "f,f,t"),
        line(CY, "cy@example.com", &BCRYPT.replace("$2b", "$2y"), "true,false,false"),
    ]
}

fn notes(notes: &[Note]) -> Vec<String> {
    notes.iter().map(|note| format!("{}: {}", note.line, note.text)).collect()
}

fn counts(report: &Imported) -> (usize, usize, usize) {
    (report.imported, report.already_there, report.refused.len())
}

#[tokio::test]
async fn people_keep_their_ids_hashes_and_flags() {
    let world = World::new().await;
    let report = world.import(&world.csv(&three())).await.unwrap();
    assert_eq!(counts(&report), (3, 0, 0));
    assert_eq!(notes(&report.former_superusers), [format!("2: {ADA_SHOWN} was a superuser, and is not any longer")]);
    assert_eq!(
        world.people().await,
        [
            format!("{ADA} Ada@Example.com ada@example.com $argon2id verified"),
            format!("{BO} bo@example.com bo@example.com $2b$12$R9 verified deactivated"),
            format!("{CY} cy@example.com cy@example.com $2y$12$R9"),
        ]
    );
    assert_eq!(
        world.texts("select password_hash from auth.users where verified_at is not null order by email_key").await,
        [ARGON2, BCRYPT]
    );
    assert_eq!(world.memberships().await, [""; 0]);
    let logged = "select count(*) from app.audit_log where action = 'user.imported' and tenant_id is null";
    assert_eq!(world.server.ask(logged).await, 3);
}

#[tokio::test]
async fn json_lines_are_taken_like_csv() {
    let (one, other) = (World::new().await, World::new().await);
    one.import(&one.csv(&three())).await.unwrap();
    let object = |id: &str, email: &str, hash: &str, flags: [bool; 3]| {
        let [active, superuser, verified] = flags;
        format!(
            r#"{{"email":"{email}","id":"{id}","hashed_password":"{hash}","is_verified":{verified},"is_active":{active},"is_superuser":{superuser}}}"#
        )
    };
    let lines = [
        object(ADA, "Ada@Example.com", ARGON2, [true, true, true]),
        object(BO, "bo@example.com", BCRYPT, [false, false, true]),
        object(CY, "cy@example.com", &BCRYPT.replace("$2b", "$2y"), [true, false, false]),
    ];
    let report = other.import(&other.file("users.jsonl", &lines)).await.unwrap();
    assert_eq!(counts(&report), (3, 0, 0));
    assert_eq!(one.people().await, other.people().await);
}

#[tokio::test]
async fn a_second_run_changes_nobody() {
    let world = World::new().await;
    world.import(&world.csv(&three())).await.unwrap();
    world.execute("update auth.users set deactivated_at = now(), password_hash = '$changed'").await;
    let before = world.people().await;

    let again = world.import(&ImportUsers { into: Destination::OwnTenants, ..world.csv(&three()) }).await.unwrap();
    assert_eq!(counts(&again), (0, 3, 0));
    assert!(again.former_superusers.is_empty());
    assert_eq!(world.people().await, before);
    assert_eq!(world.memberships().await, [""; 0], "nobody comes back into a tenant by a second run");
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_keeps_nothing() {
    let world = World::with_tenant("ours").await;
    let into = Destination::Tenant { slug: "ours".to_owned(), role: MemberRole::Member };
    let dry = ImportUsers { is_dry_run: true, into, ..world.csv(&three()) };
    assert_eq!(counts(&world.import(&dry).await.unwrap()), (3, 0, 0));
    assert_eq!(world.people().await, [""; 0]);
    assert_eq!(counts(&world.import(&ImportUsers { is_dry_run: false, ..dry }).await.unwrap()), (3, 0, 0));
}

#[tokio::test]
async fn conflicts_are_named_and_nothing_is_overwritten() {
    let world = World::new().await;
    world.import(&world.csv(&three()[..1])).await.unwrap();
    let lines = [
        line(BO, "ADA@example.com", ARGON2, "t,f,t"),
        line(ADA, "someone.else@example.com", ARGON2, "t,f,t"),
        line(ADA, "ada@EXAMPLE.com", BCRYPT, "t,f,t"),
        // Against another line of the same file.
        line(CY, "cy@example.com", ARGON2, "t,f,t"),
        line(CY, "cy@example.com", ARGON2, "t,f,t"),
        line(CY, "cyrus@example.com", ARGON2, "t,f,t"),
    ];
    let report = world.import(&world.csv(&lines)).await.unwrap();
    assert_eq!((report.imported, report.already_there), (1, 2));
    let cy = ids::UserId::from(CY.parse::<uuid::Uuid>().unwrap());
    assert_eq!(
        notes(&report.refused),
        [
            format!("2: the email address belongs to {ADA_SHOWN}"),
            format!("3: {ADA_SHOWN} is there with another email address"),
            format!("7: {cy} is there with another email address"),
        ]
    );
    assert_eq!(
        world.people().await,
        [
            format!("{ADA} Ada@Example.com ada@example.com $argon2id verified"),
            format!("{CY} cy@example.com cy@example.com $argon2id verified"),
        ]
    );
}

#[tokio::test]
async fn lines_that_do_not_fit_are_named_without_their_hash() {
    let world = World::new().await;
    let lines = [
        line("17", "a@example.com", ARGON2, "t,f,t"),
        line(BO, "bo@localhost", ARGON2, "t,f,t"),
        line(CY, "cy@example.com", "sha1$secret", "t,f,t"),
        line(CY, "cy@example.com", &ARGON2.replace("t=3", "t=30"), "t,f,t"),
        line(CY, "cy@example.com", ARGON2, "t,f,"),
        line(CY, "cy@example.com", ARGON2, "t,f"),
        line(ADA, "ada@example.com", ARGON2, "t,f,t"),
    ];
    let report = world.import(&world.csv(&lines)).await.unwrap();
    assert_eq!(
        notes(&report.refused),
        [
            "2: its id is not a UUID",
            "3: its email is not an address that mail can be sent to",
            "4: its password hash is neither argon2id nor bcrypt",
            "5: its password hash asks for more work than a log-in may cost: argon2id may have m=65536, t=4, p=4, and \
             bcrypt the cost 12",
            "6: its is_verified is neither true nor false",
            "7: the line has more or fewer columns than the header",
        ]
    );
    assert_eq!(report.imported, 1, "the others come all the same");
}

#[tokio::test]
async fn everybody_comes_into_the_tenant_that_is_named() {
    let world = World::with_tenant("ours").await;
    let into = |slug: &str| Destination::Tenant { slug: slug.to_owned(), role: MemberRole::Viewer };
    let error = world.import(&ImportUsers { into: into("theirs"), ..world.csv(&three()) }).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no tenant with the slug \"theirs\"");
    assert_eq!(world.people().await, [""; 0]);

    world.import(&ImportUsers { into: into("ours"), ..world.csv(&three()) }).await.unwrap();
    let row = |name: &str| format!("{name}@example.com viewer Ours ours 1 first");
    assert_eq!(world.memberships().await, [row("ada"), row("bo"), row("cy")]);
    let logged = "select count(*) from app.audit_log a join auth.tenants t on t.id = a.tenant_id where slug = 'ours'";
    assert_eq!(world.server.ask(logged).await, 3);
}

#[tokio::test]
async fn everybody_gets_a_tenant_as_if_they_had_registered() {
    let world = World::with_tenant("cy").await;
    let lines = [three(), vec![line(&BO.replace("02", "04"), "Ada@elsewhere.example", ARGON2, "t,f,t")]].concat();
    world.import(&ImportUsers { into: Destination::OwnTenants, ..world.csv(&lines) }).await.unwrap();
    let memberships = world.memberships().await;
    let with_suffix =
        |row: &str, start: &str| row.starts_with(start) && row.len() == start.len() + 8 + " 1 first".len();
    assert!(with_suffix(&memberships[0], "ada@elsewhere.example owner Ada ada-"), "{memberships:?}");
    assert_eq!(memberships[1], "ada@example.com owner Ada ada 1 first");
    assert_eq!(memberships[2], "bo@example.com owner bo bo 1 first");
    assert!(with_suffix(&memberships[3], "cy@example.com owner cy cy-"), "{memberships:?}");
}

#[tokio::test]
async fn thousands_come_in_one_transaction_and_two_imports_at_once_do_the_work_once() {
    let world = World::new().await;
    let id = |n: u32| format!("6e2a5bd4-8c3f-4e53-9d64-{n:012x}");
    let lines: Vec<String> =
        (0..1_234).map(|n| line(&id(n), &format!("person{n}@example.com"), ARGON2, "t,f,t")).collect();
    let wanted = ImportUsers { into: Destination::OwnTenants, ..world.csv(&lines) };
    let (one, other) = tokio::join!(world.import(&wanted), world.import(&wanted));
    let mut imported = BTreeMap::new();
    for report in [one.unwrap(), other.unwrap()] {
        imported.insert(report.imported, report.already_there);
    }
    assert_eq!(imported, BTreeMap::from([(0, 1_234), (1_234, 0)]));
    assert_eq!(world.server.ask("select count(*) from auth.memberships where role = 'owner'").await, 1_234);
}

#[tokio::test]
async fn tables_come_before_people() {
    let server = Server::bootstrapped().await;
    let world = World { server, folder: tempfile::tempdir().unwrap() };
    let error = world.import(&world.csv(&three())).await.unwrap_err();
    assert_eq!(error.to_string(), "the database has no tables yet: run `migrate up` first");
}

#[tokio::test]
async fn the_command_names_the_lines_and_its_exit_code_says_that_some_were_refused() {
    let world = World::with_tenant("ours").await;
    let lines = [three(), vec![line(ADA, "ada@example.com", "secret", "t,f,t")]].concat();
    let file = world.csv(&lines).file;
    let run = |more: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_migrate"))
            .args(["import-users", "--owner-url", &world.server.owner()])
            .arg(&file)
            .args(more)
            .output()
            .unwrap()
    };
    let output = run(&["--tenant", "ours", "--role", "admin"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!(
            "{0}:2: {ADA_SHOWN} was a superuser, and is not any longer\n\
             {0}:5: its password hash is neither argon2id nor bcrypt\n",
            file.display()
        )
    );
    let summary = "3 imported, 0 already there, 1 refused; 1 of the imported were superusers\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), summary);
    assert_eq!(world.memberships().await[0], "ada@example.com admin Ours ours 1 first");

    assert_eq!(run(&["--tenant", "ours", "--own-tenants"]).status.code(), Some(2));
    assert_eq!(run(&["--role", "admin"]).status.code(), Some(2), "a role is one in a tenant");
    std::fs::write(&file, [HEADER, &three().join("\n")].join("\n")).unwrap();
    assert_eq!(run(&["--dry-run"]).status.code(), Some(0));
}
