//! Payments through Stripe, or what stands for it: its books and ours, its messages, its trouble.
//!
//! Long because it goes through all that a gateway can do; the other gateways' tests have only what is theirs.

use std::time::Duration;

use e2e::{
    Anonymous, Answer, App, Member,
    gateways::{
        Delivery, Trouble,
        stripe::{now, sign},
    },
    personas::{fresh_key, uuid_of},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// A tenant with an account at Stripe.
struct Shop {
    owner: Member,
    secret_key: String,
    account: Value,
}

const WEBHOOK_SECRET: &str = "whsec_planted_webhook_0001";

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let secret_key = format!("sk_test_planted_{}", owner.tenant().simple());
        let account = put(&owner, &secret_key, WEBHOOK_SECRET).await.expect(200);
        Self { owner, secret_key, account }
    }

    async fn create(&self, amount: i64, more: Value) -> Answer {
        self.create_once(&fresh_key(), amount, more).await
    }

    async fn create_once(&self, key: &str, amount: i64, more: Value) -> Answer {
        let mut new = json!({ "amount": amount, "currency": "EUR", "gateway": "stripe", "mode": "test" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.post_once("/payments", key, &new).await
    }

    /// A payment that its payer has paid, and that we know of.
    async fn paid(&self, app: &App, amount: i64) -> Value {
        let payment = self.create(amount, json!({})).await.expect(201);
        app.stripe.pay(&self.secret_key, session(&payment));
        self.owner.with_payment(&payment, "sync", json!({})).await.expect(200)
    }

    /// Where Stripe is told to send its messages.
    fn webhook_path(&self) -> &str {
        let url = self.account["webhook_url"].as_str().unwrap();
        &url[url.find("/webhooks/").unwrap()..]
    }

    fn take_events(&self, app: &App) -> Vec<Delivery> {
        app.stripe.take_events(&self.secret_key, WEBHOOK_SECRET)
    }
}

async fn put(owner: &Member, secret_key: &str, webhook_secret: &str) -> Answer {
    let credentials = json!({ "secret_key": secret_key, "webhook_secret": webhook_secret });
    owner.put("/gateways/stripe/account", &json!({ "mode": "test", "credentials": credentials })).await
}

fn session(payment: &Value) -> &str {
    payment["gateway_refs"]["order"].as_str().expect("a session")
}

fn intent(payment: &Value) -> &str {
    payment["gateway_refs"]["payment"].as_str().expect("an intent")
}

async fn deliver(app: &App, path: &str, delivery: &Delivery) -> Answer {
    let mut request = Anonymous::of(app).request(Method::POST, path).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    Anonymous::send(request.header("content-type", "application/json")).await
}

#[tokio::test]
async fn a_payer_pays_and_the_message_tells() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({ "description": "Pro plan" })).await.expect(201);
    assert_eq!((&payment["state"], &payment["captured"]), (&json!("requires_action"), &json!(0)));
    let url = payment["next_action"]["url"].as_str().unwrap();
    assert!(url.starts_with("https://checkout.stripe.example/cs_test_"), "{url}");

    app.stripe.pay(&shop.secret_key, session(&payment));
    assert_eq!(shop.owner.payment(&payment).await["state"], "requires_action", "nobody has told us");
    let events = shop.take_events(app);
    assert_eq!(events.len(), 2);
    assert_eq!(deliver(app, shop.webhook_path(), &events[0]).await.expect(200), json!({ "received": true }));
    let paid = shop.owner.payment(&payment).await;
    assert_eq!((&paid["state"], &paid["captured"], &paid["fee"]), (&json!("captured"), &json!(1099), &json!(51)));

    // Duplicates and stragglers change nothing.
    for event in events.iter().chain(&events) {
        deliver(app, shop.webhook_path(), event).await.expect(200);
    }
    assert_eq!(shop.owner.payment(&payment).await["captured"], 1099);
    let entries = shop.owner.get("/ledger/entries?mode=test").await.expect(200)["data"].clone();
    let of = |kind: &str| entries.as_array().unwrap().iter().filter(|entry| entry["type"] == kind).count();
    assert_eq!((of("capture"), of("fee")), (1, 1));
    let kept = format!("select 1 from payments.webhook_events where payment_id = '{}'", uuid_of(&payment["id"]));
    assert_eq!(app.database.rows(&kept).await.len(), 2);
}

