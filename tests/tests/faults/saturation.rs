//! More requests than connections: those over are told to try again, in time, and nothing that was done is lost.

use std::time::{Duration, Instant};

use e2e::{App, HostOptions, Member};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};

/// An app with so many database connections, and an owner with a lead in it.
async fn app_with(connections: u32) -> (App, Member, Value, String) {
    let options = HostOptions { database_connections: Some(connections), ..HostOptions::default() };
    let app = App::own(options).expect("an app");
    let owner = Member::owner(&app).await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let path = format!("/leads/{}", lead["id"].as_str().expect("an id"));
    (app, owner, lead, path)
}

#[tokio::test]
async fn past_saturation_the_answer_is_503_within_its_time() {
    let (app, owner, lead, path) = app_with(4).await;

    // Somebody holds the row, so changes of it wait with their connections in hand.
    let mut admin = app.database.admin().await;
    let mut holder = admin.begin().await.expect("begins");
    raw_sql(AssertSqlSafe("select 1 from crm.leads for update")).execute(&mut *holder).await.expect("locks");
    let (patch, started) = (json!({ "company": "X" }), Instant::now());
    // Twice as many as there are connections: when the first four give up, the next four take their places.
    let waiting = join_all((0..8).map(|_| owner.patch(&path, &patch)));
    let over = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        join_all((0..8).map(|_| owner.get("/leads"))).await
    };
    let (waited, over) = futures::join!(waiting, over);
    holder.rollback().await.expect("rolls back");

    let mut saturated = 0;
    for answer in waited.iter().chain(&over) {
        match answer.status.as_u16() {
            200 => {}
            409 => drop(answer.problem(409, "conflict_in_flight")),
            _ => {
                answer.problem(503, "saturated");
                assert_eq!(answer.header("retry-after"), "1");
                saturated += 1;
            }
        }
    }
    assert!(waited.iter().all(|answer| answer.status != 200), "somebody else holds the row");
    assert!(saturated > 0, "some were told that there is no connection");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(owner.get(&path).await.expect(200), lead, "nothing was changed");
    owner.patch(&path, &patch).await.expect(200);
}

#[tokio::test]
async fn a_connection_that_never_comes_free_is_not_waited_for() {
    // The only connection waits for a lock; its holder outlives lock_timeout by far.
    let (app, owner, _, path) = app_with(1).await;
    let mut admin = app.database.admin().await;
    let mut holder = admin.begin().await.expect("begins");
    raw_sql(AssertSqlSafe("lock table crm.leads in access exclusive mode")).execute(&mut *holder).await.expect("locks");

    let started = Instant::now();
    let answers = join_all((0..6).map(|_| owner.get(&path))).await;
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let saturated = answers.iter().filter(|answer| answer.json()["code"] == "saturated").count();
    assert!(saturated >= 3, "{saturated} of 6 were told that there is no connection");
    for answer in answers.iter().filter(|answer| answer.json()["code"] != "saturated") {
        answer.problem(409, "conflict_in_flight");
    }
    holder.rollback().await.expect("rolls back");
    owner.get(&path).await.expect(200);
}
