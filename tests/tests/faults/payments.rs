//! Payments when something dies in the middle: the host, the database, the gateway; and when the sealing key is replaced.

use std::time::Duration;

use e2e::{Anonymous, App, HostOptions, Member, gateways::Trouble, host::Host, personas::fresh_key};
use reqwest::Method;
use serde_json::{Value, json};

/// An owner with an account at Stripe, and its secret key.
async fn shop(app: &App) -> (Member, String) {
    let owner = Member::owner(app).await;
    let secret_key = format!("sk_test_planted_{}", owner.tenant().simple());
    let credentials = json!({ "secret_key": secret_key, "webhook_secret": "whsec_planted_webhook" });
    owner.put("/gateways/stripe/account", &json!({ "mode": "test", "credentials": credentials })).await.expect(200);
    (owner, secret_key)
}

fn new_payment() -> Value {
    json!({ "amount": 1000, "currency": "EUR", "gateway": "stripe", "mode": "test" })
}

/// Whoever was at an attempt is gone for longer than they may be.
async fn let_leases_end(app: &App) {
    app.database
        .execute(
            "update payments.attempts set leased_until = now() - interval '1 second' where leased_until is not null;
             update payments.payments set leased_until = null, next_look_at = now() where next_look_at is not null",
        )
        .await;
}

async fn sweep(app: &App) {
    while app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200)["claimed"] != 0 {}
}

#[tokio::test]
async fn a_host_that_dies_while_the_gateway_works_leaves_one_payment() {
    let mut app = App::own(HostOptions::default()).expect("an app");
    let (owner, key) = shop(&app).await;
    let idempotency_key = fresh_key();
    app.stripe.make_trouble(&key, "POST /v1/checkout", Trouble::Slow(Duration::from_secs(2)));
    let request =
        owner.request(Method::POST, "/payments").header("idempotency-key", &idempotency_key).json(&new_payment());
    let asking = tokio::spawn(Anonymous::try_send(request));
    while !app.stripe.requests(&key).iter().any(|request| request.starts_with("POST /v1/checkout")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.host.restart().expect("starts again");
    assert!(asking.await.expect("no panic").is_err(), "nobody was answered");

    owner.post_once("/payments", &idempotency_key, &new_payment()).await.problem(409, "conflict_in_flight");
    let_leases_end(&app).await;
    let payment = owner.post_once("/payments", &idempotency_key, &new_payment()).await.expect(201);
    assert_eq!(payment["state"], "requires_action");
    assert_eq!(owner.get("/payments").await.expect(200)["data"].as_array().expect("payments").len(), 1);
    // The gateway was asked again under the same key, and made no second session.
    let session = payment["gateway_refs"]["order"].as_str().expect("a session").to_owned();
    app.stripe.pay(&key, &session);
    sweep(&app).await;
    let paid = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!(paid["captured"], 1000);
}

#[tokio::test]
async fn a_database_that_restarts_while_the_gateway_works_loses_no_refund_and_makes_none_twice() {
    let app = App::own(HostOptions::default()).expect("an app");
    let (owner, key) = shop(&app).await;
    let payment = owner.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
    app.stripe.pay(&key, payment["gateway_refs"]["order"].as_str().expect("a session"));
    owner.with_payment(&payment, "sync", json!({})).await.expect(200);

    app.stripe.make_trouble(&key, "POST /v1/refunds", Trouble::Slow(Duration::from_secs(1)));
    let path = format!("/payments/{}/refunds", payment["id"].as_str().expect("an id"));
    let idempotency_key = fresh_key();
    let body = json!({ "amount": 400 });
    let request = owner.request(Method::POST, &path).header("idempotency-key", &idempotency_key).json(&body);
    let asking = tokio::spawn(Anonymous::try_send(request));
    while !app.stripe.requests(&key).iter().any(|request| request == "POST /v1/refunds") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.servers().postgres.restart().expect("restarts");
    let _ = asking.await.expect("no panic");

    let mut settled = None;
    for _ in 0..100 {
        let_leases_end(&app).await;
        let answer = owner.post_once(&path, &idempotency_key, &body).await;
        if answer.status == 201 {
            settled = Some(answer.json());
            break;
        }
        assert!(answer.status == 409 || answer.status == 503 || answer.status == 202, "{}", answer.status);
    }
    assert_eq!(settled.expect("it comes to an end")["state"], "succeeded");
    let (_, refunds) = app.stripe.books(&key);
    assert_eq!(refunds.len(), 1);
    let now = owner.payment(&payment).await;
    assert_eq!((&now["refunded"], &now["refund_pending"]), (&json!(400), &json!(0)));
}

#[tokio::test]
async fn without_its_gateway_a_payment_fails_and_without_the_store_it_does_not() {
    let variables = vec![("stripe_test_origin", "http://127.0.0.1:9".to_owned())];
    let app = App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app");
    let (owner, _) = shop(&app).await;
    let failed = owner.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!("unreachable")));
    app.servers().redis.stop().expect("stops");
    owner.pay(1000).await.expect(201);
    assert!(!app.host.log().contains("planted"), "no secret in the log");
}