#[tokio::test]
async fn only_what_is_signed_with_the_accounts_secret_is_heard() {
    let app = App::shared();
    let (shop, other) = (Shop::open(app).await, Shop::open(app).await);
    let payment = shop.create(1099, json!({})).await.expect(201);
    app.stripe.pay(&shop.secret_key, session(&payment));
    let event = shop.take_events(app).remove(0);
    let path = shop.webhook_path();

    let forged = |secret: &str, second: u64| sign(secret, &event.body, second);
    for wrong in [
        Delivery { headers: Vec::new(), ..event.clone() },
        Delivery { body: event.body.replace("1099", "9900"), ..event.clone() },
        forged("whsec_another_secret_0001", now()),
        forged(WEBHOOK_SECRET, now() - 301),
        forged(WEBHOOK_SECRET, now() + 330),
        forged("", now()),
    ] {
        deliver(app, path, &wrong).await.problem(401, "webhook_not_signed");
    }
    deliver(app, path, &sign(WEBHOOK_SECRET, "{}", now())).await.problem(400, "webhook_unreadable");
    deliver(app, path, &sign(WEBHOOK_SECRET, &event.body.replace("\"livemode\":false", "\"livemode\":true"), now()))
        .await
        .problem(409, "webhook_other_mode");
    deliver(app, "/webhooks/stripe/gwa_01h455vb4pex5vsknk084sn02q", &event)
        .await
        .problem(404, "gateway_account_not_found");
    deliver(app, "/webhooks/nobody/gwa_01h455vb4pex5vsknk084sn02q", &event).await.problem(404, "gateway_not_found");
    deliver(app, &path.replace("stripe", "test"), &event).await.problem(404, "gateway_account_not_found");
    assert_eq!(shop.owner.payment(&payment).await["state"], "requires_action");

    // Another tenant's account takes it with its own secret, and finds no payment of its own in it.
    let theirs = sign(WEBHOOK_SECRET, &event.body, now());
    deliver(app, other.webhook_path(), &theirs).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "requires_action");

    // The bare address: the payment that it names says whose secret it is.
    deliver(app, "/webhooks/stripe", &forged("whsec_another_secret_0001", now()))
        .await
        .problem(401, "webhook_not_signed");
    deliver(app, "/webhooks/stripe", &event).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "captured");
    deliver(app, "/webhooks/stripe", &sign(WEBHOOK_SECRET, "{\"id\":\"evt_1\"}", now()))
        .await
        .problem(400, "webhook_unreadable");
}

