//! The mailer goes away, refuses and dawdles; dispatchers meet, and die: every message arrives, and the same one means the
//! same id.

use std::{collections::BTreeSet, time::Duration};

use e2e::{Anonymous, App, HostOptions, Manner, personas::fresh_email};
use futures::{StreamExt, future::join_all, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;

fn app() -> App {
    App::own(HostOptions::default()).expect("an app")
}

/// An app with one message that is due: somebody registered.
async fn app_with_a_message() -> (App, String) {
    let (app, email) = (app(), fresh_email());
    Anonymous::of(&app).register(&email).await.expect(201);
    (app, email)
}

#[track_caller]
fn became(answer: &Value, wanted: &[(&str, u64)]) {
    for name in ["claimed", "delivered", "skipped", "failed", "dead"] {
        let count = wanted.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| *count);
        assert_eq!(answer[name], count, "{name} of {answer}");
    }
}

async fn listed(app: &App, state: &str) -> Vec<Value> {
    let page = app.as_scheduler(Method::GET, &format!("/internal/events?state={state}")).await.expect(200);
    page["data"].as_array().expect("a page").clone()
}

/// What waits for its time is due.
async fn time_passes(app: &App) {
    app.database.execute("update app.outbox set next_attempt_at = now() where state = 'pending'").await;
}

/// How many seconds from now the one event that is pending will be tried again.
async fn wait(app: &App) -> f64 {
    let query = "select extract(epoch from next_attempt_at - now())::float8 from app.outbox where state = 'pending'";
    app.database.rows(query).await[0].get(0)
}

#[tokio::test]
async fn a_mailer_that_fails_is_asked_again_ever_later_and_then_given_up_and_asked_again_by_hand() {
    let (app, email) = app_with_a_message().await;
    app.mailbox.behave(Manner::Answer(500));
    for seconds in [5.0, 30.0, 120.0, 600.0, 3600.0, 10_800.0, 21_600.0, 43_200.0] {
        became(&app.dispatch().await, &[("claimed", 1), ("failed", 1)]);
        let wait = wait(&app).await;
        assert!((seconds - 3.0..seconds * 1.2 + 0.1).contains(&wait), "{wait} s instead of {seconds} s");
        became(&app.dispatch().await, &[]);
        time_passes(&app).await;
    }
    assert_eq!(listed(&app, "pending").await[0]["attempts"], 8);
    became(&app.dispatch().await, &[("claimed", 1), ("dead", 1)]);
    time_passes(&app).await;
    became(&app.dispatch().await, &[]);

    let dead = listed(&app, "dead").await;
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0]["attempts"], &dead[0]["last_error"]), (&json!(9), &json!("status 500")));
    assert!(!dead[0]["settled_at"].is_null() && dead[0]["next_attempt_at"].is_null(), "{}", dead[0]);

    let path = format!("/internal/events/{}/replay", dead[0]["id"].as_str().expect("an id"));
    let replayed = app.as_scheduler(Method::POST, &path).await.expect(200);
    assert_eq!((&replayed["state"], &replayed["attempts"]), (&json!("pending"), &json!(0)));
    app.as_scheduler(Method::POST, &path).await.problem(409, "event_not_dead");
    app.mailbox.behave(Manner::Take);
    became(&app.dispatch().await, &[("claimed", 1), ("delivered", 1)]);

    // Ten times the same: one id, one token, the same bytes.
    let messages = app.mailbox.messages_to("mail.verification", &email);
    assert_eq!(messages.len(), 10);
    assert!(messages.iter().all(|message| message.id == messages[0].id && message.bytes == messages[0].bytes));
    let token = json!({ "token": messages[0].token() });
    Anonymous::of(&app).post("/auth/verify", &token).await.expect(200);
}

