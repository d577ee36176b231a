//! The gateways that the tests pay with, driven and judged by the gateways' own SDKs: what they speak is what those expect, so that
//! our adapters are not only tried against our own idea of a gateway.

use std::collections::BTreeMap;

use e2e::{
    Anonymous, App, Member,
    gateways::{Delivery, paypal, razorpay, stripe},
    personas::fresh_key,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::python::ask;

fn wire(delivery: &Delivery) -> Value {
    let headers: BTreeMap<&str, &str> = delivery.headers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    json!({ "headers": headers, "body": delivery.body })
}

async fn open(owner: &Member, gateway: &str, credentials: Value) -> String {
    let body = json!({ "mode": "test", "credentials": credentials });
    let account = owner.put(&format!("/gateways/{gateway}/account"), &body).await.expect(200);
    let url = account["webhook_url"].as_str().expect("an address");
    url[url.find("/webhooks/").expect("a path")..].to_owned()
}

#[tokio::test]
async fn stripes_sdk_pays_with_ours_and_signatures_are_one() {
    let app = App::shared();
    let (key, secret) = ("sk_test_planted_sdk", "whsec_planted_sdk_0001");
    let question = |step: &str, more: Value| {
        let mut question =
            json!({ "gateway": "stripe", "step": step, "origin": app.stripe.origin, "key": key, "secret": secret });
        question.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        ask("gateways.py", &question)
    };
    let made = question("create", json!({}));
    assert_eq!((&made["same"], &made["status"], &made["amount"]), (&json!(true), &json!("open"), &json!(1099)));
    app.stripe.pay(key, made["id"].as_str().expect("an id"));
    let settled = question("settle", json!({ "id": made["id"] }));
    assert_eq!(
        settled,
        json!({ "status": "succeeded", "received": 1000, "refund": "succeeded", "refunds": [300], "refused": "charge_already_refunded" })
    );

    let deliveries = app.stripe.take_events(key, secret);
    let owner = Member::owner(app).await;
    let path = open(&owner, "stripe", json!({ "secret_key": key, "webhook_secret": secret })).await;
    let body = "{\"id\":\"evt_sdk\",\"type\":\"balance.available\",\"data\":{\"object\":{\"note\":\"caf\u{e9}\"}}}";
    let now = stripe::now();
    let judged = question(
        "judge",
        json!({ "deliveries": deliveries.iter().map(wire).collect::<Vec<_>>(), "body": body, "now": now }),
    );
    let events = judged["events"].as_array().expect("events");
    assert!(
        events.contains(&json!("payment_intent.succeeded")) && events.contains(&json!("refund.created")),
        "{judged}"
    );
    assert_eq!(judged["refused"], deliveries.len());
    // And what the SDK signs, we verify.
    let post = async |header: &str| {
        let request = owner.anonymous.request(Method::POST, &path).header("stripe-signature", header).body(body);
        Anonymous::send(request).await
    };
    post(judged["header"].as_str().expect("a header")).await.expect(200);
    post(&judged["header"].as_str().expect("a header").replace("v1=", "v0=")).await.problem(401, "webhook_not_signed");
}

#[tokio::test]
async fn razorpays_sdk_pays_with_ours_and_signatures_are_one() {
    let app = App::shared();
    let (key, key_secret, secret) = ("rzp_test_sdk", "planted_key_secret_sdk", "planted_webhook_secret_sdk");
    let question = |step: &str, more: Value| {
        let mut question = json!({ "gateway": "razorpay", "step": step, "origin": app.razorpay.origin, "key": key,
                                   "key_secret": key_secret, "secret": secret });
        question.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        ask("gateways.py", &question)
    };
    let made = question("create", json!({}));
    assert_eq!(made["status"], "created");
    assert!(made["refused"].as_str().is_some_and(|text| text.contains("reference_id_already_attempted")), "{made}");
    app.razorpay.pay(key, made["order"].as_str().expect("an id"));
    let settled = question("settle", json!({ "order": made["order"] }));
    assert_eq!(settled, json!({ "before": "authorized", "after": "captured", "refund": "pending" }));

    let deliveries = app.razorpay.take_events(key, secret);
    let link = made["link"].as_str().expect("an id");
    let returned = json!({
        "razorpay_payment_id": "pay_1", "payment_link_id": link, "payment_link_reference_id": "sdk-2",
        "payment_link_status": "paid", "razorpay_signature": razorpay::digest(key_secret, &format!("{link}|sdk-2|paid|pay_1")),
    });
    let judged = question(
        "judge",
        json!({ "deliveries": deliveries.iter().map(wire).collect::<Vec<_>>(), "returned": returned }),
    );
    assert!(
        deliveries.len() >= 3 && judged["verified"].as_array().is_some_and(|all| all.iter().all(|one| *one == true)),
        "{judged}"
    );
    assert_eq!(judged["returned"], true);
}

#[tokio::test]
async fn paypals_sdk_pays_with_ours_and_signs_the_same_string() {
    let app = App::shared();
    let key = "client-sdk";
    let question = |step: &str, more: Value| {
        let mut question = json!({ "gateway": "paypal", "step": step, "origin": app.paypal.origin, "key": key });
        question.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        ask("gateways.py", &question)
    };
    let made = question("create", json!({}));
    assert_eq!(made["status"], "PAYER_ACTION_REQUIRED");
    app.paypal.approve(key, made["id"].as_str().expect("an id"));
    let settled = question("settle", json!({ "id": made["id"] }));
    assert_eq!(settled, json!({ "status": "COMPLETED", "capture": "COMPLETED", "refund": "COMPLETED" }));
    let delivery = app.paypal.take_events(key, "1JE4291016473214C").remove(0);
    let judged = question("judge", json!({ "delivery": wire(&delivery), "webhook": "1JE4291016473214C" }));
    let value = |name: &str| delivery.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let (id, time) = (value("paypal-transmission-id"), value("paypal-transmission-time"));
    assert_eq!(judged["signed"], paypal::signed_string(id, time, "1JE4291016473214C", delivery.body.as_bytes()));
}

#[tokio::test]
async fn payus_sdk_makes_our_hash_and_believes_ours() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let key = owner.tenant().simple().to_string();
    app.payu.open(&key, "PlantedSaltSdk1");
    open(&owner, "payu", json!({ "merchant_key": key, "salt": "PlantedSaltSdk1" })).await;
    let new = json!({ "amount": 49900, "currency": "INR", "gateway": "payu", "mode": "test", "description": "Pro plan",
                      "customer": { "name": "Asha", "email": "asha@example.com", "phone": "9000000000" } });
    let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
    let fields = payment["next_action"]["fields"].as_array().expect("fields");
    let form: BTreeMap<&str, &str> =
        fields.iter().map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"))).collect();
    let answer = app.payu.pay(&payment["next_action"]["fields"], "failed");
    let answer: BTreeMap<String, String> = form_urlencoded::parse(answer.body.as_bytes()).into_owned().collect();
    let question = json!({ "gateway": "payu", "step": "judge", "key": key, "salt": "PlantedSaltSdk1", "form": form, "answer": answer });
    let judged = ask("gateways.py", &question);
    assert_eq!(judged, json!({ "hash": form["hash"], "answer": true, "altered": false }));
}
