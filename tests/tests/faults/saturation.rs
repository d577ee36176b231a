//! More requests than connections: those over are told to try again, in time, and nothing that was done is lost.

use std::time::{Duration, Instant};

use e2e::{App, HostOptions, Member};
use futures::future::join_all;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, raw_sql};

#[tokio::test]
async fn past_saturation_the_answer_is_503_within_its_time() {
    let options = HostOptions { database_connections: Some(4), ..HostOptions::default() };
    let app = App::own(options).expect("an app");
    let owner = Member::owner(&app).await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let path = format!("/leads/{}", lead["id"].as_str().expect("an id"));

    // Somebody holds the row, so changes of it wait with their connections in hand.
    let mut admin = app.database.admin().await;
    let mut holder = admin.begin().await.expect("begins");
    raw_sql(AssertSqlSafe("select 1 from crm.leads for update")).execute(&mut *holder).await.expect("locks");
    let (patch, started) = (json!({ "company": "X" }), Instant::now());
    let waiting = join_all((0..4).map(|_| owner.patch(&path, &patch)));
    let over = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        join_all((0..8).map(|_| owner.get("/leads"))).await
    };
    let (waited, over) = futures::join!(waiting, over);
    holder.rollback().await.expect("rolls back");

    for answer in waited {
        answer.problem(409, "conflict_in_flight");
    }
    // The waiting ones give up after lock_timeout (2 s), a little before those over stop waiting for a connection.
    for answer in &over {
        assert!(answer.status == 200 || answer.json()["code"] == "saturated", "{answer:?}");
        if answer.status != 200 {
            assert_eq!(answer.problem(503, "saturated")["status"], 503);
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(owner.get(&path).await.expect(200), lead, "nothing was changed");
    owner.patch(&path, &patch).await.expect(200);
}

#[tokio::test]
async fn a_connection_that_never_comes_free_is_not_waited_for() {
    let options = HostOptions { database_connections: Some(1), ..HostOptions::default() };
    let app = App::own(options).expect("an app");
    let owner = Member::owner(&app).await;
    // The only connection waits for a lock; its holder outlives lock_timeout by far.
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let path = format!("/leads/{}", lead["id"].as_str().expect("an id"));
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
