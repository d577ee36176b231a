//! What every route shares: problem documents, headers, request ids, limits, health, the pages of `web`.

use e2e::{Anonymous, App, Member};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn unknown_paths_and_methods_are_problem_documents() {
    let anonymous = Anonymous::of(App::shared());
    for path in [
        "/nothing",
        "/auth/nothing",
        "/leads/led_x/nothing/else",
        "/users",
        "/payments/x/y/z",
        "/crm",
        "/openapi.yaml",
        "//",
        "/leads/",
    ] {
        anonymous.get(path).await.problem(404, "route_not_found");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/auth/register", "POST"),
        (Method::GET, "/auth/jwt/login", "POST"),
        (Method::PUT, "/leads", "GET"),
        (Method::POST, "/openapi.json", "GET"),
    ] {
        let answer = Anonymous::send(anonymous.request(method.clone(), path)).await;
        answer.problem(405, "method_not_allowed");
        assert!(answer.header("allow").contains(allow), "{method} {path}: allow {:?}", answer.header("allow"));
    }
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let owner = Member::owner(App::shared()).await;
    for path in ["/users/me", "/leads", "/nothing", "/auth/healthz", "/payments/readyz", "/"] {
        let answer = owner.get(path).await;
        assert!(answer.header("x-request-id").starts_with("req_"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("strict-transport-security").is_empty(), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let sent = owner.request(Method::GET, "/leads").header("x-request-id", "trace-42");
    assert_eq!(Anonymous::send(sent).await.header("x-request-id"), "trace-42");
    let sent = owner.request(Method::GET, "/leads").header("x-request-id", "no spaces");
    assert!(Anonymous::send(sent).await.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn bodies_have_a_type_and_a_limit() {
    let owner = Member::owner(App::shared()).await;
    let post = |content_type: &'static str, body: Vec<u8>| {
        Anonymous::send(owner.request(Method::POST, "/leads").header("content-type", content_type).body(body))
    };
    post("text/plain", b"{}".to_vec()).await.problem(415, "unsupported_media_type");
    post("application/json", b"{".to_vec()).await.problem(400, "malformed_json");
    post("application/json", b"\xff\xfe".to_vec()).await.problem(400, "malformed_json");
    post("application/json", Vec::new()).await.problem(400, "malformed_json");
    post("application/json", b"[]".to_vec()).await.problem(422, "validation_failed");
    post("application/json", b"{\"email\":\"a@example.com\",\"email\":\"b@example.com\"}".to_vec())
        .await
        .invalid(&["/email"]);
    post("application/json", vec![b' '; 2 << 20]).await.problem(413, "body_too_large");
    let deep = [b"{\"email\":".to_vec(), vec![b'['; 100_000], vec![b']'; 100_000], b"}".to_vec()].concat();
    let answer = post("application/json", deep).await;
    assert!(matches!(answer.status.as_u16(), 400 | 422), "{}", answer.status);
}

#[tokio::test]
async fn each_component_says_how_it_is() {
    let anonymous = Anonymous::of(App::shared());
    for component in ["auth", "crm", "payments", "events"] {
        assert_eq!(anonymous.get(&format!("/{component}/healthz")).await.expect(200), json!({ "status": "ok" }));
        let ready = anonymous.get(&format!("/{component}/readyz")).await.expect(200);
        assert_eq!(ready, json!({ "status": "ok", "database": "ok", "store": "ok" }), "{component}");
    }
}

#[tokio::test]
async fn the_first_page_says_what_this_is() {
    let anonymous = Anonymous::of(App::shared());
    let page = anonymous.get("/").await;
    page.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(String::from_utf8_lossy(&page.body).contains(&App::shared().origin));
    let head = Anonymous::send(anonymous.request(Method::HEAD, "/")).await;
    head.expect(200);
    assert!(head.body.is_empty());
}