#[tokio::test]
async fn credentials_outlive_the_key_that_they_were_sealed_with() {
    const KEYS: &str = "SPIN_VARIABLE_PAYMENTS_ENCRYPTION_KEYS";
    let mut app = App::own(HostOptions::default()).expect("an app");
    let (owner, _) = shop(&app).await;
    let old = app.variables[KEYS].clone();
    let new = "new:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned();
    let reseal = async |app: &App| app.as_scheduler(Method::POST, "/internal/payments/reseal").await.expect(200);
    for (keys, resealed) in [(format!("{old},{new}"), 0), (format!("{new},{old}"), 1), (new.clone(), 0)] {
        app.variables.insert(KEYS.to_owned(), keys);
        let port = servers::free_port().expect("a port");
        app.host = Host::start(port, &app.variables, &HostOptions::default()).expect("the host");
        app.origin = format!("http://127.0.0.1:{port}");
        let owner = Member { anonymous: Anonymous::of(&app), ..owner.clone() };
        owner.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
        assert_eq!(reseal(&app).await, json!({ "resealed": resealed, "unreadable": 0, "has_more": false }));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_about_holds_up_nobody_in_the_sweep() {
    let app = App::own(HostOptions::default()).expect("an app");
    let (owner, key) = shop(&app).await;
    for _ in 0..20 {
        owner.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
    }
    owner.delete("/gateways/stripe/account?mode=test").await.expect(204);
    let (other, other_key) = shop(&app).await;
    let waiting = other.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
    app.stripe.pay(&other_key, waiting["gateway_refs"]["order"].as_str().expect("a session"));
    let_leases_end(&app).await;
    let mut failed = 0;
    loop {
        let swept = app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200);
        failed += swept["failed"].as_u64().expect("a number");
        if swept["claimed"] == 0 {
            break;
        }
    }
    assert_eq!(failed, 20, "each once");
    // And when nobody is at them any more they still do not stand in front of the others.
    app.database.execute("update payments.payments set leased_until = null").await;
    let swept = app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200);
    assert_eq!(swept["claimed"], 0, "{swept}");
    assert_eq!(other.payment(&waiting).await["state"], "captured");
    assert!(!app.stripe.requests(&key).is_empty());
}

#[tokio::test]
async fn a_message_whose_look_fails_is_not_forgotten() {
    let app = App::own(HostOptions::default()).expect("an app");
    let (owner, key) = shop(&app).await;
    let payment = owner.post_once("/payments", &fresh_key(), &new_payment()).await.expect(201);
    app.stripe.pay(&key, payment["gateway_refs"]["order"].as_str().expect("a session"));
    let paid = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    let intent = paid["gateway_refs"]["payment"].as_str().expect("an intent");
    app.stripe.take_events(&key, "whsec_planted_webhook");
    app.stripe.refund_by_hand(&key, intent, 100);
    app.stripe.make_trouble(&key, "GET /v1/payment_intents", Trouble::Status(500));
    let event = app.stripe.take_events(&key, "whsec_planted_webhook").remove(0);
    let account = owner.get("/gateways/stripe/account?mode=test").await.expect(200);
    let url = account["webhook_url"].as_str().expect("an address");
    let request = owner.anonymous.request(Method::POST, &url[url.find("/webhooks/").expect("a path")..]);
    let request = event.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    Anonymous::send(request.body(event.body)).await.expect(200);
    assert_eq!(owner.payment(&payment).await["refunded"], 0, "nobody could be asked");
    let_leases_end(&app).await;
    sweep(&app).await;
    assert_eq!(owner.payment(&payment).await["refunded"], 100);
}