#[tokio::test]
async fn however_a_mailer_fails_the_reason_is_a_few_words() {
    let (app, _) = app_with_a_message().await;
    for (manner, reason) in [
        (Manner::HangUp, "connection broken"),
        (Manner::Redirect, "status 307"),
        (Manner::Answer(404), "status 404"),
        (Manner::Dawdle(Duration::from_secs(12)), "timed out"),
    ] {
        app.mailbox.behave(manner);
        became(&app.dispatch().await, &[("claimed", 1), ("failed", 1)]);
        assert_eq!(listed(&app, "pending").await[0]["last_error"], reason, "{manner:?}");
        time_passes(&app).await;
    }
    // Nobody followed the redirect.
    assert!(app.mailbox.messages().iter().all(|message| message.head[0] == "POST /notify HTTP/1.1"));

    app.mailbox.behave(Manner::Answer(410));
    became(&app.dispatch().await, &[("claimed", 1), ("dead", 1)]);
    assert_eq!(listed(&app, "dead").await[0]["last_error"], "status 410");
}

#[tokio::test]
async fn a_mailer_that_is_not_there_is_waited_for() {
    let port = servers::free_port().expect("a port");
    let variables = vec![("notify_origin", format!("http://127.0.0.1:{port}"))];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    Anonymous::of(&app).register(&fresh_email()).await.expect(201);
    became(&app.dispatch().await, &[("claimed", 1), ("failed", 1)]);
    assert_eq!(listed(&app, "pending").await[0]["last_error"], "connection refused");
    Anonymous::of(&app).get("/events/readyz").await.expect(200);
}

#[tokio::test]
async fn dispatchers_that_meet_deliver_each_message_once() {
    let app = app();
    let register = async |_| Anonymous::of(&app).register(&fresh_email()).await.expect(201);
    stream::iter(0..24).map(register).buffer_unordered(8).collect::<Vec<_>>().await;
    app.mailbox.behave(Manner::Dawdle(Duration::from_millis(100)));
    let mut delivered = 0;
    while delivered < 24 {
        let answers = join_all((0..4).map(|_| app.dispatch())).await;
        let now: u64 = answers.iter().map(|answer| answer["delivered"].as_u64().expect("a number")).sum();
        assert!(now > 0, "{delivered} of 24 after {answers:?}");
        delivered += now;
    }
    let messages = app.mailbox.messages();
    let ids: BTreeSet<_> = messages.iter().map(|message| &message.id).collect();
    assert_eq!((delivered, messages.len(), ids.len()), (24, 24, 24));
    became(&app.dispatch().await, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_dispatcher_died_is_sent_again_when_the_lease_is_over() {
    let (mut app, _) = app_with_a_message().await;
    app.mailbox.behave(Manner::Dawdle(Duration::from_secs(5)));
    let dispatching = {
        let token = app.variables["SPIN_VARIABLE_SERVICE_TOKEN"].clone();
        let request = Anonymous::of(&app).request(Method::POST, "/internal/events/dispatch").bearer_auth(token);
        tokio::spawn(Anonymous::try_send(request))
    };
    app.mailbox.wait_for(1).await;
    app.host.restart().expect("comes back");
    assert!(dispatching.await.expect("no panic").is_err(), "the dispatcher did not answer");

    app.mailbox.behave(Manner::Take);
    became(&app.dispatch().await, &[]);
    assert_eq!(listed(&app, "pending").await[0]["attempts"], 1);
    app.database.execute("update app.outbox set leased_until = now()").await;
    became(&app.dispatch().await, &[("claimed", 1), ("delivered", 1)]);
    let messages = app.mailbox.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[0].id, &messages[0].bytes), (&messages[1].id, &messages[1].bytes));
}

#[tokio::test]
async fn a_slow_dispatcher_no_longer_decides_but_for_what_it_delivered() {
    let (app, _) = app_with_a_message().await;
    let settle = async |state: &str, attempt: u32| {
        let retry = if state == "pending" { "now()" } else { "null" };
        let query = format!(
            "select app.settle_event(jsonb_build_object('id', id, 'attempt', {attempt}, 'state', '{state}', 'at', now(),
                 'retry_at', {retry}, 'error', null)) ->> 'settled' as settled from app.outbox"
        );
        app.database.rows(&query).await[0].get::<String, _>("settled")
    };
    app.database.execute("update app.outbox set attempts = 2, leased_until = now() + interval '1 minute'").await;
    for state in ["pending", "skipped", "dead"] {
        assert_eq!(settle(state, 1).await, "false", "{state}");
    }
    became(&app.dispatch().await, &[]);
    assert_eq!(settle("delivered", 1).await, "true");
    assert_eq!(settle("dead", 2).await, "false");
    assert_eq!(listed(&app, "delivered").await.len(), 1);
}

