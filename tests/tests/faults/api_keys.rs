//! API keys that somebody made up, in great numbers; and neighbours without a configured service token.

use e2e::{Anonymous, App, HostOptions, Member};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn made_up_keys_are_limited_by_the_address_that_they_come_from() {
    let variables = vec![("rate_limit_key", "5".to_owned()), ("rate_limit_address", "8".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let owner = Member::owner(&app).await;
    let program = owner.program(&owner.make_api_key(&["leads:read"]).await);
    // One key has what it may have; its first request counts as the address's, because nobody knows yet whose it is.
    for _ in 0..6 {
        program.get("/leads").await.expect(200);
    }
    let refused = program.get("/leads").await;
    assert!(refused.problem(429, "rate_limited")["detail"].as_str().unwrap().contains("of this key"));
    // All keys of an address that nobody knows yet have together what an address has, however many there are.
    let made_up = |nth: u8| owner.program(&json!({ "key": format!("bizo_{nth:043}") }));
    for nth in 0..7 {
        made_up(nth).get("/leads").await.problem(401, "unauthenticated");
    }
    let guess = made_up(7);
    for path in ["/leads", "/users/me", "/api-keys"] {
        let refused = guess.get(path).await;
        assert!(refused.problem(429, "rate_limited")["detail"].as_str().unwrap().contains("of this address"), "{path}");
    }
    // People go on.
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn without_a_service_token_no_service_gets_in() {
    let variables = vec![("service_token", String::new())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let anonymous = Anonymous::of(&app);
    for token in ["", "x"] {
        let request = anonymous.request(Method::POST, "/auth/introspect").bearer_auth(token).form(&[("token", "x")]);
        let problem = Anonymous::send(request).await.problem(503, "misconfigured");
        assert!(problem["detail"].as_str().unwrap().contains("`service_token` is empty"), "{problem}");
        let request = anonymous.request(Method::POST, "/internal/auth/sweep").bearer_auth(token);
        Anonymous::send(request).await.problem(404, "route_not_found");
    }
    // The component is ready for everybody else.
    anonymous.get("/auth/readyz").await.expect(200);
}
