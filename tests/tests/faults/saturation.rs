//! More requests than connections: those over are told to try again, in time, and nothing that was done is lost.

use std::time::{Duration, Instant};

use e2e::{Answer, App, HostOptions, Member};
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

/// A request for which there is no connection within 2 s is answered then; the rest is for a busy machine.
const REFUSED_WITHIN: Duration = Duration::from_secs(3);

/// An answer, and how long it took.
async fn timed(answer: impl Future<Output = Answer>) -> (Answer, Duration) {
    let asked = Instant::now();
    let answer = answer.await;
    (answer, asked.elapsed())
}

#[tokio::test]
async fn past_saturation_the_answer_is_503_within_its_time() {
    let (app, owner, lead, path) = app_with(4).await;

    // Somebody holds the table, so every statement waits with its connection in hand, until lock_timeout (2 s).
    let mut admin = app.database.admin().await;
    let mut holder = admin.begin().await.expect("begins");
    raw_sql(AssertSqlSafe("lock table crm.leads in access exclusive mode")).execute(&mut *holder).await.expect("locks");
    let (patch, started) = (json!({ "company": "X" }), Instant::now());
    // Twice as many as there are connections: when the first four give up, the next four take their places.
    let waiting = join_all((0..8).map(|_| timed(owner.patch(&path, &patch))));
    let over = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        join_all((0..8).map(|_| timed(owner.get("/leads")))).await
    };
    let (waited, over) = futures::join!(waiting, over);
    holder.rollback().await.expect("rolls back");

    let mut saturated = 0;
    for (answer, took) in waited.iter().chain(&over) {
        match answer.status.as_u16() {
            200 => panic!("somebody holds the table"),
            409 => drop(answer.problem(409, "conflict_in_flight")),
            _ => {
                answer.problem(503, "saturated");
                assert_eq!(answer.header("retry-after"), "1");
                assert!(*took < REFUSED_WITHIN, "{took:?}");
                saturated += 1;
            }
        }
    }
    assert!(saturated > 0, "some were told that there is no connection");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(owner.get(&path).await.expect(200), lead, "nothing was changed");
    owner.patch(&path, &patch).await.expect(200);
}

#[tokio::test]
async fn many_changes_of_one_lead_leave_connections_to_others() {
    let (app, owner, _, path) = app_with(20).await;
    let mut admin = app.database.admin().await;
    let mut holder = admin.begin().await.expect("begins");
    raw_sql(AssertSqlSafe("select 1 from crm.leads for update")).execute(&mut *holder).await.expect("locks");
    let patch = json!({ "company": "X" });
    let (patches, others) = futures::join!(
        join_all((0..40).map(|_| owner.patch(&path, &patch))),
        join_all((0..10).map(|_| owner.get("/users/me"))),
    );
    for answer in patches {
        answer.problem(409, "conflict_in_flight");
    }
    for answer in others {
        answer.expect(200);
    }
    holder.rollback().await.expect("rolls back");
    owner.patch(&path, &patch).await.expect(200);
}
