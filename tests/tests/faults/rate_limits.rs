//! Everybody has so many requests a minute: counted by one script, and told with every answer.

use e2e::{Anonymous, Answer, App, HostOptions, Member, personas::fresh_key};
use futures::future::join_all;
use redis::{Client, Script};
use serde_json::{Value, json};

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

/// An app with these limits, and all others out of reach.
fn app_with(limits: &[(&'static str, u32)], arguments: Vec<&'static str>) -> App {
    let variables = limits.iter().map(|&(name, limit)| (name, limit.to_string())).collect();
    App::own(HostOptions { variables, arguments, ..HostOptions::default() }).expect("an app")
}

#[tokio::test]
async fn what_moves_money_has_limits_of_its_own_also_for_many_at_once() {
    let app = app_with(&[("rate_limit_money_caller", 4), ("rate_limit_money_tenant", 6)], vec![]);
    let owner = Member::owner(&app).await;
    let mate = owner.colleague(&app, "member").await;
    let answers = join_all((0..16).map(|_| owner.pay(100))).await;
    let (paid, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(paid.len(), 4);
    for answer in &others {
        refused(answer, "4 requests a minute of this user for moving money");
    }
    let policy = paid[0].header("ratelimit-policy");
    assert!(policy.ends_with(r#""money-user";q=4;w=60, "money-tenant";q=6;w=60"#), "{policy}");
    // What was refused made no payment, and left the key free.
    assert_eq!(owner.get("/payments?limit=100").await.expect(200)["data"].as_array().unwrap().len(), 4);
    // Whoever works in the same tenant has what is left of the tenant's.
    let answers = join_all((0..4).map(|_| mate.pay(100))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
    refused(
        answers.iter().find(|answer| answer.status != 201).unwrap(),
        "6 requests a minute of this tenant for moving money",
    );
    // Reading at the same routes goes on, and so does everything else.
    for path in ["/payments", "/leads"] {
        let answer = owner.get(path).await;
        answer.expect(200);
        assert!(!answer.header("ratelimit-policy").contains("money"), "{path}");
    }
    Member::owner(&app).await.pay(100).await.expect(201);
}

#[tokio::test]
async fn figures_have_limits_of_their_own_in_every_component() {
    let app = app_with(&[("rate_limit_reports_caller", 3), ("rate_limit_reports_tenant", 100)], vec![]);
    let owner = Member::owner(&app).await;
    for path in ["/analytics/leads", "/analytics/payments", "/analytics/leads"] {
        owner.get(path).await.expect(200);
    }
    // A report of Stripe's that could not be made counts like one that was.
    for path in ["/analytics/payments", "/analytics/leads", "/ledger/reconciliation?gateway=stripe&mode=test"] {
        refused(&owner.get(path).await, "3 requests a minute of this user for reports");
    }
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn who_tries_passwords_has_less_than_who_reads() {
    let limits = [("rate_limit_credentials_address", 5), ("rate_limit_credentials_caller", 2)];
    let app = app_with(&limits, vec![]);
    let owner = Member::owner(&app).await; // registers and logs in
    let anonymous = Anonymous::of(&app);
    let body = json!({ "email": owner.email });
    anonymous.post("/auth/forgot-password", &body).await.expect(202);
    anonymous.log_in(&owner.email, "wrong").await.expect(400);
    anonymous.post("/auth/reset-password", &json!({ "token": "x", "password": "correct horse" })).await.expect(400);
    for (path, body) in [
        ("/auth/forgot-password", body),
        ("/auth/verify", json!({ "token": "x" })),
        ("/auth/mfa/verify", json!({ "mfa_token": "x", "code": "123456" })),
        ("/invitations/accept", json!({ "token": "x" })),
        ("/auth/register", json!({ "email": "ada@example.com", "password": "correct horse battery" })),
    ] {
        refused(
            &anonymous.post(path, &body).await,
            "5 requests a minute of this address for passwords, codes and tokens",
        );
    }
    refused(
        &anonymous.log_in(&owner.email, "wrong").await,
        "5 requests a minute of this address for passwords, codes and tokens",
    );
    // The rest of what an address may do is as it was.
    anonymous.get("/leads").await.problem(401, "unauthenticated");
    anonymous.post("/auth/refresh", &json!({ "refresh_token": owner.refresh_token })).await.expect(200);
    // Whoever is logged in makes hashes, too; reading at the same routes is ordinary.
    for _ in 0..2 {
        owner.patch("/users/me", &json!({ "password": "correct horse battery" })).await.expect(200);
    }
    let words = "2 requests a minute of this user for passwords, codes and tokens";
    refused(&owner.patch("/users/me", &json!({ "password": "correct horse battery" })).await, words);
    refused(&owner.post("/auth/mfa/totp", &json!({ "password": "correct horse battery" })).await, words);
    owner.get("/users/me").await.expect(200);
}

#[tokio::test]
async fn messages_of_gateways_count_by_account_and_refused_ones_by_address() {
    let app = app_with(&[("rate_limit_webhooks_account", 3), ("rate_limit_webhooks_address", 8)], vec![]);
    let anonymous = Anonymous::of(&app);
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let owner = Member::owner(&app).await;
        let credentials = json!({ "secret_key": "sk_test_planted_limits", "webhook_secret": "whsec_planted_limits_1" });
        let account = json!({ "mode": "test", "credentials": credentials });
        let saved = owner.put("/gateways/stripe/account", &account).await.expect(200);
        let url = saved["webhook_url"].as_str().expect("an address");
        accounts.push(url[url.find("/webhooks/").expect("a path")..].to_owned());
    }
    let deliver = async |path: &str| anonymous.post(path, &json!({ "id": "evt_1" })).await;
    for _ in 0..3 {
        deliver(&accounts[0]).await.problem(401, "webhook_not_signed");
    }
    refused(&deliver(&accounts[0]).await, "3 requests a minute of this account for messages of gateways");
    // However the account is written.
    let encoded = accounts[0].replace("gwa_", "%67wa_");
    refused(&deliver(&encoded).await, "3 requests a minute of this account for messages of gateways");
    // A neighbour's messages go on coming, until the address has had its share.
    for _ in 0..3 {
        deliver(&accounts[1]).await.problem(401, "webhook_not_signed");
    }
    for _ in 0..2 {
        deliver("/webhooks/stripe").await.problem(400, "webhook_unreadable");
    }
    refused(&deliver("/webhooks/stripe").await, "8 requests a minute of this address for messages of gateways");
    refused(&deliver(&accounts[1]).await, "8 requests a minute of this address for messages of gateways");
    // None of it is anything that the address's other requests pay for.
    anonymous.get("/leads").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn messages_that_verify_cost_their_address_nothing() {
    let app = app_with(&[("rate_limit_webhooks_address", 2)], vec![]);
    let owner = Member::owner(&app).await;
    let (key, secret) = ("sk_test_planted_verified", "whsec_planted_verified");
    let account = json!({ "mode": "test", "credentials": { "secret_key": key, "webhook_secret": secret } });
    let saved = owner.put("/gateways/stripe/account", &account).await.expect(200);
    let url = saved["webhook_url"].as_str().expect("an address");
    let path = &url[url.find("/webhooks/").expect("a path")..];
    let new = json!({ "amount": 1000, "currency": "EUR", "gateway": "stripe", "mode": "test" });
    let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
    app.stripe.pay(key, payment["gateway_refs"]["order"].as_str().expect("a session"));
    let event = app.stripe.take_events(key, secret).remove(0);
    for _ in 0..5 {
        let request = owner.anonymous.request(reqwest::Method::POST, path).body(event.body.clone());
        let request = event.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        Anonymous::send(request).await.expect(200);
    }
}

/// A burst of hashes holds instances up; the store is not away because nobody listened to it.
#[tokio::test]
async fn a_burst_of_log_ins_does_not_turn_the_limit_off() {
    let app = app_with(&[("rate_limit_credentials_address", 12)], vec![]);
    let anonymous = Anonymous::of(&app);
    let answers = join_all((0..64).map(|_| anonymous.log_in("nobody@example.com", "wrong"))).await;
    let uncounted = answers.iter().filter(|answer| answer.header("ratelimit").is_empty()).count();
    // Where the machine itself stands still the store is late indeed, and nobody is refused for that. An instance that
    // leaves the store alone lets many through.
    assert!(uncounted <= 4, "{uncounted} of 64 were not counted");
    let let_through = answers.iter().filter(|answer| answer.json()["code"] != "rate_limited").count();
    assert_eq!(let_through, 12 + uncounted);
}

/// Each request gets an instance of its own here, so what one learnt the next finds in the store.
#[tokio::test]
async fn a_tenants_keys_share_the_tenants_limit_with_its_people() {
    let app = app_with(&[("rate_limit_tenant", 9)], vec!["--max-instance-reuse-count", "1"]);
    let owner = Member::owner(&app).await;
    let made = [owner.make_api_key(&["leads:read"]).await, owner.make_api_key(&["leads:read"]).await];
    let programs = made.each_ref().map(|key| owner.program(key));
    // Two of nine went into making the keys. Whose a key is, is known after its first request.
    for program in &programs {
        let answer = program.get("/leads").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), r#""key";q=1000000000;w=60, "address";q=1000000000;w=60"#);
    }
    for (nth, program) in programs.iter().chain(&programs).enumerate() {
        let answer = program.get("/leads").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), r#""key";q=1000000000;w=60, "tenant";q=9;w=60"#);
        assert!(
            answer.header("ratelimit").contains(&format!(r#""tenant";r={}"#, 6 - nth)),
            "{}",
            answer.header("ratelimit")
        );
    }
    // Who has lost their key can spend nothing of the tenant's: after its first refusal it is like one made up.
    let path = format!("/api-keys/{}", made[0]["id"].as_str().expect("an id"));
    owner.delete(&path).await.expect(204);
    programs[0].get("/leads").await.problem(401, "unauthenticated");
    for _ in 0..4 {
        let answer = programs[0].get("/leads").await;
        answer.problem(401, "unauthenticated");
        assert!(answer.header("ratelimit-policy").contains("address"), "{}", answer.header("ratelimit-policy"));
    }
    // Nine less two, four, one and one.
    programs[1].get("/leads").await.expect(200);
    refused(&owner.get("/leads").await, "9 requests a minute of this tenant");
    refused(&programs[1].get("/leads").await, "9 requests a minute of this tenant");
    // The log names the tenant of a key that let somebody in.
    let tenant: Value = owner.account["tenant"]["id"].clone();
    let log = app.host.log();
    let lines = log.lines().filter(|line| line.contains(r#""route":"/leads","status":200"#));
    assert!(lines.clone().count() >= 7 && lines.clone().all(|line| line.contains(tenant.as_str().unwrap())), "{log}");
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
    // What costs nothing only looks.
    let look = async |redis: &mut _, limit: i64| -> Vec<i64> {
        let mut call = script.prepare_invoke();
        call.key("looked").arg(start).arg(MINUTE).arg(limit).arg(0).invoke_async(redis).await.expect("an answer")
    };
    for _ in 0..3 {
        assert_eq!(look(&mut redis, 1).await, [0, 1, MINUTE]);
    }
    for _ in 0..3 {
        assert_eq!(both(&mut redis, 0).await, [2 * MINUTE, 0, MINUTE, 4, MINUTE]);
    }
}