#[tokio::test]
async fn credentials_go_in_and_never_out() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    owner.get("/gateways/stripe/account?mode=test").await.problem(404, "gateway_account_not_found");
    put(&owner, "sk_live_planted_0001", WEBHOOK_SECRET).await.problem(422, "invalid_credentials");
    put(&owner, "sk_test_planted_0001", "planted_no_prefix").await.problem(422, "invalid_credentials");
    let refused = put(&owner, "sk_test_planted_refused", WEBHOOK_SECRET).await.expect(200);
    assert_eq!(refused["verified_at"], Value::Null, "the gateway does not take it");
    let account = put(&owner, "sk_test_planted_0001", WEBHOOK_SECRET).await.expect(200);
    assert!(account["verified_at"].is_string());
    assert_eq!(account["credentials"], json!({ "secret_key": "0001", "webhook_secret": "0001" }));
    assert_eq!((&account["id"], &account["webhook_url"]), (&refused["id"], &refused["webhook_url"]));
    assert_eq!(owner.get("/gateways/stripe/account?mode=test").await.expect(200), account);
    owner.get("/gateways/stripe/account?mode=live").await.problem(404, "gateway_account_not_found");
    let listed = owner.get("/gateways").await.expect(200);
    let ours = listed["data"].as_array().unwrap().iter().find(|gateway| gateway["gateway"] == "stripe");
    assert_eq!(ours.unwrap()["accounts"], json!([account]));

    let kept = app.database.rows("select credentials from payments.gateway_accounts").await;
    assert!(kept.iter().all(|row| {
        let sealed: Vec<u8> = sqlx::Row::get(row, 0);
        !String::from_utf8_lossy(&sealed).contains("planted")
    }));
    assert!(!listed.to_string().contains("planted") && !app.host.log().contains("planted"));
    let audited = owner.get("/audit-log?action=gateway_account.saved").await.expect(200);
    assert!(audited["data"].as_array().unwrap().len() == 2 && !audited.to_string().contains("planted"));

    // A payment, then the credentials go: it can be read, and not be refunded.
    owner.delete("/gateways/stripe/account?mode=test").await.expect(204);
    owner.delete("/gateways/stripe/account?mode=test").await.problem(404, "gateway_account_not_found");
    let back = put(&owner, "sk_test_planted_0001", WEBHOOK_SECRET).await.expect(200);
    assert_eq!(back["id"], account["id"], "the address at the gateway stays good");
}

#[tokio::test]
async fn the_secret_before_stays_good_for_a_day() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let new = "whsec_planted_webhook_0002";
    let account = put(&shop.owner, &shop.secret_key, new).await.expect(200);
    assert!(account["previous_webhook_secret_until"].is_string());
    let payment = shop.create(1099, json!({})).await.expect(201);
    app.stripe.pay(&shop.secret_key, session(&payment));
    let events = shop.take_events(app);
    deliver(app, shop.webhook_path(), &events[0]).await.expect(200);
    deliver(app, shop.webhook_path(), &sign(new, &events[1].body, now())).await.expect(200);
    let day_later = "update payments.gateway_accounts set previous_valid_until = previous_valid_until - interval '24 hours 1 minute'";
    app.database.execute(&format!("{day_later} where tenant_id = '{}'", shop.owner.tenant())).await;
    deliver(app, shop.webhook_path(), &events[0]).await.problem(401, "webhook_not_signed");
}

#[tokio::test]
async fn money_is_held_captured_and_let_go() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let held = async |amount: i64| {
        let payment = shop.create(amount, json!({ "capture_method": "manual" })).await.expect(201);
        app.stripe.pay(&shop.secret_key, session(&payment));
        let held = shop.owner.with_payment(&payment, "sync", json!({})).await.expect(200);
        assert_eq!((&held["state"], &held["authorized"]), (&json!("authorized"), &json!(amount)));
        held
    };
    let payment = held(2000).await;
    let captured = shop.owner.with_payment(&payment, "capture", json!({ "amount": 1500 })).await.expect(200);
    assert_eq!((&captured["state"], &captured["captured"]), (&json!("partially_captured"), &json!(1500)));

    let payment = held(3000).await;
    let canceled = shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(200);
    assert_eq!(canceled["state"], "canceled");

    // Not paid: the session is ended, and nobody can pay any more.
    let payment = shop.create(4000, json!({})).await.expect(201);
    let canceled = shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(200);
    assert_eq!((&canceled["state"], &canceled["next_action"]), (&json!("canceled"), &Value::Null));
    let (intents, _) = app.stripe.books(&shop.secret_key);
    let taken: i64 = intents.iter().map(|intent| intent["amount_received"].as_i64().unwrap()).sum();
    assert_eq!(taken, 1500);
}

