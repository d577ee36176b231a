//! Payments through PayU, or what stands for it: the payer's form, queues, messages that nobody signed.

use e2e::{
    Anonymous, Answer, App, Member,
    gateways::{Delivery, Trouble},
    personas::{fresh_key, uuid_of},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A tenant with an account at PayU.
struct Shop {
    owner: Member,
    key: String,
    account: Value,
}

const SALT: &str = "PlantedSalt0001";

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let key = owner.tenant().simple().to_string();
        app.payu.open(&key, SALT);
        let account = json!({ "mode": "test", "credentials": { "merchant_key": key, "salt": SALT } });
        let account = owner.put("/gateways/payu/account", &account).await.expect(200);
        assert!(account["verified_at"].is_string(), "{account}");
        Self { owner, key, account }
    }

    async fn create(&self, amount: i64, more: Value) -> Value {
        let customer = json!({ "name": "Asha", "email": "asha@example.com", "phone": "9000000000" });
        let mut new = json!({ "amount": amount, "currency": "INR", "gateway": "payu", "mode": "test", "customer": customer,
                              "description": "Pro plan" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.post_once("/payments", &fresh_key(), &new).await.expect(201)
    }

    async fn sync(&self, payment: &Value) -> Value {
        self.owner.with_payment(payment, "sync", json!({})).await.expect(200)
    }

    async fn deliver(&self, app: &App, delivery: &Delivery) -> Answer {
        let url = self.account["webhook_url"].as_str().unwrap();
        send(app, &url[url.find("/webhooks/").unwrap()..], delivery).await
    }
}

async fn send(app: &App, path: &str, delivery: &Delivery) -> Answer {
    let mut request = Anonymous::of(app).request(Method::POST, path).body(delivery.body.clone());
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    Anonymous::send(request).await
}

fn form(payment: &Value) -> &Value {
    assert_eq!(payment["next_action"]["type"], "form_post", "{payment}");
    &payment["next_action"]["fields"]
}

#[tokio::test]
async fn a_payer_posts_a_form_and_comes_back_with_one() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(49900, json!({})).await;
    assert!(payment["next_action"]["url"].as_str().unwrap().ends_with("/_payment"));
    assert!(!payment.to_string().contains("Planted"));
    assert_eq!(shop.sync(&payment).await["state"], "requires_action", "nobody has come");

    let answer = app.payu.pay(form(&payment), "success");
    let token = format!("select return_token from payments.payments where id = '{}'", uuid_of(&payment["id"]));
    let token: String = sqlx::Row::get(&app.database.rows(&token).await[0], 0);
    assert_eq!(send(app, &format!("/payments/return/{token}"), &answer).await.status, 200);
    let paid = shop.owner.payment(&payment).await;
    assert_eq!((&paid["state"], &paid["captured"]), (&json!("captured"), &json!(49900)));
    // The same form is also PayU's message, in any number.
    for _ in 0..2 {
        shop.deliver(app, &answer).await.expect(200);
    }
    let forged = Delivery { body: answer.body.replace("499.00", "4.00"), ..answer.clone() };
    shop.deliver(app, &forged).await.problem(401, "webhook_not_signed");
    send(app, "/webhooks/payu", &answer).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["captured"], 49900);
}

#[tokio::test]
async fn what_payu_must_know_is_asked_for() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let post = async |body: Value| shop.owner.post_once("/payments", &fresh_key(), &body).await;
    let new = json!({ "amount": 49900, "currency": "INR", "gateway": "payu", "mode": "test" });
    post(new.clone()).await.invalid(&["/customer/name", "/customer/email", "/customer/phone"]);
    let with = |name: &str, value: Value| {
        let mut body = new.clone();
        body["customer"] = json!({ "name": "Asha", "email": "asha@example.com", "phone": "9000000000" });
        body[name] = value;
        body
    };
    post(with("currency", json!("USD"))).await.problem(422, "amount_not_accepted");
    post(with("flow", json!("sdk"))).await.problem(422, "operation_not_supported");
    let wrong = json!({ "mode": "test", "credentials": { "merchant_key": shop.key, "salt": "AnotherSalt" } });
    let account = shop.owner.put("/gateways/payu/account", &wrong).await.expect(200);
    assert_eq!(account["verified_at"], Value::Null, "PayU does not take the salt");
}

