//! API keys: shown once, held to their scopes and their tenant, refused from the moment that they end.

use e2e::{Anonymous, App, Member, personas::uuid_of};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;

#[tokio::test]
async fn a_key_is_shown_once_and_kept_as_its_hash() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let answer =
        owner.post("/api-keys", &json!({ "name": "  nightly import ", "scopes": ["leads:read", "leads:write"] })).await;
    let made = answer.expect(201);
    let key = made["key"].as_str().unwrap();
    assert_eq!((key.len(), &key[..5]), (48, "bizo_"));
    assert_eq!(made["prefix"], key[..12]);
    assert_eq!(made["name"], "nightly import");
    assert_eq!(made["scopes"], json!(["leads:read", "leads:write"]));
    assert_eq!(made["created_by"], owner.account["id"]);
    for member in ["expires_at", "last_used_at", "revoked_at"] {
        assert_eq!(made[member], Value::Null, "{member}");
    }
    assert_eq!(answer.header("cache-control"), "no-store");

    let listed = owner.get("/api-keys").await.expect(200);
    let mut view = made.clone();
    view.as_object_mut().unwrap().remove("key");
    assert_eq!(listed, json!({ "data": [view], "next_cursor": null }));
    let row =
        &app.database.rows(&format!("select k::text from auth.api_keys k where id = '{}'", uuid_of(&made["id"]))).await
            [0];
    assert!(!row.get::<String, _>(0).contains(&key[12..]));
}

