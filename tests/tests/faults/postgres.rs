//! Postgres goes away and comes back, under load: clear answers in time, nothing lost, no restart of the app.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use e2e::{Anonymous, Answer, App, HostOptions, Member};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

/// Opening takes 2 s at most and a statement 6 s, twice for a request that reads and then writes.
const ANSWER_LIMIT: Duration = Duration::from_secs(17);

/// An answer while the database is in trouble: what was asked, or a problem that says to try again.
#[track_caller]
fn is_clear(answer: &Answer) -> bool {
    if answer.status.is_success() {
        return true;
    }
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    let clear = ["database_unavailable", "database_interrupted", "outcome_unknown", "saturated", "conflict_in_flight"];
    assert!(clear.contains(&code.as_str()), "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    assert!(!answer.header("retry-after").is_empty(), "{code} says when to try again");
    false
}

/// Makes leads with a key each until told to stop, repeating each key until it is answered; gives how many.
async fn keep_creating(owner: &Member, stop: &AtomicBool) -> usize {
    let mut created = 0;
    while !stop.load(Ordering::Relaxed) {
        let (key, lead) = (Uuid::now_v7().to_string(), json!({ "email": "load@example.com" }));
        let give_up = Instant::now() + Duration::from_secs(60);
        loop {
            let answer =
                tokio::time::timeout(ANSWER_LIMIT, owner.post_once("/leads", &key, &lead)).await.expect("in time");
            if is_clear(&answer) {
                break;
            }
            assert!(Instant::now() < give_up, "never answered again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        created += 1;
    }
    created
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_of_load_loses_and_doubles_nothing() {
    let app = Arc::new(App::own(HostOptions::default()).expect("an app"));
    let owner = Member::owner(&app).await;
    let stop = AtomicBool::new(false);
    let restarts = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let app = app.clone();
            let restarting = tokio::task::spawn_blocking(move || app.servers().postgres.restart());
            restarting.await.expect("no panic").expect("restarts");
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (created, ()) = futures::join!(join_all((0..6).map(|_| keep_creating(&owner, &stop))), restarts);

    let created: usize = created.into_iter().sum();
    assert!(created > 6, "{created} in all");
    let total = owner.get("/analytics/leads").await.expect(200)["total"].as_u64().expect("a number");
    assert_eq!(usize::try_from(total).expect("small"), created);
}

#[tokio::test]
async fn without_postgres_every_route_says_so_in_time_and_recovers() {
    let app = App::own(HostOptions::default()).expect("an app");
    let owner = Member::owner(&app).await;
    app.servers().postgres.stop().expect("stops");

    let started = Instant::now();
    for (method, path) in [(Method::GET, "/leads"), (Method::GET, "/users/me"), (Method::GET, "/analytics/leads")] {
        Anonymous::send(owner.request(method, path)).await.problem(503, "database_unavailable");
    }
    owner.post("/leads", &json!({ "email": "a@example.com" })).await.problem(503, "database_unavailable");
    owner.anonymous.log_in(&owner.email, "x").await.problem(503, "database_unavailable");
    for component in ["auth", "crm", "payments", "events"] {
        owner.anonymous.get(&format!("/{component}/readyz")).await.problem(503, "not_ready");
        owner.anonymous.get(&format!("/{component}/healthz")).await.expect(200);
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());

    app.servers().postgres.start_again().expect("starts");
    let give_up = Instant::now() + Duration::from_secs(30);
    while !is_clear(&owner.get("/leads").await) {
        assert!(Instant::now() < give_up, "no recovery");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What an instance found stands for a second.
    while owner.anonymous.get("/crm/readyz").await.status != 200 {
        assert!(Instant::now() < give_up, "not ready again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