#[tokio::test]
async fn a_payer_who_stays_pays_with_the_script() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({ "flow": "sdk" })).await.expect(201);
    assert_eq!(payment["next_action"]["type"], "client_sdk");
    let parameters = payment["next_action"]["parameters"].to_string();
    assert!(parameters.contains(&format!("{}_secret_fake", intent(&payment))), "{parameters}");
}

#[tokio::test]
async fn a_declined_card_leaves_the_payer_another_try() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({})).await.expect(201);
    app.stripe.decline(&shop.secret_key, session(&payment));
    for event in shop.take_events(app) {
        deliver(app, shop.webhook_path(), &event).await.expect(200);
    }
    let declined = shop.owner.payment(&payment).await;
    assert_eq!(
        (&declined["state"], &declined["failure"]["code"]),
        (&json!("requires_action"), &json!("insufficient_funds"))
    );
    app.stripe.pay_slowly(&shop.secret_key, session(&payment));
    for event in shop.take_events(app) {
        deliver(app, shop.webhook_path(), &event).await.expect(200);
    }
    assert_eq!(shop.owner.payment(&payment).await["state"], "processing");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_under_the_same_key() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    for trouble in [Trouble::AnswerLost, Trouble::NotDone, Trouble::Garbled] {
        app.stripe.make_trouble(&shop.secret_key, "POST /v1/checkout/sessions", trouble.clone());
        let key = fresh_key();
        let lost = shop.create_once(&key, 1099, json!({})).await.expect(202);
        assert_eq!(lost["state"], "created", "{trouble:?}");
        let found = shop.create_once(&key, 1099, json!({})).await.expect(201);
        assert_eq!((&found["id"], &found["state"]), (&lost["id"], &json!("requires_action")), "{trouble:?}");
    }

    // Money that went back and was not heard of goes back once.
    let payment = shop.paid(app, 1000).await;
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/refunds", Trouble::AnswerLost);
    let lost = shop.owner.with_payment(&payment, "refunds", json!({ "amount": 600 })).await.expect(202);
    assert_eq!(lost["state"], "pending");
    let synced = shop.owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!((&synced["refunded"], &synced["refund_pending"]), (&json!(600), &json!(0)));
    let (_, refunds) = app.stripe.books(&shop.secret_key);
    assert_eq!(refunds.len(), 1);

    // The capture as well.
    let payment = shop.create(3000, json!({ "capture_method": "manual" })).await.expect(201);
    app.stripe.pay(&shop.secret_key, session(&payment));
    let payment = shop.owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    app.stripe.make_trouble(&shop.secret_key, "/capture", Trouble::AnswerLost);
    shop.owner.with_payment(&payment, "capture", json!({})).await.expect(202);
    shop.owner.with_payment(&payment, "capture", json!({})).await.problem(409, "conflict_in_flight");
    let synced = shop.owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!(synced["captured"], 3000);
}

#[tokio::test]
async fn what_the_gateway_refuses_is_refused() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/checkout", Trouble::Status(400));
    let refused = shop.create(1099, json!({})).await.expect(201);
    assert_eq!((&refused["state"], &refused["failure"]["code"]), (&json!("failed"), &json!("refused")));
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/checkout", Trouble::Status(429));
    let throttled = shop.create(1099, json!({})).await.expect(201);
    assert_eq!((&throttled["state"], &throttled["failure"]["code"]), (&json!("failed"), &json!("throttled")));
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/payment_intents", Trouble::Decline("stolen_card"));
    let declined = shop.create(1099, json!({ "flow": "sdk" })).await.expect(201);
    assert_eq!((&declined["state"], &declined["failure"]["code"]), (&json!("failed"), &json!("suspected_fraud")));

    let payment = shop.paid(app, 1000).await;
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/refunds", Trouble::Status(400));
    let refund = shop.owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!((&refund["state"], &refund["failure"]["gateway_code"]), (&json!("failed"), &json!("fake_trouble")));
    assert_eq!(shop.owner.payment(&payment).await["refund_pending"], 0, "the amount is free again");
    for (body, code) in [
        (json!({ "currency": "KWD", "amount": 5124 }), "amount_not_accepted"),
        (json!({ "amount": 5 }), "amount_not_accepted"),
    ] {
        shop.create(1099, body).await.problem(422, code);
    }
    put(&shop.owner, "sk_test_planted_refused", WEBHOOK_SECRET).await.expect(200);
    let refused = shop.create(1099, json!({})).await.expect(201);
    assert_eq!(refused["failure"]["code"], "credentials_refused");
}

