//! Registering, logging in, and reading one's own account.

use e2e::{
    Anonymous, App, Member,
    personas::{PASSWORD, fresh_email},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;

#[tokio::test]
async fn who_registers_can_log_in_and_is_who_they_are() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let body = json!({ "email": email, "password": PASSWORD, "tenant_name": "Café Zürich  & Söhne" });
    let account = anonymous.post("/auth/register", &body).await.expect(201);
    assert!(account["id"].as_str().unwrap().starts_with("usr_"), "{account}");
    assert!(account["tenant"]["id"].as_str().unwrap().starts_with("ten_"), "{account}");
    let slug = account["tenant"]["slug"].as_str().unwrap().to_owned();
    assert!(slug == "cafe-zurich-sohne" || slug.starts_with("cafe-zurich-sohne-"), "{slug}");
    let wanted = json!({
        "id": account["id"], "email": email, "is_active": true, "is_superuser": false, "is_verified": false,
        "tenant": { "id": account["tenant"]["id"], "name": "Café Zürich  & Söhne", "slug": slug, "role": "owner" },
    });
    assert_eq!(account, wanted);

    let answer = anonymous.log_in(&email.to_uppercase(), PASSWORD).await.expect(200);
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(600)));
    let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access_token", "expires_in", "refresh_token", "token_type"]);
    let refresh_token = answer["refresh_token"].as_str().unwrap();
    assert!(refresh_token.len() == 43 && !refresh_token.contains(['=', '+', '/']), "256 bits in base64url");
    let again = anonymous.log_in(&email, PASSWORD).await.expect(200);
    assert_ne!(again["refresh_token"], refresh_token);
    let scope = format!("tenant:{slug}");
    let member = anonymous.become_member(&email, account.clone(), &scope).await;
    assert_eq!(member.get("/users/me").await.expect(200), account);
}

#[tokio::test]
async fn without_a_tenants_name_the_person_gives_it() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    let account = anonymous.register(&email).await.expect(201);
    assert_eq!(account["tenant"]["name"], email.split('@').next().unwrap());
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
async fn wrong_passwords_and_unknown_addresses_are_answered_alike() {
    let owner = Member::owner(App::shared()).await;
    for (email, password) in [(owner.email.as_str(), "wrong"), (&fresh_email(), PASSWORD), ("nobody", "")] {
        let problem = owner.anonymous.log_in(email, password).await.problem(400, "bad_credentials");
        assert_eq!(problem["detail"], "LOGIN_BAD_CREDENTIALS");
    }
}

/// What is kept of it costs work, so all systems keep it: a count for the throttle, a line in the audit log.
#[tokio::test]
async fn a_failed_log_in_is_kept() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let known = [Some(owner.user()), Some(owner.tenant())];
    for (email, password, whose) in [(owner.email.clone(), "wrong", known), (fresh_email(), PASSWORD, [None; 2])] {
        let id = uuid::Uuid::now_v7().to_string();
        let form = [("username", email.as_str()), ("password", password)];
        let request = owner.anonymous.request(Method::POST, "/auth/jwt/login").header("x-request-id", &id).form(&form);
        Anonymous::send(request).await.problem(400, "bad_credentials");
        let kept = format!(
            "select l.target_id::text, l.tenant_id::text from app.audit_log l join auth.failed_log_ins f on f.failed_at = l.at
              where l.action = 'session.refused' and l.request_id = '{id}'"
        );
        let rows = app.database.rows(&kept).await;
        assert_eq!(rows.len(), 1, "{email}");
        let meant: [Option<String>; 2] = [rows[0].get(0), rows[0].get(1)];
        assert_eq!(meant, whose.map(|id| id.map(|id| id.to_string())));
    }
}

#[tokio::test]
async fn five_failures_are_free_then_even_the_right_password_waits() {
    let owner = Member::owner(App::shared()).await;
    for _ in 0..5 {
        owner.anonymous.log_in(&owner.email, "wrong").await.problem(400, "bad_credentials");
    }
    let answer = owner.anonymous.log_in(&owner.email, PASSWORD).await;
    answer.problem(429, "log_in_throttled");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn passwords_that_are_not_allowed_are_refused_with_their_reason() {
    let (anonymous, email) = (Anonymous::of(App::shared()), fresh_email());
    for (password, reason) in [
        ("short", "The password must have at least 8 characters"),
        (&"x".repeat(129), "The password may have 128 characters at most"),
        (&"x".repeat(10_000), "The password may have 128 characters at most"),
        ("with\nline feed", "The password may not hold control characters"),
        (email.as_str(), "The password must not be the email address"),
        ("Analytical Engines", "The password must not be the name of the tenant"),
    ] {
        let body = json!({ "email": email, "password": password, "tenant_name": "analytical engines" });
        let problem = anonymous.post("/auth/register", &body).await.problem(400, "invalid_password");
        assert_eq!(problem["detail"], json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": reason }));
    }
    anonymous.register(&email).await.expect(201);
}

#[tokio::test]
async fn registration_names_what_is_wrong() {
    let anonymous = Anonymous::of(App::shared());
    let base = || json!({ "email": fresh_email(), "password": PASSWORD });
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("a@localhost")),
        ("email", json!("Ada <ada@example.com>")),
        ("email", json!(format!("{}@example.com", "x".repeat(65)))),
        ("email", Value::Null),
        ("password", json!(12345678)),
        ("tenant_name", json!("  ")),
        ("tenant_name", json!("x".repeat(101))),
        ("tenant_id", json!("x")),
    ] {
        let mut body = base();
        body[field] = value;
        anonymous.post("/auth/register", &body).await.invalid(&[&format!("/{field}")]);
    }
    anonymous.post("/auth/register", &json!({ "password": PASSWORD })).await.invalid(&["/email"]);
    anonymous.post("/auth/register", &json!({ "email": fresh_email() })).await.invalid(&["/password"]);
    let mut ignored = base();
    for flag in ["is_superuser", "is_active", "is_verified"] {
        ignored[flag] = json!(true);
    }
    assert_eq!(anonymous.post("/auth/register", &ignored).await.expect(201)["is_superuser"], false);
}

#[tokio::test]
async fn log_in_takes_its_form_and_nothing_else() {
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
    for scope in ["tenant:", "tenant:nobodys-slug-at-all", "leads:read"] {
        let form = [("username", owner.email.as_str()), ("password", PASSWORD), ("scope", scope)];
        anonymous.log_in_form(&form).await.problem(400, "unknown_tenant_scope");
    }
    let json = anonymous.post("/auth/jwt/login", &json!({ "username": owner.email, "password": PASSWORD })).await;
    json.problem(415, "unsupported_media_type");
}