#[tokio::test]
async fn a_message_alone_tells_and_a_payer_may_give_up() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(49900, json!({})).await;
    let answer = app.payu.pay(form(&payment), "userCancelled");
    shop.deliver(app, &answer).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "canceled");
    let payment = shop.create(49900, json!({})).await;
    let answer = app.payu.pay(form(&payment), "failed");
    shop.deliver(app, &answer).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["state"], "failed");
}

#[tokio::test]
async fn money_is_held_and_captured_or_let_go_when_payu_gets_to_it() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let held = async || {
        let payment = shop.create(49900, json!({ "capture_method": "manual" })).await;
        app.payu.pay(form(&payment), "success");
        assert_eq!(shop.sync(&payment).await["state"], "authorized");
        payment
    };
    let payment = held().await;
    shop.owner
        .with_payment(&payment, "capture", json!({ "amount": 100 }))
        .await
        .problem(422, "partial_capture_not_supported");
    let queued = shop.owner.with_payment(&payment, "capture", json!({})).await.expect(202);
    assert_eq!((&queued["state"], &queued["captured"]), (&json!("authorized"), &json!(0)));
    assert_eq!(shop.sync(&payment).await["state"], "authorized", "still queued");
    app.payu.work(&shop.key);
    assert_eq!(shop.sync(&payment).await["captured"], 49900);
    let commands = app.payu.commands(&shop.key);
    assert_eq!(commands.iter().filter(|command| *command == "capture_transaction").count(), 1, "{commands:?}");

    let payment = held().await;
    shop.owner.with_payment(&payment, "cancel", json!({})).await.expect(202);
    app.payu.work(&shop.key);
    assert_eq!(shop.sync(&payment).await["state"], "canceled");
    assert_eq!(app.payu.books(&shop.key), (49900, 0));
}

#[tokio::test]
async fn a_refund_is_done_when_payu_has_done_it_and_once() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    let payment = shop.create(100_000, json!({})).await;
    app.payu.pay(form(&payment), "success");
    shop.sync(&payment).await;

    let refund = shop.owner.with_payment(&payment, "refunds", json!({ "amount": 30000 })).await.expect(201);
    assert_eq!(refund["state"], "pending", "it is only queued");
    app.payu.work(&shop.key);
    // Nobody signed the message; it only makes us ask.
    let message = app.payu.refund_message(&shop.key);
    shop.deliver(app, &message).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["refunded"], 30000);
    let lies = Delivery { body: message.body.replace("300.00", "900.00"), ..message };
    shop.deliver(app, &lies).await.expect(200);
    assert_eq!(shop.owner.payment(&payment).await["refunded"], 30000, "what it says is not believed");

    for trouble in [Trouble::AnswerLost, Trouble::NotDone, Trouble::Garbled] {
        app.payu.make_trouble(&shop.key, "cancel_refund_transaction", trouble.clone());
        let lost = shop.owner.with_payment(&payment, "refunds", json!({ "amount": 10000 })).await.expect(202);
        assert_eq!(lost["state"], "pending", "{trouble:?}");
        shop.sync(&payment).await;
        app.payu.work(&shop.key);
        shop.sync(&payment).await;
    }
    let now = shop.owner.payment(&payment).await;
    assert_eq!((&now["refunded"], &now["refund_pending"]), (&json!(60000), &json!(0)));
    assert_eq!(app.payu.books(&shop.key), (100_000, 60000));
    app.payu.make_trouble(&shop.key, "cancel_refund_transaction", Trouble::Decline("E999"));
    let refused = shop.owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!((&refused["state"], &refused["failure"]["gateway_code"]), (&json!("failed"), &json!("E999")));
}
