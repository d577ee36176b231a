//! Payments through PayPal, or what stands for it: approval is no payment, a signature is no proof, tokens are kept.

use e2e::{
    Anonymous, Answer, App, Member,
    gateways::{Delivery, Trouble, paypal::sign},
    personas::{fresh_key, uuid_of},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A tenant with an account at PayPal.
struct Shop {
    owner: Member,
    client: String,
    account: Value,
}

const WEBHOOK: &str = "1JE4291016473214C";

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let client = format!("client-{}", owner.tenant().simple());
        let credentials =
            json!({ "client_id": client, "client_secret": "planted_client_secret", "webhook_id": WEBHOOK });
        let account = json!({ "mode": "test", "credentials": credentials });
        let account = owner.put("/gateways/paypal/account", &account).await.expect(200);
        assert!(account["verified_at"].is_string(), "{account}");
        Self { owner, client, account }
    }

    async fn create_once(&self, key: &str, amount: i64, more: Value) -> Answer {
        let mut new = json!({ "amount": amount, "currency": "USD", "gateway": "paypal", "mode": "test" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.post_once("/payments", key, &new).await
    }

    async fn create(&self, amount: i64, more: Value) -> Value {
        self.create_once(&fresh_key(), amount, more).await.expect(201)
    }

    async fn sync(&self, payment: &Value) -> Value {
        self.owner.with_payment(payment, "sync", json!({})).await.expect(200)
    }

    async fn deliver(&self, app: &App, delivery: &Delivery) -> Answer {
        let url = self.account["webhook_url"].as_str().unwrap();
        let path = &url[url.find("/webhooks/").unwrap()..];
        let mut request = Anonymous::of(app).request(Method::POST, path).body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        Anonymous::send(request).await
    }

    async fn hear(&self, app: &App) {
        for event in app.paypal.take_events(&self.client, WEBHOOK) {
            self.deliver(app, &event).await.expect(200);
        }
    }

    fn asked(&self, app: &App, what: &str) -> usize {
        app.paypal.requests(&self.client).iter().filter(|request| request.contains(what)).count()
    }
}

fn order(payment: &Value) -> &str {
    payment["gateway_refs"]["order"].as_str().expect("an order")
}

#[tokio::test]
async fn an_approval_is_captured_by_us_and_the_token_is_kept() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({})).await;
    assert_eq!(payment["next_action"]["url"], format!("https://paypal.example/checkoutnow?token={}", order(&payment)));
    app.paypal.approve(&shop.client, order(&payment));
    assert_eq!(app.paypal.books(&shop.client), (0, 0), "approval moves no money");
    shop.hear(app).await;
    let paid = shop.owner.payment(&payment).await;
    assert_eq!((&paid["state"], &paid["captured"], &paid["fee"]), (&json!("captured"), &json!(1099), &json!(21)));
    shop.hear(app).await;
    assert_eq!(app.paypal.books(&shop.client), (1099, 0));
    assert_eq!(shop.asked(app, "/capture"), 1);
    assert_eq!(shop.asked(app, "/oauth2/token"), 1, "one token for all of it");

    app.paypal.forget_tokens(&shop.client);
    shop.create(1099, json!({})).await;
    assert_eq!(shop.asked(app, "/oauth2/token"), 2, "one that is no longer taken is replaced");
    let kept =
        format!("select access_token from payments.gateway_accounts where tenant_id = '{}'", shop.owner.tenant());
    let sealed: Vec<u8> = sqlx::Row::get(&app.database.rows(&kept).await[0], 0);
    assert!(!String::from_utf8_lossy(&sealed).contains("TOKEN"));
}

#[tokio::test]
async fn a_message_is_only_heard_if_paypal_says_it_is_its_own_and_never_believed() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({})).await;
    let claim = json!({ "id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {
        "id": "3C679366HH908993F", "status": "COMPLETED", "amount": { "currency_code": "USD", "value": "10.99" },
        "custom_id": payment["id"], "supplementary_data": { "related_ids": { "order_id": order(&payment) } } } });
    let genuine = sign(WEBHOOK, &claim.to_string());
    let altered = Delivery { body: claim.to_string().replace("10.99", "99.99"), ..genuine.clone() };
    shop.deliver(app, &altered).await.problem(401, "webhook_not_signed");
    shop.deliver(app, &sign("ANOTHERWEBHOOK", &claim.to_string())).await.problem(401, "webhook_not_signed");
    shop.deliver(app, &Delivery { headers: Vec::new(), ..genuine.clone() }).await.problem(401, "webhook_not_signed");
    app.paypal.make_trouble(&shop.client, "verify-webhook-signature", Trouble::Status(503));
    let refused = shop.deliver(app, &genuine).await;
    refused.problem(503, "webhook_not_verified");
    assert_eq!(refused.header("retry-after"), "60");
    let kept = format!("select 1 from payments.webhook_events where tenant_id = '{}'", shop.owner.tenant());
    assert_eq!(app.database.rows(&kept).await.len(), 0);

    // Even where its signature holds: the order says that nobody has paid.
    shop.deliver(app, &genuine).await.expect(200);
    let now = shop.owner.payment(&payment).await;
    assert_eq!((&now["state"], &now["captured"]), (&json!("requires_action"), &json!(0)));
    assert_eq!(app.database.rows(&kept).await.len(), 1);
}

