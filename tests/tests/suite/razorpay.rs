//! Payments through Razorpay, or what stands for it: links, orders, its late word, its trouble.

use e2e::{
    Anonymous, Answer, App, Member,
    gateways::{
        Delivery, Trouble,
        razorpay::{digest, sign},
    },
    personas::{fresh_key, uuid_of},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A tenant with an account at Razorpay.
struct Shop {
    owner: Member,
    key_id: String,
    account: Value,
}

const KEY_SECRET: &str = "planted_key_secret_0001";
const WEBHOOK_SECRET: &str = "planted_webhook_secret_0001";

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let key_id = format!("rzp_test_{}", owner.tenant().simple());
        let credentials = json!({ "key_id": key_id, "key_secret": KEY_SECRET, "webhook_secret": WEBHOOK_SECRET });
        let account = json!({ "mode": "test", "credentials": credentials });
        let account = owner.put("/gateways/razorpay/account", &account).await.expect(200);
        assert!(account["verified_at"].is_string(), "{account}");
        Self { owner, key_id, account }
    }

    async fn create_once(&self, key: &str, amount: i64, more: Value) -> Answer {
        let mut new = json!({ "amount": amount, "currency": "INR", "gateway": "razorpay", "mode": "test" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.post_once("/payments", key, &new).await
    }

    async fn create(&self, amount: i64, more: Value) -> Value {
        self.create_once(&fresh_key(), amount, more).await.expect(201)
    }

    async fn sync(&self, payment: &Value) -> Value {
        self.owner.with_payment(payment, "sync", json!({})).await.expect(200)
    }

    /// Delivers everything that Razorpay has to say.
    async fn hear(&self, app: &App) {
        for event in app.razorpay.take_events(&self.key_id, WEBHOOK_SECRET) {
            self.deliver(app, &event).await.expect(200);
        }
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
}

fn order(payment: &Value) -> &str {
    payment["gateway_refs"]["order"].as_str().expect("a link or an order")
}

#[tokio::test]
async fn a_link_is_paid_and_the_message_tells() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(49900, json!({ "customer": { "name": "Asha", "phone": "+919000000000" } })).await;
    assert_eq!(payment["next_action"]["url"], format!("https://rzp.example/{}", order(&payment)));
    app.razorpay.pay(&shop.key_id, order(&payment));
    let events = app.razorpay.take_events(&shop.key_id, WEBHOOK_SECRET);
    assert!(events.len() > 2);
    // The last first, and each twice.
    for event in events.iter().rev().chain(&events) {
        shop.deliver(app, event).await.expect(200);
    }
    let paid = shop.owner.payment(&payment).await;
    assert_eq!((&paid["state"], &paid["captured"], &paid["fee"]), (&json!("captured"), &json!(49900), &json!(998)));

    for wrong in [
        sign("another_secret", &events[0].body),
        sign("", &events[0].body),
        Delivery { body: format!("{} ", events[0].body), ..events[0].clone() },
        Delivery { headers: Vec::new(), ..events[0].clone() },
    ] {
        shop.deliver(app, &wrong).await.problem(401, "webhook_not_signed");
    }
    let kept = format!("select 1 from payments.webhook_events where payment_id = '{}'", uuid_of(&payment["id"]));
    assert_eq!(app.database.rows(&kept).await.len(), events.len(), "a repeat is kept once");
}

#[tokio::test]
async fn a_failed_try_may_be_authorized_days_later() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(49900, json!({ "flow": "sdk" })).await;
    let tried = app.razorpay.decline(&shop.key_id, order(&payment));
    shop.hear(app).await;
    let failed = shop.owner.payment(&payment).await;
    assert_eq!(
        (&failed["state"], &failed["failure"]["code"]),
        (&json!("requires_action"), &json!("insufficient_funds"))
    );
    let canceled = shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(200);
    assert_eq!(canceled["state"], "canceled");
    app.razorpay.authorize_late(&shop.key_id, &tried);
    shop.hear(app).await;
    let late = shop.owner.payment(&payment).await;
    assert_eq!((&late["state"], late["late_success_at"].is_string()), (&json!("captured"), true));
    shop.owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
}

