//! Introspection and the sweep: what services may ask for, and nobody else.

use e2e::{Anonymous, Answer, App, Member, personas::uuid_of};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;

fn service_token(app: &App) -> &str {
    &app.variables["SPIN_VARIABLE_SERVICE_TOKEN"]
}

async fn introspect(app: &App, token: &str) -> Value {
    ask(app, service_token(app), &[("token", token)]).await.expect(200)
}

async fn ask(app: &App, service: &str, form: &[(&str, &str)]) -> Answer {
    let request = Anonymous::of(app).request(Method::POST, "/auth/introspect");
    Anonymous::send(request.bearer_auth(service).form(form)).await
}

async fn sweep(app: &App) -> Value {
    let request = Anonymous::of(app).request(Method::POST, "/internal/auth/sweep");
    Anonymous::send(request.bearer_auth(service_token(app))).await.expect(200)
}

#[tokio::test]
async fn a_token_tells_what_it_opens_now() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let mate = owner.colleague(app, "member").await;
    let told = introspect(app, &mate.token).await;
    assert_eq!(
        (&told["active"], &told["token_type"], &told["role"]),
        (&json!(true), &json!("Bearer"), &json!("member"))
    );
    assert_eq!((&told["sub"], &told["tid"]), (&mate.account["id"], &owner.account["tenant"]["id"]));
    assert_eq!((&told["iss"], &told["aud"]), (&json!("bizosaas"), &json!("bizosaas")));
    assert!(told["sid"].as_str().unwrap().starts_with("ses_") && told["jti"].as_str().unwrap().starts_with("tok_"));
    assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 600);
    assert_eq!(told["nbf"], told["iat"]);
    let scope = told["scope"].as_str().unwrap();
    assert_eq!(scope, "tenant:read members:read leads:read leads:write payments:read payments:write payments:refund");
    // A hint changes nothing, and a role that changes is told at once.
    let hinted = ask(app, service_token(app), &[("token", &mate.token), ("token_type_hint", "refresh_token")]).await;
    assert_eq!(hinted.expect(200), told);
    assert_eq!(hinted.header("cache-control"), "no-store");
    app.database.plant_membership(owner.tenant(), mate.user(), "viewer").await;
    let told = introspect(app, &mate.token).await;
    assert_eq!(
        (&told["role"], &told["scope"]),
        (&json!("viewer"), &json!("tenant:read members:read leads:read payments:read"))
    );
}

#[tokio::test]
async fn a_key_tells_its_tenant_and_its_scopes() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let made = owner.make_api_key(&["leads:read", "leads:write"]).await;
    let key = made["key"].as_str().unwrap();
    assert_eq!(
        introspect(app, key).await,
        json!({
            "active": true, "tid": owner.account["tenant"]["id"], "key_id": made["id"],
            "scope": "leads:read leads:write",
        })
    );
    assert!(!owner.get("/api-keys").await.expect(200)["data"][0]["last_used_at"].is_null(), "asking for it is a use");
    let id = uuid_of(&made["id"]);
    app.database
        .execute(&format!("update auth.api_keys set expires_at = now() + interval '1 hour' where id = '{id}'"))
        .await;
    assert!(introspect(app, key).await["exp"].is_i64());
    owner.delete(&format!("/api-keys/{}", made["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(introspect(app, key).await, json!({ "active": false }));
}

#[tokio::test]
async fn of_what_opens_nothing_nothing_is_told() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let inactive = json!({ "active": false });
    let cut = &owner.token[..owner.token.len() - 1];
    for token in ["", "x", "a.b.c", "bizo_", "bizo_x", cut, owner.refresh_token.as_str(), service_token(app)] {
        assert_eq!(introspect(app, token).await, inactive, "{token}");
    }

    let ended = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    ended.log_out().await.expect(204);
    assert_eq!(introspect(app, &ended.token).await, inactive);

    let mate = owner.colleague(app, "member").await;
    let gone =
        format!("delete from auth.memberships where user_id = '{}' and tenant_id = '{}'", mate.user(), owner.tenant());
    app.database.execute(&gone).await;
    assert_eq!(introspect(app, &mate.token).await, inactive);

    let lapsed = Member::owner(app).await;
    app.database
        .execute(&format!("update auth.sessions set expires_at = now() where user_id = '{}'", lapsed.user()))
        .await;
    assert_eq!(introspect(app, &lapsed.token).await, inactive);
    assert_eq!(introspect(app, &owner.token).await["active"], true);
}

#[tokio::test]
async fn only_services_may_ask() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let form = [("token", owner.token.as_str())];
    let token = service_token(app);
    for wrong in ["", "x", &owner.token, &token[1..], &token.to_uppercase(), &format!("{token}A")] {
        let answer = ask(app, wrong, &form).await;
        answer.problem(401, "unauthenticated");
        assert!(answer.header("ratelimit-policy").starts_with("\"address\""), "counted as a visitor");
    }
    let unsigned = owner.anonymous.request(Method::POST, "/auth/introspect").form(&form);
    Anonymous::send(unsigned).await.problem(401, "unauthenticated");

    ask(app, token, &[]).await.invalid(&["/token"]);
    ask(app, token, &[("token", "x"), ("tokne", "x")]).await.invalid(&["/tokne"]);
    let json =
        owner.anonymous.request(Method::POST, "/auth/introspect").bearer_auth(token).json(&json!({ "token": "x" }));
    Anonymous::send(json).await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn without_the_service_token_there_is_nothing_under_internal() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let path = "/internal/auth/sweep";
    let unknown = owner.post("/internal/auth/nothing", &json!({})).await;
    let unknown = (unknown.problem(404, "route_not_found"), unknown);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        for token in ["", "x", &owner.token] {
            let answer = Anonymous::send(owner.anonymous.request(method.clone(), path).bearer_auth(token)).await;
            let problem = answer.problem(404, "route_not_found");
            assert_eq!((&problem["title"], &problem["detail"]), (&unknown.0["title"], &unknown.0["detail"]));
            for header in ["allow", "www-authenticate", "ratelimit"] {
                assert_eq!(answer.header(header), unknown.1.header(header), "{method} {header}");
            }
        }
    }
}

