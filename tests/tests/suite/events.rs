//! Messages: what the mailer gets, what operators see of it, and what other roles can do to the outbox.

use e2e::{Anonymous, App, Member, personas::fresh_email};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};
use uuid::Uuid;

const DISPATCH: &str = "/internal/events/dispatch";

#[tokio::test]
async fn a_message_is_signed_and_says_to_whom_what_and_until_when() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    owner.anonymous.post("/auth/forgot-password", &json!({ "email": owner.email })).await.expect(202);
    let message = app.mail("mail.password_reset", &owner.email).await;

    assert_eq!(app.mailbox.forged(), 0);
    assert_eq!(message.head[0], "POST /notify HTTP/1.1");
    assert!(message.head.iter().any(|line| line.eq_ignore_ascii_case("content-type: application/json")));
    assert!(message.id.starts_with("evt_"), "{}", message.id);
    assert_eq!(message.body["id"], json!(message.id));
    let data = message.body["data"].as_object().expect("data");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["expires_at", "to", "token"]);
    assert_eq!(message.token().len(), 43);
    assert!(message.body["timestamp"].as_str().unwrap() < message.body["data"]["expires_at"].as_str().unwrap());
    assert!(!app.host.log().contains(message.token()) && !app.host.log().contains(&owner.email));

    let reset = json!({ "token": message.token(), "password": "another horse, another staple" });
    owner.anonymous.post("/auth/reset-password", &reset).await.expect(200);
    owner.anonymous.post("/auth/reset-password", &reset).await.problem(400, "reset_bad_token");
}

#[tokio::test]
async fn a_token_is_for_one_purpose() {
    let app = App::shared();
    let email = fresh_email();
    let anonymous = Anonymous::of(app);
    anonymous.register(&email).await.expect(201);
    let message = app.mail("mail.verification", &email).await;
    let reset = json!({ "token": message.token(), "password": "another horse, another staple" });
    anonymous.post("/auth/reset-password", &reset).await.problem(400, "reset_bad_token");
    let verified = anonymous.post("/auth/verify", &json!({ "token": message.token() })).await.expect(200);
    assert_eq!(verified["is_verified"], true);
}

#[tokio::test]
async fn an_address_that_nobody_has_gets_no_message() {
    let app = App::shared();
    let nobody = fresh_email();
    Anonymous::of(app).post("/auth/forgot-password", &json!({ "email": nobody })).await.expect(202);
    let event = format!("select state from app.outbox where payload ->> 'email_key' = '{nobody}'");
    while state(app, &event).await == "pending" {
        app.dispatch().await;
    }
    assert_eq!(state(app, &event).await, "skipped");
    assert!(!app.mailbox.messages().iter().any(|message| message.to() == nobody));
}

async fn state(app: &App, query: &str) -> String {
    use sqlx::Row;
    app.database.rows(query).await[0].get("state")
}

#[tokio::test]
async fn an_event_that_is_no_message_has_no_receiver_yet() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let event = Uuid::now_v7();
    let mut crm = app.database.role("crm").await;
    let mut transaction = crm.begin().await.unwrap();
    for statement in [
        format!("set local app.tenant_id = '{}'", owner.tenant()),
        format!("select app.emit('{event}', '{}', 'lead.created', '{{}}', now())", owner.tenant()),
    ] {
        raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let event = format!("select state from app.outbox where id = '{event}'");
    while state(app, &event).await == "pending" {
        app.dispatch().await;
    }
    assert_eq!(state(app, &event).await, "skipped");
}

