//! Tenants: made and listed by people, read by those inside, changed by owners.

use e2e::{Anonymous, App, Member, personas::fresh_email};
use reqwest::Method;
use serde_json::{Value, json};

fn path(tenant: &Value) -> String {
    format!("/tenants/{}", tenant["id"].as_str().expect("an id"))
}

async fn patch_if(owner: &Member, tenant: &Value, etag: &str, body: Value) -> e2e::Answer {
    let request = owner.request(Method::PATCH, &path(tenant)).header("if-match", etag);
    Anonymous::send(request.json(&body)).await
}

#[tokio::test]
async fn a_person_makes_tenants_and_goes_from_one_to_the_other() {
    let owner = Member::owner(App::shared()).await;
    let first = owner.account["tenant"].clone();
    let answer = owner.post("/tenants", &json!({ "name": "  Café Zürich " })).await;
    let second = answer.expect(201);
    assert_eq!((&second["name"], &second["role"]), (&json!("Café Zürich"), &json!("owner")));
    assert!(second["slug"].as_str().unwrap().starts_with("cafe-zurich"), "{second}");
    assert_eq!(answer.header("location"), path(&second));
    assert_eq!(owner.get("/tenants").await.expect(200), json!({ "data": [first, second], "next_cursor": null }));

    // The session stays where it was until it is moved.
    owner.get(&path(&second)).await.problem(404, "tenant_not_found");
    let moved = owner.switched_to(&second).await;
    assert_eq!(moved.get(&path(&second)).await.expect(200)["name"], "Café Zürich");
    moved.get(&path(&first)).await.problem(404, "tenant_not_found");
    moved.create_lead(json!({ "email": "lead@example.com" })).await;
    assert_eq!(moved.switched_to(&first).await.get("/leads").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn tenants_are_listed_page_by_page_and_nobody_elses() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    app.database.plant_membership(owner.tenant(), stranger.user(), "viewer").await;
    for name in ["Two", "Three"] {
        owner.post("/tenants", &json!({ "name": name })).await.expect(201);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/tenants?limit=1{cursor}")).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let names: Vec<_> = seen[1..].iter().map(|tenant| tenant["name"].clone()).collect();
    assert_eq!((seen.len(), names), (3, vec![json!("Two"), json!("Three")]));

    let theirs = stranger.get("/tenants").await.expect(200)["data"].clone();
    let roles: Vec<_> = theirs.as_array().unwrap().iter().map(|tenant| &tenant["role"]).collect();
    assert_eq!(roles, ["owner", "viewer"], "{theirs}");
    owner.get("/tenants?limit=0").await.problem(400, "invalid_parameter");
    owner.get("/tenants?cursor=x").await.problem(400, "invalid_parameter");
    owner.get("/tenants?name=Two").await.problem(400, "unknown_parameter");
}

#[tokio::test]
async fn a_repeat_makes_no_second_tenant() {
    let owner = Member::owner(App::shared()).await;
    let body = json!({ "name": "Once" });
    let made = owner.post_once("/tenants", "key", &body).await.expect(201);
    let repeat = owner.post_once("/tenants", "key", &body).await;
    assert_eq!((repeat.expect(201), repeat.header("idempotent-replayed")), (made, "true"));
    owner.post_once("/tenants", "key", &json!({ "name": "Twice" })).await.problem(422, "idempotency_key_reused");
    assert_eq!(owner.get("/tenants").await.expect(200)["data"].as_array().unwrap().len(), 2);
    owner.post("/tenants", &json!({ "name": " " })).await.invalid(&["/name"]);
    owner.post("/tenants", &json!({ "name": "x".repeat(101) })).await.invalid(&["/name"]);
    owner.post("/tenants", &json!({ "name": "x", "slug": "mine" })).await.invalid(&["/slug"]);
}

#[tokio::test]
async fn who_belongs_to_no_tenant_makes_one_once_too() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let email = fresh_email();
    let account = owner.anonymous.register(&email).await.expect(201);
    let ended = format!("delete from auth.memberships where user_id = '{}'", e2e::personas::uuid_of(&account["id"]));
    app.database.execute(&ended).await;
    let loner = owner.anonymous.become_member(&email, account, "").await;
    assert_eq!(loner.get("/users/me").await.expect(200)["tenant"], Value::Null);
    assert_eq!(loner.get("/tenants").await.expect(200)["data"], json!([]));

    let body = json!({ "name": "A new start" });
    let made = loner.post_once("/tenants", "key", &body).await.expect(201);
    let repeat = loner.post_once("/tenants", "key", &body).await;
    assert_eq!((repeat.expect(201), repeat.header("idempotent-replayed")), (made.clone(), "true"));
    loner.get("/leads").await.problem(403, "forbidden");
    loner.switched_to(&made).await.get("/leads").await.expect(200);
    // The same key of somebody else is another one.
    let other = Member::owner(app).await.post_once("/tenants", "key", &body).await;
    assert_ne!(other.expect(201)["id"], made["id"]);
}

#[tokio::test]
async fn owners_change_the_tenant_and_everybody_inside_reads_it() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let tenant = owner.account["tenant"].clone();
    let answer = owner.get(&path(&tenant)).await;
    let read = answer.expect(200);
    assert_eq!(
        (&read["id"], &read["name"], &read["slug"], &read["mfa_required"], &read["password_min_length"]),
        (&tenant["id"], &tenant["name"], &tenant["slug"], &json!(false), &Value::Null)
    );
    let etag = answer.header("etag").to_owned();

    let body = json!({ "name": " Difference Engines ", "password_min_length": 12 });
    let changed = patch_if(&owner, &tenant, &etag, body.clone()).await;
    let view = changed.expect(200);
    assert_eq!((&view["name"], &view["password_min_length"]), (&json!("Difference Engines"), &json!(12)));
    assert_eq!(view["slug"], tenant["slug"], "the slug stays");
    assert_ne!(changed.header("etag"), etag);
    patch_if(&owner, &tenant, &etag, body.clone()).await.problem(412, "version_mismatch");
    // What changes nothing leaves the version alone.
    let again = owner.patch(&path(&tenant), &body).await;
    assert_eq!((again.expect(200), again.header("etag")), (view, changed.header("etag")));
    let cleared = owner.patch(&path(&tenant), &json!({ "password_min_length": null })).await.expect(200);
    assert_eq!((&cleared["password_min_length"], &cleared["name"]), (&Value::Null, &json!("Difference Engines")));

    for (body, places) in [
        (json!({ "name": "" }), &["/name"][..]),
        (json!({ "name": null }), &["/name"]),
        (json!({ "mfa_required": null }), &["/mfa_required"]),
        (json!({ "password_min_length": 7 }), &["/password_min_length"]),
        (json!({ "password_min_length": 129 }), &["/password_min_length"]),
        (json!({ "password_min_length": 8.5 }), &["/password_min_length"]),
        (json!({ "slug": "mine" }), &["/slug"]),
    ] {
        owner.patch(&path(&tenant), &body).await.invalid(places);
    }

    for role in ["admin", "member", "viewer"] {
        let mate = owner.colleague(app, role).await;
        assert_eq!(mate.get(&path(&tenant)).await.expect(200), cleared);
        mate.patch(&path(&tenant), &json!({ "name": "Mine" })).await.problem(403, "forbidden");
    }
    let program = owner.program(&owner.make_api_key(&["tenant:read"]).await);
    assert_eq!(program.get(&path(&tenant)).await.expect(200), cleared);
    program.patch(&path(&tenant), &json!({ "name": "Mine" })).await.problem(403, "forbidden");
    program.get("/tenants").await.problem(403, "forbidden");
    let stranger = Member::owner(app).await;
    stranger.get(&path(&tenant)).await.problem(404, "tenant_not_found");
    stranger.patch(&path(&tenant), &json!({ "name": "Mine" })).await.problem(404, "tenant_not_found");

    let log = owner.get("/audit-log?action=tenant.changed").await.expect(200);
    let details: Vec<_> = log["data"].as_array().unwrap().iter().map(|entry| entry["details"].clone()).collect();
    assert_eq!(
        details,
        [
            json!({ "password_min_length": { "from": 12, "to": null } }),
            json!({ "name": { "from": tenant["name"], "to": "Difference Engines" },
                    "password_min_length": { "from": null, "to": 12 } }),
        ]
    );
}

#[tokio::test]
async fn second_factors_are_asked_for_by_an_owner_who_gave_one() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let mate = owner.colleague(app, "member").await;
    let (tenant, user) = (owner.account["tenant"].clone(), owner.user());
    let wanted = json!({ "mfa_required": true });
    owner.patch(&path(&tenant), &wanted).await.problem(409, "mfa_not_enrolled");

    let enrolled = format!(
        "insert into auth.totp_factors (user_id, sealed_seed, created_at, confirmed_at) values ('{user}', 'x', now(), now())"
    );
    app.database.execute(&enrolled).await;
    owner.patch(&path(&tenant), &wanted).await.problem(403, "mfa_required");
    app.database.execute(&format!("update auth.sessions set mfa_at = now() where user_id = '{user}'")).await;
    mate.get("/leads").await.expect(200);
    assert_eq!(owner.patch(&path(&tenant), &wanted).await.expect(200)["mfa_required"], true);
    owner.get("/leads").await.expect(200);
    mate.get("/leads").await.problem(403, "mfa_required");
    owner.patch(&path(&tenant), &json!({ "mfa_required": false })).await.expect(200);
    mate.get("/leads").await.expect(200);
}