#[tokio::test]
async fn a_sweep_removes_what_is_long_over_and_nothing_else() {
    let app = App::shared();
    // Each person's session, aged: how long ago it expired, whether it was revoked and how long ago, and whether it goes.
    let mut people = Vec::new();
    for (expired, revoked, goes) in [
        ("-1 hour", None, false),
        ("29 days", None, false),
        ("31 days", None, true),
        ("20 days", Some("31 days"), true),
        ("20 days", Some("29 days"), false),
    ] {
        let person = Member::owner(app).await;
        let revoked = revoked.map_or("null".to_owned(), |ago| format!("now() - interval '{ago}'"));
        let aged = format!(
            "update auth.sessions set expires_at = now() - interval '{expired}', revoked_at = {revoked} where user_id = '{}'",
            person.user()
        );
        app.database.execute(&aged).await;
        people.push((person, goes));
    }
    let user = people[0].0.user();
    for (name, age) in [("late", "-1 minute"), ("over", "1 minute")] {
        app.database
            .execute(&format!(
                "insert into auth.mfa_challenges (hash, user_id, password_hash, created_at, expires_at)
                 values (sha256('{name} {user}'), '{user}', '$', now(), now() - interval '{age}')"
            ))
            .await;
    }
    for (name, age) in [("late", "6 days"), ("over", "8 days")] {
        app.database
            .execute(&format!(
                "insert into auth.mail_tokens (hash, purpose, user_id, email_key, created_at, expires_at)
                 values (sha256('{name} {user}'), 'verification', '{user}', 'x', now(), now() - interval '{age}')"
            ))
            .await;
    }

    // More than one statement takes.
    let many = format!(
        "insert into auth.mfa_challenges (hash, user_id, password_hash, created_at, expires_at)
         select sha256(('batch {user} ' || n)::bytea), '{user}', '$', now(), now() - interval '1 day'
           from generate_series(1, 1500) n"
    );
    app.database.execute(&many).await;
    let swept = sweep(app).await;
    assert_eq!((&swept["mfa_challenges"], &swept["has_more"]), (&json!(1000), &json!(true)), "{swept}");
    assert!(swept["sessions"].as_u64().unwrap() >= 2, "{swept}");
    assert!(swept["mail_tokens"].as_u64().unwrap() >= 1, "{swept}");
    let swept = sweep(app).await;
    assert!(swept["mfa_challenges"].as_u64().unwrap() >= 501 && swept["has_more"] == false, "{swept}");
    for (person, goes) in &people {
        for table in ["sessions", "refresh_tokens"] {
            let rows =
                app.database.rows(&format!("select 1 from auth.{table} where user_id = '{}'", person.user())).await;
            assert_eq!(rows.is_empty(), *goes, "{table} of {}", person.user());
        }
    }
    for table in ["mfa_challenges", "mail_tokens"] {
        let sql = format!(
            "select hash = sha256('late {user}') from auth.{table} where hash in (sha256('late {user}'), sha256('over {user}'))"
        );
        let left = app.database.rows(&sql).await;
        assert!(left.len() == 1 && left[0].get::<bool, _>(0), "{table}");
    }
    people[0].0.get("/users/me").await.expect(200);
}