#[tokio::test]
async fn an_order_holds_money_until_it_is_captured_or_returns_by_itself() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let redirect = json!({ "capture_method": "manual" });
    shop.create_once(&fresh_key(), 49900, redirect).await.problem(422, "operation_not_supported");
    let manual = json!({ "flow": "sdk", "capture_method": "manual" });
    let payment = shop.create(49900, manual.clone()).await;
    let parameters = payment["next_action"]["parameters"].to_string();
    assert!(parameters.contains(order(&payment)) && parameters.contains(&shop.key_id), "{parameters}");
    assert!(!parameters.contains("planted"));

    app.razorpay.pay(&shop.key_id, order(&payment));
    assert_eq!(shop.sync(&payment).await["state"], "authorized");
    shop.owner.with_payment(&payment, "cancel", json!({})).await.problem(422, "operation_not_supported");
    shop.owner
        .with_payment(&payment, "capture", json!({ "amount": 100 }))
        .await
        .problem(422, "partial_capture_not_supported");
    app.razorpay.make_trouble(&shop.key_id, "/capture", Trouble::AnswerLost);
    shop.owner.with_payment(&payment, "capture", json!({})).await.expect(202);
    let captured = shop.sync(&payment).await;
    assert_eq!((&captured["state"], &captured["captured"]), (&json!("captured"), &json!(49900)));
    let asked = app.razorpay.requests(&shop.key_id);
    assert_eq!(asked.iter().filter(|request| request.ends_with("/capture")).count(), 1, "{asked:?}");

    let payment = shop.create(49900, manual).await;
    let held = app.razorpay.pay(&shop.key_id, order(&payment));
    shop.hear(app).await;
    assert_eq!(shop.owner.payment(&payment).await["state"], "authorized");
    app.razorpay.let_go(&shop.key_id, &held);
    shop.hear(app).await;
    assert_eq!(shop.owner.payment(&payment).await["state"], "expired");
}

#[tokio::test]
async fn what_was_made_and_not_heard_of_is_found_by_our_name() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    for flow in ["redirect", "sdk"] {
        let path = if flow == "sdk" { "POST /v1/orders" } else { "POST /v1/payment_links" };
        app.razorpay.make_trouble(&shop.key_id, path, Trouble::AnswerLost);
        let key = fresh_key();
        let lost = shop.create_once(&key, 49900, json!({ "flow": flow })).await.expect(202);
        let found = shop.create_once(&key, 49900, json!({ "flow": flow })).await.expect(201);
        assert_eq!((&found["id"], &found["state"]), (&lost["id"], &json!("requires_action")));
        let made = app.razorpay.requests(&shop.key_id).iter().filter(|request| *request == path).count();
        assert_eq!(made, 1, "{flow}");
    }
}

#[tokio::test]
async fn a_refund_is_done_once_and_only_when_it_is_processed() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(1000, json!({})).await;
    app.razorpay.pay(&shop.key_id, order(&payment));
    shop.sync(&payment).await;
    app.razorpay.make_trouble(&shop.key_id, "/refund", Trouble::AnswerLost);
    let lost = shop.owner.with_payment(&payment, "refunds", json!({ "amount": 400 })).await.expect(202);
    assert_eq!(lost["state"], "pending");
    let synced = shop.sync(&payment).await;
    assert_eq!((&synced["refunded"], &synced["refund_pending"]), (&json!(0), &json!(400)));
    let (_, refunds) = app.razorpay.books(&shop.key_id);
    assert_eq!(refunds.len(), 1);
    app.razorpay.settle_refund(&shop.key_id, refunds[0]["id"].as_str().unwrap(), "processed");
    shop.hear(app).await;
    let refunded = shop.owner.payment(&payment).await;
    assert_eq!((&refunded["state"], &refunded["refunded"]), (&json!("partially_refunded"), &json!(400)));

    let failing = shop.owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    app.razorpay.settle_refund(&shop.key_id, failing["gateway_ref"].as_str().unwrap(), "failed");
    shop.hear(app).await;
    let now = shop.owner.payment(&payment).await;
    assert_eq!((&now["refunded"], &now["refund_pending"]), (&json!(400), &json!(0)));
}

#[tokio::test]
async fn a_returning_payer_is_believed_only_with_our_signature_and_the_gateway_asked() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(49900, json!({})).await;
    let name = app.razorpay.pay(&shop.key_id, order(&payment));
    let token = format!("select return_token from payments.payments where id = '{}'", uuid_of(&payment["id"]));
    let token: String = sqlx::Row::get(&app.database.rows(&token).await[0], 0);
    let message = format!("{}|{}|paid|{name}", order(&payment), payment["id"].as_str().unwrap());
    let query = format!(
        "razorpay_payment_id={name}&razorpay_payment_link_reference_id={}&razorpay_payment_link_status=paid&razorpay_signature={}",
        payment["id"].as_str().unwrap(),
        digest(KEY_SECRET, &message)
    );
    let answer = Anonymous::of(app).get(&format!("/payments/return/{token}?{query}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "captured");
}