#[tokio::test]
async fn what_is_shown_once_is_never_replayed() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let body = json!({ "name": "ci", "scopes": ["leads:read"] });
    let made = owner.post_once("/api-keys", "key-1", &body).await.expect(201);
    let repeat = owner.post_once("/api-keys", "key-1", &body).await;
    let problem = repeat.problem(409, "api_key_already_shown");
    assert!(problem["detail"].as_str().unwrap().contains(made["id"].as_str().unwrap()), "{problem}");
    let other = json!({ "name": "ci", "scopes": ["leads:write"] });
    owner.post_once("/api-keys", "key-1", &other).await.problem(422, "idempotency_key_reused");
    assert_eq!(owner.get("/api-keys").await.expect(200)["data"].as_array().unwrap().len(), 1);

    // Of many at once one is shown the key.
    let answers = join_all((0..8).map(|_| owner.post_once("/api-keys", "key-2", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let secret = &made["key"].as_str().unwrap()[12..];
    let outcomes = app.database.rows("select outcome::text from app.idempotency_keys where outcome is not null").await;
    assert!(outcomes.iter().all(|row| !row.get::<String, _>(0).contains(secret)));
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_named() {
    let owner = Member::owner(App::shared()).await;
    for (body, places) in [
        (json!({ "scopes": ["leads:read"] }), &["/name"][..]),
        (json!({ "name": " ", "scopes": ["leads:read"] }), &["/name"]),
        (json!({ "name": "x".repeat(101), "scopes": ["leads:read"] }), &["/name"]),
        (json!({ "name": "a\nb", "scopes": [] }), &["/name", "/scopes"]),
        (json!({ "name": "x" }), &["/scopes"]),
        (json!({ "name": "x", "scopes": [] }), &["/scopes"]),
        (json!({ "name": "x", "scopes": ["leads:read", "leads:read"] }), &["/scopes"]),
        (json!({ "name": "x", "scopes": ["leads:read", "leads:eat"] }), &["/scopes/1"]),
        (json!({ "name": "x", "scopes": ["api_keys:write"] }), &["/scopes/0"]),
        (json!({ "name": "x", "scopes": ["members:write"] }), &["/scopes/0"]),
        (json!({ "name": "x", "scopes": ["leads:read"], "expires_at": "2020-01-01T00:00:00Z" }), &["/expires_at"]),
        (json!({ "name": "x", "scopes": ["leads:read"], "expires_at": "2999-01-01T00:00:00Z" }), &["/expires_at"]),
        (json!({ "name": "x", "scopes": ["leads:read"], "expires_at": "tomorrow" }), &["/expires_at"]),
        (json!({ "name": "x", "scopes": ["leads:read"], "key": "bizo_mine" }), &["/key"]),
    ] {
        owner.post("/api-keys", &body).await.invalid(places);
    }
    assert_eq!(owner.get("/api-keys").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let lead = owner.create_lead(json!({ "email": "ada@example.com" })).await;
    let reading = owner.make_api_key(&["leads:read"]).await;
    let reader = owner.program(&reading);

    let answer = reader.get("/leads").await;
    assert_eq!(answer.expect(200)["data"][0]["id"], lead["id"]);
    assert!(answer.header("ratelimit-policy").starts_with("\"key\";q="), "{}", answer.header("ratelimit-policy"));
    assert!(!answer.header("ratelimit").is_empty());
    reader.post("/leads", &json!({ "email": "b@example.com" })).await.problem(403, "forbidden");
    reader.get("/audit-log").await.problem(403, "forbidden");
    // What only people may do.
    for (method, path) in [
        (Method::GET, "/api-keys"),
        (Method::POST, "/api-keys"),
        (Method::GET, "/users/me"),
        (Method::GET, "/auth/sessions"),
        (Method::POST, "/auth/jwt/logout"),
    ] {
        let request = reader.request(method, path).json(&json!({ "name": "x", "scopes": ["leads:read"] }));
        let problem = Anonymous::send(request).await.problem(403, "forbidden");
        assert_eq!(problem["detail"], "No API key may do this: log in as a person.", "{path}");
    }

    let writing = owner.make_api_key(&["leads:write", "audit_log:read"]).await;
    let writer = owner.program(&writing);
    writer.create_lead(json!({ "email": "c@example.com" })).await;
    writer.get("/leads").await.problem(403, "forbidden");
    assert_eq!(owner.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 2);
    writer.get("/audit-log").await.expect(200);
    // With an Idempotency-Key, too.
    let body = json!({ "email": "d@example.com" });
    let first = writer.post_once("/leads", "k", &body).await.expect(201);
    assert_eq!(writer.post_once("/leads", "k", &body).await.expect(201), first);

    let used = owner.get("/api-keys").await.expect(200)["data"].clone();
    assert!(used.as_array().unwrap().iter().all(|key| !key["last_used_at"].is_null()), "{used}");
}

#[tokio::test]
async fn who_may_not_manage_keys_makes_lists_and_revokes_none() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let made = owner.make_api_key(&["leads:read"]).await;
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    for role in ["member", "viewer"] {
        let mate = owner.colleague(app, role).await;
        mate.get("/api-keys").await.problem(403, "forbidden");
        mate.post("/api-keys", &json!({ "name": "x", "scopes": ["leads:read"] })).await.problem(403, "forbidden");
        mate.delete(&path).await.problem(403, "forbidden");
    }
    let admin = owner.colleague(app, "admin").await;
    assert_eq!(admin.get("/api-keys").await.expect(200)["data"][0]["id"], made["id"]);
    admin.delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_key_that_ended_is_refused_at_once() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let made = owner.make_api_key(&["leads:read"]).await;
    let program = owner.program(&made);
    program.get("/leads").await.expect(200);
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    for _ in 0..2 {
        let answer = owner.delete(&path).await;
        answer.expect(204);
        assert!(answer.body.is_empty());
        program.get("/leads").await.problem(401, "unauthenticated");
    }
    let listed = owner.get("/api-keys").await.expect(200)["data"][0].clone();
    assert!(!listed["revoked_at"].is_null(), "{listed}");

    let soon = "select to_char(now() at time zone 'UTC' + interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    let soon: String = app.database.rows(soon).await[0].get(0);
    let body = json!({ "name": "x", "scopes": ["leads:read"], "expires_at": soon });
    let made = owner.post("/api-keys", &body).await.expect(201);
    assert_eq!(made["expires_at"], soon);
    let program = owner.program(&made);
    program.get("/leads").await.expect(200);
    let aged = format!("update auth.api_keys set expires_at = now() where id = '{}'", uuid_of(&made["id"]));
    app.database.execute(&aged).await;
    program.get("/leads").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_ends_with_the_membership_of_its_maker() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let admin = owner.colleague(app, "admin").await;
    let program = owner.program(&admin.make_api_key(&["leads:read"]).await);
    program.get("/leads").await.expect(200);
    let ended =
        format!("delete from auth.memberships where tenant_id = '{}' and user_id = '{}'", owner.tenant(), admin.user());
    app.database.execute(&ended).await;
    program.get("/leads").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn no_key_crosses_tenants() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let secret = owner.create_lead(json!({ "email": "secret@example.com" })).await;
    let made = owner.make_api_key(&["leads:read", "leads:write"]).await;
    let strangers = stranger.program(&stranger.make_api_key(&["leads:read", "leads:write"]).await);
    assert_eq!(strangers.get("/leads").await.expect(200)["data"], json!([]));
    let path = format!("/leads/{}", secret["id"].as_str().unwrap());
    strangers.get(&path).await.problem(404, "lead_not_found");
    strangers.delete(&path).await.problem(404, "lead_not_found");
    stranger.delete(&format!("/api-keys/{}", made["id"].as_str().unwrap())).await.problem(404, "api_key_not_found");
    let listed = stranger.get("/api-keys").await.expect(200);
    assert!(listed["data"].as_array().unwrap().iter().all(|key| key["id"] != made["id"]));
    // What a key makes is its own tenant's.
    strangers.create_lead(json!({ "email": "theirs@example.com" })).await;
    assert_eq!(owner.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 1);
    owner.program(&made).get("/leads").await.expect(200);
}

#[tokio::test]
async fn what_is_no_key_is_unauthenticated() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let key = owner.make_api_key(&["leads:read"]).await["key"].as_str().unwrap().to_owned();
    for other in
        ["bizo_", "bizo_x", &key[..47], &format!("{key}A"), &key.to_uppercase(), &format!("bizo_{}", "A".repeat(43))]
    {
        let program = owner.program(&json!({ "key": other }));
        let answer = program.get("/leads").await;
        answer.problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{other}");
    }
    owner.program(&json!({ "key": key })).get("/leads").await.expect(200);
}

#[tokio::test]
async fn a_tenant_has_fifty_living_keys_at_most_also_when_many_are_asked_for_at_once() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    app.database
        .execute(&format!(
            "insert into auth.api_keys (tenant_id, id, name, prefix, hash, scopes, created_by, created_at, expires_at, revoked_at)
             select '{}', gen_random_uuid(), 'planted', 'bizo_planted', sha256(('{0}' || n)::bytea), '{{leads:read}}', '{}', now(),
                    case when n > 48 then now() end, case when n > 50 then now() end
               from generate_series(1, 60) n",
            owner.tenant(),
            owner.user()
        ))
        .await;
    let body = json!({ "name": "x", "scopes": ["leads:read"] });
    let answers = join_all((0..8).map(|_| owner.post("/api-keys", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "too_many_api_keys");
    }
    let made = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    owner.delete(&format!("/api-keys/{}", made["id"].as_str().unwrap())).await.expect(204);
    owner.make_api_key(&["leads:read"]).await;

    // Page by page every key comes once.
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/api-keys?limit=25{cursor}")).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let listed = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((listed, seen.len()), (63, 63));
    owner.get("/api-keys?limit=0").await.problem(400, "invalid_parameter");
    owner.get("/api-keys?cursor=x").await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn making_and_revoking_a_key_stand_in_the_audit_log() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let made = owner.make_api_key(&["leads:read"]).await;
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    owner.delete(&path).await.expect(204);
    owner.delete(&path).await.expect(204);
    let log = owner.get(&format!("/audit-log?target={}", made["id"].as_str().unwrap())).await.expect(200);
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["api_key.revoked", "api_key.created"]);
    let created = &log["data"][1];
    assert_eq!(created["target"], json!({ "type": "api_key", "id": made["id"] }));
    assert_eq!((&created["actor"], &created["api_key"]), (&owner.account["id"], &Value::Null));
    assert_eq!(created["details"]["scopes"], json!(["leads:read"]));
    assert!(!log.to_string().contains(&made["key"].as_str().unwrap()[12..]));
}

#[tokio::test]
async fn a_key_opens_no_more_than_the_person_who_made_it_may() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let admin = owner.colleague(app, "admin").await;
    let made =
        admin.post("/api-keys", &json!({ "name": "ci", "scopes": ["leads:read", "leads:write"] })).await.expect(201);
    let key = Member { token: made["key"].as_str().expect("a key").to_owned(), ..admin.clone() };
    key.create_lead(json!({ "email": "lead@example.com" })).await;

    app.database.plant_membership(owner.tenant(), admin.user(), "viewer").await;
    key.get("/leads").await.expect(200);
    key.post("/leads", &json!({ "email": "lead@example.com" })).await.problem(403, "forbidden");

    owner.delete(&format!("/memberships/{}", admin.account["id"].as_str().expect("an id"))).await.expect(204);
    key.get("/leads").await.problem(401, "unauthenticated");
    // For good, also if its maker comes back.
    app.database.plant_membership(owner.tenant(), admin.user(), "admin").await;
    key.get("/leads").await.problem(401, "unauthenticated");
}