#[tokio::test]
async fn without_the_service_token_there_is_nothing_here() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let plain = |mut problem: Value| {
        problem.as_object_mut().unwrap().remove("request_id");
        problem
    };
    let nothing = plain(owner.anonymous.get("/internal/nothing").await.problem(404, "route_not_found"));
    let token = app.variables["SPIN_VARIABLE_SERVICE_TOKEN"].clone();
    let replay = format!("/internal/events/{}/replay", "evt_01h455vb4pex5vsknk084sn02q");
    for (method, path) in [
        (Method::POST, DISPATCH),
        (Method::GET, DISPATCH),
        (Method::GET, "/internal/events"),
        (Method::GET, "/internal/events?unknown=1"),
        (Method::DELETE, "/internal/events"),
        (Method::POST, &replay),
        (Method::POST, "/internal/events/not-an-id/replay"),
        (Method::GET, "/internal/events/nothing"),
    ] {
        let wrong = format!("{}x", &token[1..]);
        let members = owner.token.clone();
        for shown in [None, Some(wrong), Some(token.to_uppercase()), Some(members), Some(String::new())] {
            let mut request = owner.anonymous.request(method.clone(), path);
            if let Some(shown) = &shown {
                request = request.bearer_auth(shown);
            }
            let answer = Anonymous::send(request).await;
            assert_eq!(plain(answer.problem(404, "route_not_found")), nothing, "{method} {path}");
            assert_eq!(answer.header("allow"), "", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn operators_see_what_became_of_events_and_not_what_they_hold() {
    let app = App::shared();
    let email = fresh_email();
    Anonymous::of(app).register(&email).await.expect(201);
    let message = app.mail("mail.verification", &email).await;

    // Others are busy as well: the event is on one of the pages, and each page goes on where the last one ended.
    let (mut cursor, mut ids, mut found) = (String::new(), Vec::new(), Value::Null);
    while found.is_null() {
        let page = app.as_scheduler(Method::GET, &format!("/internal/events?limit=5{cursor}")).await;
        assert!(!page.json().to_string().contains(&email) && !page.json().to_string().contains(message.token()));
        let page = page.expect(200);
        for event in page["data"].as_array().unwrap() {
            ids.push(event["id"].as_str().unwrap().to_owned());
            if event["id"] == json!(message.id) {
                found = event.clone();
            }
        }
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    }
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "the newest first, each once: {ids:?}");
    assert_eq!((&found["type"], &found["state"]), (&json!("mail.verification"), &json!("delivered")));
    assert_eq!(
        (&found["attempts"], &found["last_error"], &found["next_attempt_at"]),
        (&json!(1), &json!(null), &json!(null))
    );
    assert!(found["settled_at"].as_str().unwrap() >= found["created_at"].as_str().unwrap());
    let members: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted =
        ["attempts", "created_at", "id", "last_error", "next_attempt_at", "settled_at", "state", "tenant_id", "type"];
    assert_eq!(members, wanted);

    let delivered = app.as_scheduler(Method::GET, "/internal/events?state=delivered&limit=100").await.expect(200);
    assert!(delivered["data"].as_array().unwrap().iter().all(|event| event["state"] == "delivered"));
    let replay = format!("/internal/events/{}/replay", message.id);
    app.as_scheduler(Method::POST, &replay).await.problem(409, "event_not_dead");
    let unknown = "/internal/events/evt_01h455vb4pex5vsknk084sn02q/replay";
    app.as_scheduler(Method::POST, unknown).await.problem(404, "event_not_found");
    app.as_scheduler(Method::POST, "/internal/events/led_1/replay").await.problem(400, "malformed_id");
    app.as_scheduler(Method::GET, "/internal/events?state=lost").await.problem(400, "invalid_parameter");
    app.as_scheduler(Method::GET, "/internal/events?cursor=x").await.problem(400, "invalid_parameter");
    app.as_scheduler(Method::GET, "/internal/events?type=x").await.problem(400, "unknown_parameter");
}

#[tokio::test]
async fn a_component_that_was_taken_over_adds_for_its_tenant_and_sees_nothing() {
    let app = App::shared();
    let (mine, other) = (Member::owner(app).await, Member::owner(app).await);
    let as_mine = format!("set local app.tenant_id = '{}'", mine.tenant());
    let emit = |tenant: &str| format!("select app.emit(gen_random_uuid(), {tenant}, 'lead.created', '{{}}', now())");
    let (my_tenant, other_tenant) = (format!("'{}'", mine.tenant()), format!("'{}'", other.tenant()));
    let refused = Err("42501".to_owned());
    for (role, statement, wanted) in [
        ("crm", emit(&my_tenant), Ok(1)),
        ("crm", emit(&other_tenant), refused.clone()),
        ("crm", emit("null"), refused.clone()),
        ("payments", emit(&my_tenant), Ok(1)),
        ("payments", emit(&other_tenant), refused.clone()),
        ("payments", emit("null"), refused.clone()),
        ("auth", emit(&my_tenant), Ok(1)),
        ("auth", emit(&other_tenant), refused.clone()),
        ("auth", emit("null"), Ok(1)),
        ("events", emit(&my_tenant), refused.clone()),
        ("crm", "select 1 from app.outbox".to_owned(), refused.clone()),
        ("crm", "update app.outbox set state = 'delivered'".to_owned(), refused.clone()),
        ("crm", "delete from app.outbox".to_owned(), refused.clone()),
        ("crm", "truncate app.outbox".to_owned(), refused.clone()),
        ("crm", "select app.claim_events('{}')".to_owned(), refused.clone()),
        ("crm", "select app.settle_event('{}')".to_owned(), refused.clone()),
        ("crm", "select app.list_events('{}')".to_owned(), refused.clone()),
        ("crm", "select app.replay_event('{}')".to_owned(), refused.clone()),
        ("crm", "select auth.issue_mail_token('{}')".to_owned(), refused.clone()),
        ("auth", "select payload from app.outbox".to_owned(), refused.clone()),
        ("auth", "update app.outbox set payload = '{}'".to_owned(), refused.clone()),
        ("auth", "select app.claim_events('{}')".to_owned(), refused.clone()),
        ("auth", "select auth.issue_mail_token('{}')".to_owned(), refused.clone()),
        ("events", "select 1 from app.outbox".to_owned(), refused.clone()),
        ("events", "insert into app.outbox (id, type, payload) values (null, 'a.b', '{}')".to_owned(), refused.clone()),
        ("events", "update app.outbox set state = 'pending'".to_owned(), refused.clone()),
        ("events", "delete from app.outbox".to_owned(), refused.clone()),
        ("events", "select 1 from auth.mail_tokens".to_owned(), refused.clone()),
        ("events", "select 1 from app.audit_log".to_owned(), refused.clone()),
        ("events", "select auth.find_log_in('{}')".to_owned(), refused.clone()),
        ("events", "select auth.request_mail('{}')".to_owned(), refused.clone()),
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