#[tokio::test]
async fn a_canceled_order_is_not_captured_when_its_payer_approves_it() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1099, json!({})).await;
    assert_eq!(shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(200)["state"], "canceled");
    app.paypal.approve(&shop.client, order(&payment));
    shop.hear(app).await;
    assert_eq!(shop.owner.payment(&payment).await["state"], "canceled");
    assert_eq!(app.paypal.books(&shop.client), (0, 0));
}

#[tokio::test]
async fn money_is_held_captured_in_part_or_let_go() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let held = async || {
        let payment = shop.create(2000, json!({ "capture_method": "manual" })).await;
        app.paypal.approve(&shop.client, order(&payment));
        let held = shop.sync(&payment).await;
        assert_eq!((&held["state"], &held["authorized"]), (&json!("authorized"), &json!(2000)));
        payment
    };
    let payment = held().await;
    let captured = shop.owner.with_payment(&payment, "capture", json!({ "amount": 1500 })).await.expect(200);
    assert_eq!((&captured["state"], &captured["captured"]), (&json!("partially_captured"), &json!(1500)));
    let payment = held().await;
    assert_eq!(shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(200)["state"], "canceled");
    let payment = held().await;
    app.paypal.make_trouble(&shop.client, "/capture", Trouble::AnswerLost);
    shop.owner.with_payment(&payment, "capture", json!({})).await.expect(202);
    assert_eq!(shop.sync(&payment).await["captured"], 2000);
    assert_eq!(app.paypal.books(&shop.client), (3500, 0));
}

#[tokio::test]
async fn what_was_lost_is_asked_for_again_and_done_once() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    app.paypal.make_trouble(&shop.client, "POST /v2/checkout/orders", Trouble::AnswerLost);
    let key = fresh_key();
    let lost = shop.create_once(&key, 1000, json!({})).await.expect(202);
    let payment = shop.create_once(&key, 1000, json!({})).await.expect(201);
    assert_eq!(lost["id"], payment["id"]);
    app.paypal.approve(&shop.client, order(&payment));
    // The capture is done, and nobody hears of it: the next look does.
    app.paypal.make_trouble(&shop.client, "/capture", Trouble::AnswerLost);
    shop.sync(&payment).await;
    assert_eq!(shop.sync(&payment).await["captured"], 1000);

    app.paypal.make_trouble(&shop.client, "/refund", Trouble::AnswerLost);
    let refund = shop.owner.with_payment(&payment, "refunds", json!({ "amount": 400 })).await.expect(202);
    assert_eq!(refund["state"], "pending");
    // Word of it comes before we have asked again.
    shop.hear(app).await;
    let now = shop.owner.payment(&payment).await;
    assert_eq!((&now["refunded"], &now["refund_pending"]), (&json!(400), &json!(0)));
    let path = format!("/payments/{}/refunds", payment["id"].as_str().unwrap());
    assert_eq!(shop.owner.get(&path).await.expect(200)["data"].as_array().unwrap().len(), 1);

    app.paypal.refund_by_hand(&shop.client, order(&payment), "1.00");
    shop.hear(app).await;
    assert_eq!(shop.owner.payment(&payment).await["refunded"], 500);
    app.paypal.make_trouble(&shop.client, "/refund", Trouble::Decline("REFUND_TIME_LIMIT_EXCEEDED"));
    let refused = shop.owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!(
        (&refused["state"], &refused["failure"]["gateway_code"]),
        (&json!("failed"), &json!("REFUND_TIME_LIMIT_EXCEEDED"))
    );
    assert_eq!(app.paypal.books(&shop.client), (1000, 500));
    let sum = format!(
        "select sum(amount)::bigint from payments.ledger_entries where payment_id = '{}' and type = 'refund'",
        uuid_of(&payment["id"])
    );
    assert_eq!(sqlx::Row::get::<i64, _>(&app.database.rows(&sum).await[0], 0), 500);
}

#[tokio::test]
async fn a_declined_card_leaves_the_payer_another_try_and_bad_credentials_none() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1000, json!({})).await;
    app.paypal.approve(&shop.client, order(&payment));
    app.paypal.make_trouble(&shop.client, "/capture", Trouble::Decline("INSTRUMENT_DECLINED"));
    let declined = shop.sync(&payment).await;
    assert_eq!((&declined["state"], &declined["failure"]["code"]), (&json!("requires_action"), &json!("declined")));
    let credentials = json!({ "client_id": shop.client, "client_secret": "planted_refused", "webhook_id": WEBHOOK });
    let account = json!({ "mode": "test", "credentials": credentials });
    assert_eq!(shop.owner.put("/gateways/paypal/account", &account).await.expect(200)["verified_at"], Value::Null);
    let failed = shop.create(1000, json!({})).await;
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!("credentials_refused")));
}
