//! The database's own word: a component that was taken over can do no more than its role.

use e2e::{App, Member};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, raw_sql};
use uuid::Uuid;

/// Runs statements in one transaction that is rolled back; the last one's count of rows, or its SQLSTATE.
async fn tried(connection: &mut PgConnection, statements: &[&str]) -> Result<u64, String> {
    let mut transaction = connection.begin().await.unwrap();
    let mut last = Ok(0);
    for statement in statements {
        last = match raw_sql(AssertSqlSafe((*statement).to_owned())).fetch_all(&mut *transaction).await {
            Ok(rows) => Ok(rows.len() as u64),
            Err(error) => Err(error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned()),
        };
        if last.is_err() {
            break;
        }
    }
    transaction.rollback().await.unwrap();
    last
}

/// The right is missing.
const REFUSED: &str = "42501";
/// The session only reads.
const READ_ONLY: &str = "25006";

#[tokio::test]
async fn without_a_context_no_role_sees_a_row_and_with_one_only_its_own() {
    let app = App::shared();
    let (mine, other) = (Member::owner(app).await, Member::owner(app).await);
    for owner in [&mine, &other] {
        owner.create_lead(json!({ "email": "a@example.com" })).await;
    }
    let mut crm = app.database.role("crm").await;
    assert_eq!(tried(&mut crm, &["select id from crm.leads"]).await, Ok(0));
    let as_mine = format!("set local app.tenant_id = '{}'", mine.tenant());
    assert_eq!(tried(&mut crm, &[&as_mine, "select id from crm.leads"]).await, Ok(1));
    let theirs = format!("select id from crm.leads where tenant_id = '{}'", other.tenant());
    assert_eq!(tried(&mut crm, &[&as_mine, &theirs]).await, Ok(0));
    assert_eq!(tried(&mut crm, &["set local app.tenant_id = ''", "select id from crm.leads"]).await, Ok(0));
    assert_eq!(
        tried(&mut crm, &["set local app.tenant_id = 'x'", "select id from crm.leads"]).await,
        Err("22P02".into())
    );

    let planted = format!(
        "insert into crm.leads (tenant_id, id, email, source, status, priority, score, score_reasons, created_by, created_at, updated_at)
         values ('{}', gen_random_uuid(), 'x@example.com', 'OTHER', 'NEW', 'LOW', 1, '[]', gen_random_uuid(), now(), now())",
        other.tenant()
    );
    assert_eq!(tried(&mut crm, &[&as_mine, &planted]).await, Err(REFUSED.into()));
    let moved = format!("update crm.leads set tenant_id = '{}' returning id", other.tenant());
    assert_eq!(tried(&mut crm, &[&as_mine, &moved]).await, Err(REFUSED.into()));

    let mut auth = app.database.role("auth").await;
    for table in ["users", "tenants", "memberships", "sessions"] {
        assert_eq!(tried(&mut auth, &[&format!("select 1 from auth.{table}")]).await, Ok(0), "{table}");
    }
    let as_person = format!("set local app.user_id = '{}'", mine.user());
    assert_eq!(tried(&mut auth, &[&as_person, "select id from auth.users"]).await, Ok(1));
    for table in ["tenants", "memberships"] {
        assert_eq!(tried(&mut auth, &[&as_mine, &format!("select 1 from auth.{table}")]).await, Ok(1), "{table}");
    }
}

#[tokio::test]
async fn outcomes_under_idempotency_keys_are_their_tenants_and_their_components() {
    let app = App::shared();
    let (mine, other) = (Member::owner(app).await, Member::owner(app).await);
    for owner in [&mine, &other] {
        owner.post_once("/leads", "key", &json!({ "email": "a@example.com" })).await.expect(201);
    }
    let register = json!({ "email": e2e::personas::fresh_email(), "password": e2e::personas::PASSWORD });
    mine.post_once("/auth/register", "key", &register).await.expect(201);

    let mut crm = app.database.role("crm").await;
    let keys = "select outcome from app.idempotency_keys";
    assert_eq!(tried(&mut crm, &[keys]).await, Ok(0));
    assert_eq!(tried(&mut crm, &[&format!("set local app.tenant_id = '{}'", mine.tenant()), keys]).await, Ok(1));
    // Those of nobody yet, such as registering: auth's, under the nil tenant.
    let as_nobody = "set local app.tenant_id = '00000000-0000-0000-0000-000000000000'";
    assert_eq!(tried(&mut crm, &[as_nobody, keys]).await, Ok(0));
    assert!(tried(&mut app.database.role("auth").await, &[as_nobody, keys]).await.is_ok_and(|rows| rows > 0));
}

