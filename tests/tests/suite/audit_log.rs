//! The audit log: what stands in it, who reads it, and that nobody changes it.

use e2e::{App, Member};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};

fn entries(page: &Value) -> &Vec<Value> {
    page["data"].as_array().expect("a page")
}

#[tokio::test]
async fn an_entry_says_who_did_what_to_what_from_where_and_when() {
    let owner = Member::owner(App::shared()).await;
    let request =
        owner.request(Method::POST, "/api-keys").header("user-agent", "curl/8").header("x-request-id", "r-42");
    let made = e2e::Anonymous::send(request.json(&json!({ "name": "ci", "scopes": ["leads:read"] }))).await.expect(201);
    let page = owner.get("/audit-log?action=api_key.created").await.expect(200);
    let [entry] = entries(&page).as_slice() else { panic!("{page}") };
    assert!(entry["id"].as_str().unwrap().starts_with("aud_"));
    assert_eq!(entry["at"], made["created_at"]);
    assert_eq!(entry["actor"], owner.account["id"]);
    assert_eq!(entry["target"], json!({ "type": "api_key", "id": made["id"] }));
    assert_eq!((&entry["address"], &entry["user_agent"]), (&json!("127.0.0.1"), &json!("curl/8")));
    assert_eq!(entry["request_id"], "r-42");
    assert_eq!(entry["details"]["name"], "ci");
}

#[tokio::test]
async fn the_log_is_filtered_and_paged_newest_first() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let admin = owner.colleague(app, "admin").await;
    for maker in [&owner, &admin, &owner] {
        maker.make_api_key(&["audit_log:read"]).await;
    }
    let key = admin.make_api_key(&["audit_log:read"]).await;
    owner.delete(&format!("/api-keys/{}", key["id"].as_str().unwrap())).await.expect(204);

    let count = async |query: &str| entries(&owner.get(&format!("/audit-log{query}")).await.expect(200)).len();
    let (key_id, admin_id) = (key["id"].as_str().unwrap(), admin.account["id"].as_str().unwrap());
    assert_eq!(count("?action=api_key.created").await, 4);
    assert_eq!(count(&format!("?action=api_key.created&actor={admin_id}")).await, 2);
    assert_eq!(count(&format!("?target={key_id}")).await, 2);
    assert_eq!(count(&format!("?target={key_id}&action=api_key.revoked")).await, 1);
    assert_eq!(count(&format!("?api_key={key_id}")).await, 0);
    assert_eq!(count("?action=nothing.happened").await, 0);
    assert_eq!(count("?created_before=2000-01-01T00:00:00Z").await, 0);
    let at = key["created_at"].as_str().unwrap();
    assert_eq!(count(&format!("?action=api_key.created&created_after={at}")).await, 1);
    assert_eq!(count(&format!("?action=api_key.created&created_before={at}")).await, 3);

    let whole = owner.get("/audit-log?limit=100").await.expect(200);
    let moments: Vec<_> = entries(&whole).iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(moments.is_sorted_by(|newer, older| newer >= older), "{moments:?}");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/audit-log?limit=2{cursor}")).await.expect(200);
        seen.extend(entries(&page).iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(&json!(seen), &whole["data"]);

    for (query, code, parameter) in [
        ("?action=created", "invalid_parameter", "action"),
        ("?actor=ten_01h455vb4pex5vsknk084sn02q", "invalid_parameter", "actor"),
        ("?api_key=bizo_x", "invalid_parameter", "api_key"),
        ("?target=led_01h455vb4pex5vsknk084sn02q", "invalid_parameter", "target"),
        ("?created_after=yesterday", "invalid_parameter", "created_after"),
        ("?cursor=x", "invalid_parameter", "cursor"),
        ("?sort=at", "unknown_parameter", "sort"),
    ] {
        let problem = owner.get(&format!("/audit-log{query}")).await.problem(400, code);
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{problem}");
    }
}

#[tokio::test]
async fn what_a_key_does_names_the_key_and_its_maker() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let reader = owner.program(&owner.make_api_key(&["audit_log:read"]).await);
    let log = reader.get("/audit-log").await.expect(200);
    assert!(entries(&log).iter().any(|entry| entry["action"] == "api_key.created"));
    for role in ["member", "viewer"] {
        owner.colleague(app, role).await.get("/audit-log").await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn no_tenant_reads_anothers_log() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let made = owner.make_api_key(&["leads:read"]).await;
    let key = made["id"].as_str().unwrap();
    assert_eq!(entries(&stranger.get(&format!("/audit-log?target={key}")).await.expect(200)).len(), 0);
    let owner_id = owner.account["id"].as_str().unwrap();
    assert_eq!(entries(&stranger.get(&format!("/audit-log?actor={owner_id}")).await.expect(200)).len(), 0);
    assert!(!stranger.get("/audit-log?limit=100").await.expect(200).to_string().contains(owner_id));
}

#[tokio::test]
async fn a_component_that_was_taken_over_adds_for_its_tenant_and_changes_nothing() {
    let app = App::shared();
    let (mine, other) = (Member::owner(app).await, Member::owner(app).await);
    for owner in [&mine, &other] {
        owner.make_api_key(&["leads:read"]).await;
    }
    let as_mine = format!("set local app.tenant_id = '{}'", mine.tenant());
    let insert = |tenant: String| {
        format!(
            "insert into app.audit_log (id, tenant_id, at, action)
             values (gen_random_uuid(), {tenant}, now(), 'api_key.created')"
        )
    };
    let refused = Err("42501".to_owned());
    for (role, statement, wanted) in [
        ("auth", "update app.audit_log set action = 'nothing.happened'".to_owned(), refused.clone()),
        ("auth", "delete from app.audit_log".to_owned(), refused.clone()),
        ("auth", "truncate app.audit_log".to_owned(), refused.clone()),
        ("auth", "alter table app.audit_log disable row level security".to_owned(), refused.clone()),
        ("auth", insert(format!("'{}'", other.tenant())), refused.clone()),
        ("auth", insert(format!("'{}'", mine.tenant())), Ok(0)),
        ("crm", insert(format!("'{}'", other.tenant())), refused.clone()),
        ("crm", insert(format!("'{}'", mine.tenant())), Ok(0)),
        ("crm", "select 1 from app.audit_log".to_owned(), refused.clone()),
        ("crm", "select auth.list_audit_log(null, '{}')".to_owned(), refused.clone()),
        ("payments", "update app.audit_log set at = now()".to_owned(), refused.clone()),
        ("auth", format!("select 1 from app.audit_log where tenant_id = '{}'", other.tenant()), Ok(0)),
        ("auth", format!("select 1 from auth.api_keys where tenant_id = '{}'", other.tenant()), Ok(0)),
        ("crm", "select 1 from auth.api_keys".to_owned(), refused.clone()),
        ("crm", "select auth.introspect('{}')".to_owned(), refused.clone()),
        ("crm", "select auth.sweep('{}')".to_owned(), refused.clone()),
    ] {
        let mut connection = app.database.role(role).await;
        let mut transaction = connection.begin().await.unwrap();
        raw_sql(AssertSqlSafe(as_mine.clone())).execute(&mut *transaction).await.unwrap();
        let found = match raw_sql(AssertSqlSafe(statement.clone())).fetch_all(&mut *transaction).await {
            Ok(rows) => Ok(rows.len()),
            Err(error) => Err(error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned()),
        };
        transaction.rollback().await.unwrap();
        assert_eq!(found, wanted, "{role}: {statement}");
    }
}
