//! Tokens: only ours, whole and as long as their session lasts.

use e2e::{Anonymous, App, Member};
use reqwest::Method;
use serde_json::json;

const ROUTES: [(Method, &str); 6] = [
    (Method::GET, "/users/me"),
    (Method::GET, "/leads"),
    (Method::POST, "/leads"),
    (Method::GET, "/leads/led_01h455vb4pex5vsknk084sn02q"),
    (Method::GET, "/analytics/leads"),
    (Method::POST, "/auth/jwt/logout"),
];

#[tokio::test]
async fn only_our_tokens_are_tokens() {
    let app = App::shared();
    let (owner, other) = (Member::owner(app).await, Member::owner(app).await);
    let own: Vec<&str> = owner.token.split('.').collect();
    let others: Vec<&str> = other.token.split('.').collect();
    // {"exp":1} as claims; {"alg":"none"} and {"alg":"HS256","typ":"at+jwt","kid":"x"} as headers.
    let forged = [
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
        "a".repeat(9000),
        owner.token[..owner.token.len() - 2].to_owned(),
        format!("{}.{}.{}", own[0], own[1], others[2]),
        format!("{}.{}.{}", own[0], others[1], own[2]),
        format!("{}.eyJleHAiOjF9.{}", own[0], own[2]),
        format!("eyJhbGciOiJub25lIn0.{}.", own[1]),
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IngifQ.{}.{}", own[1], own[2]),
        format!("{}.{}.*{}", own[0], own[1], own[2]),
        format!("{}.{}", owner.token, own[2]),
        format!("{}.{}", own[0], own[1]),
    ];
    for token in &forged {
        for (method, path) in ROUTES {
            let request = owner.anonymous.request(method, path).bearer_auth(token).json(&json!({}));
            let answer = Anonymous::send(request).await;
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{token}");
        }
    }
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn there_is_one_authorization_header_and_it_says_bearer() {
    let owner = Member::owner(App::shared()).await;
    let send = |value: String| {
        Anonymous::send(owner.anonymous.request(Method::GET, "/users/me").header("authorization", value))
    };
    owner.anonymous.get("/users/me").await.problem(401, "unauthenticated");
    send(format!("Basic {}", owner.token)).await.problem(401, "unauthenticated");
    send(owner.token.clone()).await.problem(401, "unauthenticated");
    send(format!("bearer {}", owner.token)).await.expect(200);
    let twice = owner.request(Method::GET, "/users/me").bearer_auth(&owner.token);
    Anonymous::send(twice).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_ended_session_is_refused_at_once_and_no_other() {
    let owner = Member::owner(App::shared()).await;
    let again = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    let answer = owner.log_out().await;
    answer.expect(204);
    assert!(answer.body.is_empty());
    for (method, path) in ROUTES {
        let request = owner.request(method, path).json(&json!({ "email": "a@example.com" }));
        Anonymous::send(request).await.problem(401, "unauthenticated");
    }
    again.get("/leads").await.expect(200);
    again.get("/users/me").await.expect(200);
}