#[tokio::test]
async fn the_gateway_is_slow_and_is_asked_once() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    app.stripe.make_trouble(&shop.secret_key, "POST /v1/checkout", Trouble::Slow(Duration::from_secs(2)));
    let key = fresh_key();
    let answers = join_all((0..32).map(|_| shop.create_once(&key, 1099, json!({})))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(made >= 1 && answers.iter().all(|answer| answer.status == 201 || answer.status == 409), "{made}");
    let asked = app.stripe.requests(&shop.secret_key);
    assert_eq!(asked.iter().filter(|request| request.starts_with("POST")).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn what_is_done_at_the_gateway_itself_is_taken_in() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.paid(app, 1000).await;
    app.stripe.refund_by_hand(&shop.secret_key, intent(&payment), 250);
    for event in shop.take_events(app) {
        deliver(app, shop.webhook_path(), &event).await.expect(200);
    }
    let refunded = shop.owner.payment(&payment).await;
    assert_eq!((&refunded["state"], &refunded["refunded"]), (&json!("partially_refunded"), &json!(250)));
    let path = format!("/payments/{}/refunds", payment["id"].as_str().unwrap());
    let listed = shop.owner.get(&path).await.expect(200)["data"].clone();
    assert_eq!((&listed[0]["amount"], &listed[0]["created_by"]), (&json!(250), &Value::Null));
    shop.owner
        .with_payment(&payment, "refunds", json!({ "amount": 751 }))
        .await
        .problem(409, "amount_exceeds_refundable");

    // It comes back.
    let name = listed[0]["gateway_ref"].as_str().unwrap();
    app.stripe.settle_refund(&shop.secret_key, name, "failed");
    for event in shop.take_events(app) {
        deliver(app, shop.webhook_path(), &event).await.expect(200);
    }
    let back = shop.owner.payment(&payment).await;
    assert_eq!((&back["state"], &back["refunded"]), (&json!("captured"), &json!(0)));

    // The payer complains, and loses.
    for (status, state) in [("needs_response", "open"), ("won", "won")] {
        app.stripe.dispute(&shop.secret_key, intent(&payment), status);
        for event in shop.take_events(app) {
            deliver(app, shop.webhook_path(), &event).await.expect(200);
        }
        let disputed = shop.owner.payment(&payment).await;
        assert_eq!((&disputed["state"], &disputed["dispute"]["state"]), (&json!("captured"), &json!(state)));
    }
    let balances = shop.owner.get("/ledger/balances?mode=test").await.expect(200)["data"].clone();
    let of = |account: &str| {
        let all = balances.as_array().unwrap();
        all.iter().find(|row| row["account"] == account).map_or(0, |row| row["balance"].as_i64().unwrap())
    };
    assert_eq!((of("gateway"), of("sales"), of("fees"), of("refunds"), of("disputes")), (950, -1000, 50, 0, 0));
}

#[tokio::test]
async fn a_payer_comes_back_before_the_message() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({})).await.expect(201);
    app.stripe.pay(&shop.secret_key, session(&payment));
    let token = format!("select return_token from payments.payments where id = '{}'", uuid_of(&payment["id"]));
    let token: String = sqlx::Row::get(&app.database.rows(&token).await[0], 0);
    let browser = reqwest::Client::new();
    let page = browser.get(format!("{}/payments/return/{token}", app.origin)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "captured");
}
