//! Registering, logging in and out, and who one is.

use e2e::{
    Anonymous, App, Member,
    personas::{PASSWORD, fresh_email},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn registering_makes_a_person_a_tenant_and_its_owner() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let body = json!({ "email": email, "password": PASSWORD, "tenant_name": "Analytical Engines" });
    let account = anonymous.post("/auth/register", &body).await.expect(201);

    assert_eq!(account["email"], email);
    assert_eq!(account["is_active"], true);
    assert_eq!(account["is_superuser"], false);
    assert_eq!(account["is_verified"], false);
    assert!(account["id"].as_str().unwrap().starts_with("usr_"));
    assert!(account["tenant"]["id"].as_str().unwrap().starts_with("ten_"));
    assert_eq!(account["tenant"]["name"], "Analytical Engines");
    assert_eq!(account["tenant"]["role"], "owner");
    assert!(account["tenant"]["slug"].as_str().unwrap().starts_with("analytical-engines"));
    assert!(account.get("password").is_none() && account.get("password_hash").is_none());
}

#[tokio::test]
async fn two_tenants_of_one_name_have_two_slugs() {
    let anonymous = Anonymous::of(App::shared());
    let mut slugs = Vec::new();
    for _ in 0..2 {
        let body = json!({ "email": fresh_email(), "password": PASSWORD, "tenant_name": "Twin Peaks" });
        slugs.push(anonymous.post("/auth/register", &body).await.expect(201)["tenant"]["slug"].clone());
    }
    assert_ne!(slugs[0], slugs[1]);
}

#[tokio::test]
async fn an_address_registers_once_however_it_is_spelt() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    anonymous.register(&email).await.expect(201);
    for spelling in [email.clone(), email.to_uppercase(), format!("  {email} ")] {
        let problem = anonymous.register(&spelling).await.problem(400, "user_already_exists");
        assert_eq!(problem["detail"], "REGISTER_USER_ALREADY_EXISTS");
    }
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_address() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let answers = join_all((0..8).map(|_| anonymous.register(&email))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(400, "user_already_exists");
    }
}

#[tokio::test]
async fn weak_passwords_are_refused_with_their_reason() {
    let anonymous = Anonymous::of(App::shared());
    let email = fresh_email();
    for (password, reason) in [
        ("short", "The password must have at least 8 characters"),
        (&"x".repeat(129), "The password may have 128 characters at most"),
        (email.as_str(), "The password must not be the email address"),
    ] {
        let body = json!({ "email": email, "password": password });
        let problem = anonymous.post("/auth/register", &body).await.problem(400, "invalid_password");
        assert_eq!(problem["detail"], json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": reason }));
    }
    anonymous.register(&email).await.expect(201);
}

#[tokio::test]
async fn what_fastapi_users_ignores_is_ignored_and_the_rest_refused() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let body = json!({ "email": email, "password": PASSWORD,
        "is_superuser": true, "is_active": false, "is_verified": true });
    let account = anonymous.post("/auth/register", &body).await.expect(201);
    assert_eq!((&account["is_superuser"], &account["is_active"]), (&json!(false), &json!(true)));
    assert_eq!(account["is_verified"], false);

    let body = |extra: &str| json!({ "email": fresh_email(), "password": PASSWORD, extra: "x" });
    anonymous.post("/auth/register", &body("tenant_id")).await.invalid(&["/tenant_id"]);
    anonymous.post("/auth/register", &json!({ "email": "nobody", "password": PASSWORD })).await.invalid(&["/email"]);
    // Another mailbox that would have the same key as somebody's.
    let lookalike = json!({ "email": format!("\u{ff41}{email}"), "password": PASSWORD });
    anonymous.post("/auth/register", &lookalike).await.invalid(&["/email"]);
    anonymous.post("/auth/register", &json!({ "email": fresh_email() })).await.invalid(&["/password"]);
    let body = json!({ "email": fresh_email(), "password": PASSWORD, "tenant_name": "  " });
    anonymous.post("/auth/register", &body).await.invalid(&["/tenant_name"]);
}

