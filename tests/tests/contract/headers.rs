//! Headers that every answer has, also a refusal.

use e2e::{Anonymous, App, Member};
use reqwest::Method;

#[tokio::test]
async fn every_answer_has_its_headers() {
    let owner = Member::owner(App::shared()).await;
    for path in ["/users/me", "/leads", "/leads/led_x", "/analytics/leads", "/leads?x=1", "/nothing", "/crm/healthz"] {
        let answer = owner.get(path).await;
        assert!(answer.header("x-request-id").starts_with("req_"), "{path}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), value, "{path}: {name}");
        }
        let media_type = if answer.status == 200 { "application/json" } else { "application/problem+json" };
        assert_eq!(answer.header("content-type"), media_type, "{path}");
    }
}

#[tokio::test]
async fn a_well_formed_request_id_is_taken() {
    let anonymous = Anonymous::of(App::shared());
    for (sent, is_taken) in [("trace-42.a_B", true), ("no spaces", false), ("", false), (&"x".repeat(65), false)] {
        let request = anonymous.request(Method::GET, "/crm/healthz").header("x-request-id", sent);
        let answer = Anonymous::send(request).await;
        let given = answer.header("x-request-id");
        assert!(if is_taken { given == sent } else { given.starts_with("req_") }, "{sent}: {given}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    let owner = Member::owner(App::shared()).await;
    for path in ["/nothing", "/leads/", "/leads/led_x/nothing/else"] {
        owner.get(path).await.problem(404, "route_not_found");
    }
    for (method, path) in [(Method::GET, "/auth/register"), (Method::DELETE, "/users/me"), (Method::PUT, "/leads")] {
        let answer = Anonymous::send(owner.request(method, path)).await;
        answer.problem(405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
}
