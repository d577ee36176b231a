//! Settings: what is missing or malformed is named, stops only those who need it, and never shows its value.

use e2e::{Anonymous, App, HostOptions, Member};
use reqwest::Method;
use serde_json::json;
use sqlx::Row;

#[tokio::test]
async fn a_missing_key_is_named_and_stops_only_those_who_need_it() {
    let variables = vec![("jwt_public_keys", String::new())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let anonymous = Anonymous::of(&app);
    for component in ["auth", "crm", "payments"] {
        let problem = anonymous.get(&format!("/{component}/readyz")).await.problem(503, "misconfigured");
        assert!(problem["detail"].as_str().expect("a sentence").contains("`jwt_public_keys` is empty"), "{problem}");
        anonymous.get(&format!("/{component}/healthz")).await.expect(200);
    }
    anonymous.get("/events/readyz").await.expect(200);
    anonymous.get("/").await.expect(200);
    anonymous.get("/leads").await.problem(503, "misconfigured");
}

#[tokio::test]
async fn a_malformed_secret_is_named_and_not_shown() {
    let variables = vec![("jwt_private_key", "{\"kty\":\"half-a-secret".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let answer = Anonymous::of(&app).register("a@example.com").await;
    let problem = answer.problem(503, "misconfigured");
    assert!(problem["detail"].as_str().expect("a sentence").contains("`jwt_private_key` is not a JWK"), "{problem}");
    assert!(!problem.to_string().contains("half-a-secret") && !app.host.log().contains("half-a-secret"));
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let variables = vec![("cors_origins", "https://app.example.com".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let owner = Member::owner(&app).await;
    let from = |origin: &'static str| Anonymous::send(owner.request(Method::GET, "/leads").header("origin", origin));
    assert_eq!(from("https://app.example.com").await.header("access-control-allow-origin"), "https://app.example.com");
    let other = from("https://evil.example").await;
    other.expect(200);
    assert_eq!(other.header("access-control-allow-origin"), "");

    let preflight = owner.anonymous.request(Method::OPTIONS, "/leads").header("access-control-request-method", "POST");
    let answer = Anonymous::send(preflight.header("origin", "https://app.example.com")).await;
    answer.expect(204);
    assert!(answer.header("access-control-allow-headers").contains("authorization"));
}

#[tokio::test]
async fn behind_a_proxy_of_ours_the_address_is_the_one_that_it_saw() {
    let variables = vec![("trusted_proxy_hops", "1".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let owner = Member::owner(&app).await;
    let form = [("username", owner.email.as_str()), ("password", e2e::personas::PASSWORD)];
    let request = owner.anonymous.request(Method::POST, "/auth/jwt/login").form(&form);
    let spoofed = request.header("x-forwarded-for", "6.6.6.6, 203.0.113.9").header("spin-client-addr", "7.7.7.7:1");
    Anonymous::send(spoofed).await.expect(200);
    let rows = app.database.rows("select address from auth.sessions order by created_at desc limit 1").await;
    assert_eq!(rows[0].get::<String, _>(0), "203.0.113.9");
}

#[tokio::test]
async fn a_deployment_may_ask_for_longer_passwords() {
    let variables = vec![("password_min_length", "15".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let body = json!({ "email": "a@example.com", "password": "only 14 chars." });
    let problem = Anonymous::of(&app).post("/auth/register", &body).await.problem(400, "invalid_password");
    assert_eq!(problem["detail"]["reason"], "The password must have at least 15 characters");
}