#[tokio::test]
async fn no_role_reaches_past_its_own_schema_or_rights() {
    let app = App::shared();
    for (role, statement) in [
        ("crm", "select password_hash from auth.users"),
        ("crm", "select 1 from auth.sessions"),
        ("crm", "select auth.find_log_in('{}')"),
        ("crm", "select auth.register(null, '{}')"),
        ("crm", "select app.enter_nobody()"),
        ("crm", "delete from crm.leads"),
        ("crm", "delete from crm.lead_status_changes"),
        ("crm", "update crm.lead_status_changes set to_status = 'WON'"),
        ("crm", "truncate crm.leads"),
        ("crm", "drop table crm.leads"),
        ("crm", "alter table crm.leads disable row level security"),
        ("crm", "drop policy tenant on crm.leads"),
        ("crm", "create table crm.mine (id int)"),
        ("crm", "create table public.mine (id int)"),
        ("crm", "create schema mine"),
        ("crm", "set role bizo_owner"),
        ("crm", "set role bizo_definer"),
        ("crm", "set role bizo_auth"),
        ("crm", "set session authorization bizo_owner"),
        ("crm", "select pg_read_file('/etc/passwd')"),
        ("auth", "select 1 from crm.leads"),
        ("auth", "select 1 from auth.failed_log_ins"),
        ("auth", "delete from auth.users"),
        ("auth", "delete from auth.sessions"),
        ("auth", "truncate auth.users"),
        ("auth", "set role bizo_definer"),
        ("auth", "set role bizo_owner"),
        ("payments", "select 1 from auth.users"),
        ("payments", "select 1 from crm.leads"),
        ("payments", "select crm.find_lead(null, '{}')"),
        ("events", "select 1 from auth.users"),
        ("events", "select 1 from crm.leads"),
        ("backup", "delete from crm.leads"),
        ("backup", "update auth.users set is_superuser = true"),
    ] {
        let mut connection = app.database.role(role).await;
        let refusals = [REFUSED, READ_ONLY].map(|code| Err(code.to_owned()));
        let outcome = tried(&mut connection, &[statement]).await;
        assert!(refusals.contains(&outcome), "{role}: {statement}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_roles_and_tables_are_as_the_design_has_them() {
    let database = &App::shared().database;
    let powerful = database.rows("select rolname from pg_roles where rolname like 'bizo%' and (rolsuper or rolcreaterole or rolcreatedb or rolreplication)").await;
    assert!(powerful.is_empty());
    let bypass: Vec<String> = database
        .rows("select rolname::text from pg_roles where rolname like 'bizo%' and rolbypassrls")
        .await
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(bypass, ["bizo_backup"]);

    let unguarded = database
        .rows(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('app', 'auth', 'crm', 'payments') and c.relkind in ('r', 'p')
                  and not (c.relrowsecurity and c.relforcerowsecurity)",
        )
        .await;
    let unguarded: Vec<String> = unguarded.iter().map(|row| row.get(0)).collect();
    assert_eq!(unguarded, Vec::<String>::new(), "every table of ours has forced row-level security");

    let keys = database
        .rows("select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid
                 join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                where n.nspname = 'crm' and a.attname <> 'tenant_id'")
        .await;
    assert!(keys.is_empty(), "every index of a tenant's table begins with tenant_id");

    let open = database
        .rows(
            "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where n.nspname in ('app', 'auth', 'crm', 'payments')
                  and (p.proacl is null or exists (select from aclexplode(p.proacl) where grantee = 0))",
        )
        .await;
    let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
    assert_eq!(open, Vec::<String>::new(), "no function of ours is open to everybody");

    let loose = database
        .rows("select p.oid::regprocedure::text from pg_proc p where p.prosecdef
                  and p.pronamespace::regnamespace::text in ('app', 'auth', 'crm', 'payments')
                  and (p.proowner <> 'bizo_definer'::regrole or not coalesce(p.proconfig, '{}') && array['search_path=pg_catalog, pg_temp'])")
        .await;
    let loose: Vec<String> = loose.iter().map(|row| row.get(0)).collect();
    assert_eq!(loose, Vec::<String>::new(), "definer functions belong to bizo_definer and pin their path");
}

#[tokio::test]
async fn entering_takes_a_live_session_of_that_person_in_that_tenant() {
    let app = App::shared();
    let (mine, other) = (Member::owner(app).await, Member::owner(app).await);
    let session = |member: &Member| {
        let user = member.user();
        async move {
            app.database.rows(&format!("select id::text from auth.sessions where user_id = '{user}'")).await[0]
                .get::<String, _>(0)
        }
    };
    let (my_session, other_session) = (session(&mine).await, session(&other).await);
    let mut crm = app.database.role("crm").await;
    let mut enter = async |tenant: Uuid, user: Uuid, session: &str, roles: &str| {
        tried(&mut crm, &[&format!("select app.enter('{tenant}', '{user}', '{session}', '{{{roles}}}')")]).await
    };
    assert_eq!(enter(mine.tenant(), mine.user(), &my_session, "owner,member").await, Ok(1));
    assert_eq!(enter(other.tenant(), mine.user(), &my_session, "owner").await, Err("BZ401".into()));
    assert_eq!(enter(mine.tenant(), other.user(), &my_session, "owner").await, Err("BZ401".into()));
    assert_eq!(enter(mine.tenant(), mine.user(), &other_session, "owner").await, Err("BZ401".into()));
    assert_eq!(enter(mine.tenant(), mine.user(), &my_session, "member,viewer").await, Err("BZ403".into()));
    app.database.execute(&format!("update auth.sessions set expires_at = now() where id = '{my_session}'")).await;
    assert_eq!(enter(mine.tenant(), mine.user(), &my_session, "owner").await, Err("BZ401".into()));
}

#[tokio::test]
async fn the_last_owner_is_kept_by_a_check() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let mut auth = app.database.role("auth").await;
    let as_mine = format!("set local app.tenant_id = '{}'", owner.tenant());
    assert_eq!(
        tried(&mut auth, &[&as_mine, "update auth.tenants set owner_count = owner_count - 1"]).await,
        Err("23514".into())
    );
}