#[tokio::test]
async fn a_repeated_registration_is_answered_once_done() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let register = |password: &str| {
        let body = json!({ "email": email, "password": password });
        Anonymous::send(anonymous.request(Method::POST, "/auth/register").header("idempotency-key", &email).json(&body))
    };
    let answers = join_all((0..8).map(|_| register(PASSWORD))).await;
    let first = answers.iter().find(|answer| answer.header("idempotent-replayed").is_empty() && answer.status == 201);
    let account = first.expect("one that did it").expect(201);
    for answer in &answers {
        assert_eq!(answer.expect(201), account);
    }
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count(), 7);
    assert_eq!(register(PASSWORD).await.header("idempotent-replayed"), "true");
    register("another password entirely").await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn log_in_gives_a_token_that_says_who_one_is() {
    let owner = Member::owner(App::shared()).await;
    let me = owner.get("/users/me").await.expect(200);
    assert_eq!(me, owner.account);

    let again = owner.anonymous.log_in(&owner.email.to_uppercase(), PASSWORD).await.expect(200);
    assert_eq!((&again["token_type"], &again["expires_in"]), (&json!("bearer"), &json!(600)));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_addresses_are_answered_alike() {
    let owner = Member::owner(App::shared()).await;
    let mut answers = Vec::new();
    for (email, password) in
        [(owner.email.as_str(), "wrong"), (&fresh_email(), PASSWORD), ("nobody", ""), ("\u{1}", "x")]
    {
        let mut problem = owner.anonymous.log_in(email, password).await.problem(400, "bad_credentials");
        assert_eq!(problem["detail"], "LOGIN_BAD_CREDENTIALS");
        problem["request_id"] = json!("");
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn log_in_takes_the_form_of_fastapi_users_and_nothing_else() {
    let owner = Member::owner(App::shared()).await;
    let anonymous = &owner.anonymous;
    let full = [
        ("grant_type", "password"),
        ("username", owner.email.as_str()),
        ("password", PASSWORD),
        ("scope", ""),
        ("client_id", "x"),
        ("client_secret", "y"),
    ];
    anonymous.log_in_form(&full).await.expect(200);
    anonymous.log_in_form(&[("username", owner.email.as_str())]).await.invalid(&["/password"]);
    anonymous.log_in_form(&[("password", PASSWORD)]).await.invalid(&["/username"]);
    anonymous.log_in_form(&[("username", "a"), ("password", "b"), ("remember", "1")]).await.invalid(&["/remember"]);
    anonymous.log_in_form(&[("username", "a"), ("username", "b"), ("password", "c")]).await.invalid(&["/username"]);
    let json = anonymous.post("/auth/jwt/login", &json!({ "username": owner.email, "password": PASSWORD })).await;
    json.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn the_scope_chooses_the_tenant_and_the_last_one_is_remembered() {
    let app = App::shared();
    let (owner, person) = (Member::owner(app).await, Member::owner(app).await);
    app.database.plant_membership(owner.tenant(), person.user(), "viewer").await;
    let scope = format!("tenant:{}", owner.account["tenant"]["slug"].as_str().unwrap());

    let scoped = person.anonymous.become_member(&person.email, person.account.clone(), &scope).await;
    let tenant = scoped.get("/users/me").await.expect(200)["tenant"].clone();
    assert_eq!((&tenant["id"], &tenant["role"]), (&owner.account["tenant"]["id"], &json!("viewer")));
    let next = person.anonymous.become_member(&person.email, person.account.clone(), "").await;
    assert_eq!(next.get("/users/me").await.expect(200)["tenant"]["id"], owner.account["tenant"]["id"]);

    for scope in ["tenant:nobody-has-this", "tenant:", "admin"] {
        let form = [("username", owner.email.as_str()), ("password", PASSWORD), ("scope", scope)];
        owner.anonymous.log_in_form(&form).await.problem(400, "unknown_tenant_scope");
    }
}

#[tokio::test]
async fn a_closed_account_gets_in_nowhere() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    app.database.execute(&format!("update auth.users set deactivated_at = now() where id = '{}'", owner.user())).await;
    owner.anonymous.log_in(&owner.email, PASSWORD).await.problem(400, "bad_credentials");
    owner.get("/users/me").await.problem(401, "unauthenticated");
    owner.get("/leads").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn logging_out_ends_the_session_everywhere_at_once_and_no_other() {
    let owner = Member::owner(App::shared()).await;
    let elsewhere = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    owner.get("/leads").await.expect(200);

    owner.log_out().await.expect(204);
    owner.get("/users/me").await.problem(401, "unauthenticated");
    owner.get("/leads").await.problem(401, "unauthenticated");
    owner.log_out().await.problem(401, "unauthenticated");
    elsewhere.get("/leads").await.expect(200);
}

#[tokio::test]
async fn removal_and_demotion_act_at_once() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let colleague = owner.colleague(app, "member").await;
    colleague.create_lead(json!({ "email": "lead@example.com" })).await;

    app.database.plant_membership(owner.tenant(), colleague.user(), "viewer").await;
    colleague.get("/leads").await.expect(200);
    colleague.post("/leads", &json!({ "email": "lead@example.com" })).await.problem(403, "forbidden");

    let (tenant, user) = (owner.tenant(), colleague.user());
    app.database
        .execute(&format!("delete from auth.memberships where tenant_id = '{tenant}' and user_id = '{user}'"))
        .await;
    colleague.get("/leads").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_tenant_that_is_gone_is_404_for_those_inside() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    app.database.execute(&format!("update auth.tenants set deleted_at = now() where id = '{}'", owner.tenant())).await;
    owner.get("/leads").await.problem(404, "tenant_not_found");
}

#[tokio::test]
async fn only_our_tokens_are_tokens() {
    let owner = Member::owner(App::shared()).await;
    let mut parts: Vec<&str> = owner.token.split('.').collect();
    let cut = &owner.token[..owner.token.len() - 2];
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    parts[0] = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ";
    for token in ["", "x", "a.b.c", cut, &unsigned, &parts.join("."), &"a".repeat(9000)] {
        for path in ["/users/me", "/leads", "/analytics/leads"] {
            let answer = Anonymous::send(owner.anonymous.request(Method::GET, path).bearer_auth(token)).await;
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    owner.anonymous.get("/users/me").await.problem(401, "unauthenticated");
    let twice = owner.request(Method::GET, "/users/me").bearer_auth(&owner.token);
    Anonymous::send(twice).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_public_keys_are_public_and_nothing_else_is() {
    let answer = Anonymous::of(App::shared()).get("/.well-known/jwks.json").await;
    let keys = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/jwk-set+json");
    let key = keys["keys"][0].as_object().unwrap();
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert!(!key.contains_key("d"));
}

#[tokio::test]
async fn no_secret_reaches_the_log_or_the_database_in_the_clear() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    owner.anonymous.log_in(&owner.email, "a wrong password, but whose?").await.problem(400, "bad_credentials");
    owner.create_lead(json!({ "email": "quiet.lead@example.com", "notes": "a note that nobody logs" })).await;
    owner.get("/leads?q=quiet.lead").await.expect(200);

    let last = owner.get("/leads?q=quiet.lead").await.header("x-request-id").to_owned();
    let mut log = app.host.log();
    while !log.contains(&last) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        log = app.host.log();
    }
    assert!(log.contains("\"route\":\"/auth/jwt/login\""), "the log has lines: {log}");
    for secret in [PASSWORD, "a wrong password", &owner.email, &owner.token, "quiet.lead", "a note that"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let hashes = app.database.rows(&format!("select 1 from auth.users where password_hash like '%{PASSWORD}%'")).await;
    assert!(hashes.is_empty());
}
