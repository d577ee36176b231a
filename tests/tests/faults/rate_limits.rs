//! Everybody has so many requests a minute: counted by one script, and told with every answer.

use e2e::{Anonymous, Answer, App, HostOptions, Member};
use futures::future::join_all;
use redis::{Client, Script};

/// An app with limits that a test reaches.
fn app(user: u32, tenant: u32, address: u32) -> App {
    let variables = vec![
        ("rate_limit_user", user.to_string()),
        ("rate_limit_tenant", tenant.to_string()),
        ("rate_limit_address", address.to_string()),
    ];
    App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app")
}

fn refused(answer: &Answer, words: &str) {
    answer.problem(429, "rate_limited");
    assert!(answer.json()["detail"].as_str().expect("a sentence").contains(words), "{:?}", answer.json());
    let wait: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=120).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_users_requests_count_down_and_then_wait() {
    let app = app(5, 1000, 1000);
    let (owner, other) = (Member::owner(&app).await, Member::owner(&app).await);
    for left in (0..5).rev() {
        let answer = owner.get("/leads").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), r#""user";q=5;w=60, "tenant";q=1000;w=60"#);
        assert!(
            answer.header("ratelimit").starts_with(&format!(r#""user";r={left};t="#)),
            "{}",
            answer.header("ratelimit")
        );
    }
    refused(&owner.get("/leads").await, "5 requests a minute of this user");
    // One limit for all components, and none of a neighbour's.
    refused(&owner.get("/users/me").await, "5 requests a minute of this user");
    other.get("/leads").await.expect(200);
    // What serves probes and keys is not counted.
    owner.anonymous.get("/crm/healthz").await.expect(200);
}

#[tokio::test]
async fn a_tenants_members_share_the_tenants_limit_and_of_many_at_once_no_more_get_through() {
    let app = app(1000, 20, 1000);
    let (owner, neighbour) = (Member::owner(&app).await, Member::owner(&app).await);
    let mate = owner.colleague(&app, "member").await;
    let requests = (0..64).map(|nth| if nth % 2 == 0 { owner.get("/leads") } else { mate.get("/leads") });
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 20);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        refused(answer, "20 requests a minute of this tenant");
    }
    neighbour.get("/leads").await.expect(200);
}

#[tokio::test]
async fn without_a_valid_token_the_address_counts() {
    let app = app(1000, 1000, 4);
    let owner = Member::owner(&app).await; // registers and logs in
    let anonymous = Anonymous::of(&app);
    for path in ["/leads", "/users/me"] {
        anonymous.get(path).await.problem(401, "unauthenticated");
    }
    refused(&anonymous.get("/leads").await, "4 requests a minute of this address");
    refused(&anonymous.log_in(&owner.email, "wrong").await, "4 requests a minute of this address");
    // Who has a token is not held to what others did from the same address.
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn without_the_store_nobody_is_refused() {
    let app = app(2, 2, 2);
    app.servers().redis.stop().expect("stops");
    let owner = Member::owner(&app).await;
    for _ in 0..5 {
        let answer = owner.get("/leads").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit"), "");
    }
}

/// The script itself, with the time as an argument.
#[tokio::test]
async fn the_window_slides() {
    const MINUTE: i64 = 60_000;
    let app = app(1, 1, 1);
    let client = Client::open(app.servers().redis.url()).expect("an address");
    let mut redis = client.get_multiplexed_async_connection().await.expect("the store answers");
    let script = Script::new(include_str!("../../../crates/api/src/rate_limit.lua"));
    let start = 1_000_000 * MINUTE;
    // (key, moment, limit, wait, remaining)
    for (step, (key, at, limit, wait, remaining)) in [
        ("a", 0, 3, 0, 2),
        ("a", 1, 3, 0, 1),
        ("a", 30_000, 3, 0, 0),
        // Full until the window ends, and then until a third of it has slid out of sight.
        ("a", 30_000, 3, 30_000 + 20_000, 0),
        ("a", MINUTE, 3, 20_000, 0),
        ("a", MINUTE + 20_000, 3, 0, 0),
        ("a", MINUTE + 20_000, 3, 20_000, 0),
        ("a", MINUTE + 40_000, 3, 0, 0),
        // Two windows later everything is forgotten.
        ("a", 3 * MINUTE, 3, 0, 2),
        // A clock that is behind counts where the others are.
        ("a", 2 * MINUTE + 59_999, 3, 0, 1),
        ("a", 3 * MINUTE + 1, 3, 0, 0),
        ("b", 0, 1, 0, 0),
        ("b", 59_999, 1, 1 + MINUTE, 0),
        ("b", 2 * MINUTE, 1, 0, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut call = script.prepare_invoke();
        let answer: Vec<i64> =
            call.key(key).arg(start + at).arg(MINUTE).arg(limit).invoke_async(&mut redis).await.expect("an answer");
        assert_eq!((answer[0], answer[1]), (wait, remaining), "step {step}: {key} at {at}");
    }
    // Several limits: counted by all or by none.
    let both = async |redis: &mut _, at: i64| -> Vec<i64> {
        let mut call = script.prepare_invoke();
        call.key("user")
            .key("tenant")
            .arg(start + at)
            .arg(MINUTE)
            .arg(1)
            .arg(5)
            .invoke_async(redis)
            .await
            .expect("an answer")
    };
    assert_eq!(both(&mut redis, 0).await, [0, 0, MINUTE, 4, MINUTE]);
    for _ in 0..3 {
        assert_eq!(both(&mut redis, 0).await, [2 * MINUTE, 0, MINUTE, 4, MINUTE]);
    }
}