#[tokio::test]
async fn a_message_that_no_dispatcher_survives_is_given_up() {
    let (app, _) = app_with_a_message().await;
    app.database.execute("update app.outbox set attempts = 9, leased_until = now()").await;
    became(&app.dispatch().await, &[("dead", 1)]);
    assert_eq!(listed(&app, "dead").await[0]["last_error"], "never settled");
    assert!(app.mailbox.messages().is_empty());
}

#[tokio::test]
async fn what_is_done_goes_after_a_week_and_what_was_given_up_stays() {
    let (app, _) = app_with_a_message().await;
    app.mailbox.behave(Manner::Answer(410));
    became(&app.dispatch().await, &[("claimed", 1), ("dead", 1)]);
    app.mailbox.behave(Manner::Take);
    for _ in 0..2 {
        Anonymous::of(&app).register(&fresh_email()).await.expect(201);
    }
    became(&app.dispatch().await, &[("claimed", 2), ("delivered", 2)]);
    let age = "update app.outbox set settled_at = now() - interval '169 hours'
                where id in (select id from app.outbox where state = 'delivered' limit 1) or state = 'dead'";
    app.database.execute(age).await;
    became(&app.dispatch().await, &[]);
    assert_eq!((listed(&app, "delivered").await.len(), listed(&app, "dead").await.len()), (1, 1));
}

#[tokio::test]
async fn a_wrong_setting_is_named_and_costs_no_attempt() {
    for (name, value, sentence) in [
        ("notify_secret", "whsec_c2hvcnQ=", "`notify_secret` is not `whsec_`"),
        ("mail_token_secret", "", "`mail_token_secret` is empty"),
        ("notify_path", "notify", "`notify_path` is not a path"),
    ] {
        let variables = vec![(name, value.to_owned())];
        let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
        let anonymous = Anonymous::of(&app);
        anonymous.register(&fresh_email()).await.expect(201);
        let problem = anonymous.get("/events/readyz").await.problem(503, "misconfigured");
        assert!(problem["detail"].as_str().expect("a sentence").contains(sentence), "{problem}");
        app.as_scheduler(Method::POST, "/internal/events/dispatch").await.problem(503, "misconfigured");
        assert_eq!(listed(&app, "pending").await[0]["attempts"], 0);
    }
}

#[tokio::test]
async fn without_a_service_token_nobody_dispatches() {
    let app = App::own(HostOptions { variables: vec![("service_token", String::new())], ..HostOptions::default() })
        .expect("an app");
    let anonymous = Anonymous::of(&app);
    let problem = anonymous.get("/events/readyz").await.problem(503, "misconfigured");
    assert!(problem["detail"].as_str().expect("a sentence").contains("`service_token` is empty"), "{problem}");
    for token in ["", "x"] {
        let request = anonymous.request(Method::POST, "/internal/events/dispatch").bearer_auth(token);
        Anonymous::send(request).await.problem(404, "route_not_found");
    }
}

#[tokio::test]
async fn a_dispatch_that_finds_nothing_has_no_line_in_the_log() {
    let app = app();
    for _ in 0..5 {
        became(&app.dispatch().await, &[]);
    }
    Anonymous::of(&app).register(&fresh_email()).await.expect(201);
    became(&app.dispatch().await, &[("claimed", 1), ("delivered", 1)]);
    let lines = || app.host.log().lines().filter(|line| line.contains("/internal/events/dispatch")).count();
    for _ in 0..100 {
        if lines() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(lines(), 1, "{}", app.host.log());
}
