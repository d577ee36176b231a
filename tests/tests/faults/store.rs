//! The store goes away, or gets slow: nobody gets in who should not, and log-ins are throttled all the same.

use std::time::{Duration, Instant};

use e2e::{Anonymous, App, HostOptions, Member, personas::PASSWORD};
use futures::future::join_all;
use serde_json::json;

/// What holds without the store, however it is gone.
async fn holds_without_the_store(app: &App) {
    let owner = Member::owner(app).await;
    let ready = owner.anonymous.get("/auth/readyz").await.expect(200);
    assert_eq!(ready, json!({ "status": "degraded", "database": "ok", "store": "unavailable" }));
    owner.create_lead(json!({ "email": "a@example.com" })).await;

    let ended = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    ended.log_out().await.expect(204);
    ended.get("/leads").await.problem(401, "unauthenticated");

    for _ in 0..5 {
        owner.anonymous.log_in(&owner.email, "wrong").await.problem(400, "bad_credentials");
    }
    let started = Instant::now();
    let answer = owner.anonymous.log_in(&owner.email, PASSWORD).await;
    answer.problem(429, "log_in_throttled");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());

    let other = Member::owner(app).await;
    let answers = join_all((0..16).map(|_| other.anonymous.log_in(&other.email, "wrong"))).await;
    let tried = answers.iter().filter(|answer| answer.status == 400).count();
    assert!((5..=6).contains(&tried), "{tried} were tried");
}

#[tokio::test]
async fn without_the_store_the_database_throttles() {
    let app = App::own(HostOptions::default()).expect("an app");
    app.servers().redis.stop().expect("stops");
    holds_without_the_store(&app).await;

    app.servers().redis.start_again().expect("starts");
    finds_the_store_again(&app).await;
}

#[tokio::test]
async fn a_store_that_hangs_holds_nobody_up() {
    let app = App::own(HostOptions::default()).expect("an app");
    app.servers().redis.pause().expect("pauses");
    holds_without_the_store(&app).await;
    app.servers().redis.resume().expect("goes on");
    finds_the_store_again(&app).await;
}

/// Each look may find the machine too busy for the store's short time limit; one of many does not.
async fn finds_the_store_again(app: &App) {
    let anonymous = Anonymous::of(app);
    let started = Instant::now();
    while anonymous.get("/auth/readyz").await.expect(200)["status"] != "ok" {
        assert!(started.elapsed() < Duration::from_secs(30), "the store is back, and nobody noticed");
    }
    Member::owner(app).await.create_lead(json!({ "email": "b@example.com" })).await;
}
