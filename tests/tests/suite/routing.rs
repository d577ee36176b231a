//! Who takes a payment whose client names no gateway, and who does when the first certainly took nothing.

use e2e::{App, Member, gateways::Trouble, personas::fresh_key};
use futures::future::join_all;
use serde_json::{Value, json};

/// A tenant with accounts at Stripe and Razorpay, and a rule that asks them in this order.
struct Shop {
    owner: Member,
    stripe: String,
    razorpay: String,
}

impl Shop {
    async fn open(app: &App) -> Self {
        let owner = Member::owner(app).await;
        let name = owner.tenant().simple().to_string();
        let shop = Self { stripe: format!("sk_test_routed_{name}"), razorpay: format!("rzp_test_{name}"), owner };
        shop.put("stripe", json!({ "secret_key": shop.stripe, "webhook_secret": "whsec_routed_0001" })).await;
        let razorpay =
            json!({ "key_id": shop.razorpay, "key_secret": "routed_key_secret", "webhook_secret": "routed_webhook" });
        shop.put("razorpay", razorpay).await;
        shop.route(json!([{ "gateways": ["stripe", "razorpay"] }])).await;
        shop
    }

    async fn put(&self, gateway: &str, credentials: Value) {
        let account = json!({ "mode": "test", "credentials": credentials });
        self.owner.put(&format!("/gateways/{gateway}/account"), &account).await.expect(200);
    }

    async fn route(&self, rules: Value) {
        let rules = json!({ "rules": rules });
        assert_eq!(self.owner.put("/payments/routing", &rules).await.expect(200), rules);
    }

    async fn create(&self, key: &str, more: Value) -> e2e::Answer {
        let mut new = json!({ "amount": 50_000, "currency": "INR", "mode": "test" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.owner.post_once("/payments", key, &new).await
    }

    async fn routed(&self, more: Value) -> Value {
        self.create(&fresh_key(), more).await.expect(201)["gateway"].clone()
    }
}

#[tokio::test]
async fn the_first_rule_that_is_for_a_payment_decides() {
    let shop = Shop::open(App::shared()).await;
    shop.route(json!([
        { "currencies": ["INR"], "amount_max": 100_000, "gateways": ["razorpay"] },
        { "countries": ["IN"], "gateways": ["razorpay"] },
        { "currencies": ["INR", "EUR"], "gateways": ["payu", "stripe"] },
    ]))
    .await;
    assert_eq!(shop.routed(json!({})).await, "razorpay");
    // Past the first rule; the third names a gateway that the tenant has no account with.
    assert_eq!(shop.routed(json!({ "amount": 100_001 })).await, "stripe");
    assert_eq!(shop.routed(json!({ "amount": 100_001, "customer": { "country": "IN" } })).await, "razorpay");
    assert_eq!(shop.routed(json!({ "currency": "EUR", "customer": { "country": "DE" } })).await, "stripe");
    // A named gateway is not argued with.
    assert_eq!(shop.routed(json!({ "gateway": "stripe" })).await, "stripe");

    shop.create(&fresh_key(), json!({ "currency": "USD" })).await.problem(422, "no_gateway_fits");
    let refused = shop.create(&fresh_key(), json!({ "mode": "live" })).await.problem(422, "no_gateway_fits");
    assert!(refused["detail"].as_str().unwrap().contains("razorpay (gateway_account_missing)"), "{refused}");
    shop.create(&fresh_key(), json!({ "customer": { "country": "UK" } })).await.invalid(&["/customer/country"]);
}

#[tokio::test]
async fn rules_that_mean_nothing_are_refused() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    for (rule, field) in [
        (json!({ "gateways": [] }), "/rules/0/gateways"),
        (json!({ "gateways": ["stripe", "stripe"] }), "/rules/0/gateways"),
        (json!({ "gateways": ["nobody"] }), "/rules/0/gateways/0"),
        (json!({ "gateways": ["stripe"], "amount_min": 5 }), "/rules/0/amount_min"),
        (json!({ "gateways": ["stripe"], "countries": ["UK"] }), "/rules/0/countries/0"),
        (json!({ "gateways": ["stripe"], "currencies": ["inr"] }), "/rules/0/currencies/0"),
    ] {
        shop.owner.put("/payments/routing", &json!({ "rules": [rule] })).await.invalid(&[field]);
    }
    let many: Vec<_> = (0..51).map(|_| json!({ "gateways": ["stripe"] })).collect();
    shop.owner.put("/payments/routing", &json!({ "rules": many })).await.invalid(&["/rules"]);
    let member = shop.owner.colleague(app, "member").await;
    member.put("/payments/routing", &json!({ "rules": [] })).await.problem(403, "forbidden");
    assert_eq!(member.get("/payments/routing").await.expect(200)["rules"].as_array().unwrap().len(), 1);
    let audited = shop.owner.get("/audit-log?action=payment_routing.changed").await.expect(200);
    assert_eq!(audited["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_next_gateway_is_asked_if_the_first_certainly_took_nothing() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    for trouble in [Trouble::Status(400), Trouble::Status(401), Trouble::Status(429)] {
        app.stripe.make_trouble(&shop.stripe, "checkout/sessions", trouble);
        let key = fresh_key();
        let payment = shop.create(&key, json!({})).await.expect(201);
        assert_eq!((&payment["gateway"], &payment["state"]), (&json!("razorpay"), &json!("requires_action")));
        assert!(payment["gateway_refs"]["order"].as_str().unwrap().starts_with("plink_"));
        assert_eq!(payment["failure"], Value::Null);

        let again = shop.create(&key, json!({})).await;
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.expect(201)["id"], payment["id"]);

        let events = shop.owner.get(&format!("/payments/{}/events", payment["id"].as_str().unwrap())).await.expect(200);
        let moved = events["data"].as_array().unwrap().iter().find(|event| event["type"] == "gateway.failed_over");
        let details = &moved.expect("a line in the timeline")["details"];
        assert_eq!((&details["from"], &details["to"]), (&json!("stripe"), &json!("razorpay")));

        // The other gateway is where everything happens from then on.
        app.razorpay.pay(&shop.razorpay, payment["gateway_refs"]["order"].as_str().unwrap());
        let paid = shop.owner.with_payment(&payment, "sync", json!({})).await.expect(200);
        assert_eq!((&paid["state"], &paid["captured"]), (&json!("captured"), &json!(50_000)));
        let path = format!("/ledger/entries?mode=test&payment={}", payment["id"].as_str().unwrap());
        let entries = shop.owner.get(&path).await.expect(200)["data"].clone();
        assert!(entries.as_array().unwrap().iter().all(|entry| entry["gateway"] == "razorpay"), "{entries}");
    }
    // Both refuse: the payment failed, and says why.
    app.stripe.make_trouble(&shop.stripe, "checkout/sessions", Trouble::Status(400));
    app.razorpay.make_trouble(&shop.razorpay, "payment_links", Trouble::Status(400));
    let failed = shop.create(&fresh_key(), json!({})).await.expect(201);
    assert_eq!((&failed["gateway"], &failed["state"]), (&json!("razorpay"), &json!("failed")));
    assert_eq!(failed["failure"]["code"], "refused");
}

#[tokio::test]
async fn a_lost_answer_and_a_decline_stay_where_they_are() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    for trouble in [Trouble::AnswerLost, Trouble::NotDone, Trouble::Status(500), Trouble::Garbled] {
        app.stripe.make_trouble(&shop.stripe, "checkout/sessions", trouble);
        let payment = shop.create(&fresh_key(), json!({})).await.expect(202);
        assert_eq!((&payment["gateway"], &payment["state"]), (&json!("stripe"), &json!("created")));
    }
    app.stripe.make_trouble(&shop.stripe, "payment_intents", Trouble::Decline("insufficient_funds"));
    let declined = shop.create(&fresh_key(), json!({ "flow": "sdk" })).await.expect(201);
    assert_eq!((&declined["gateway"], &declined["state"]), (&json!("stripe"), &json!("failed")));
    assert!(!app.razorpay.requests(&shop.razorpay).iter().any(|line| line.starts_with("POST")));

    // Who asks again after a lost answer hears a refusal that says nothing of the first try: it stays open.
    app.stripe.make_trouble(&shop.stripe, "checkout/sessions", Trouble::AnswerLost);
    let key = fresh_key();
    shop.create(&key, json!({})).await.expect(202);
    app.stripe.make_trouble(&shop.stripe, "checkout/sessions", Trouble::Status(401));
    let payment = shop.create(&key, json!({})).await.expect(202);
    assert_eq!(payment["gateway"], "stripe");
    assert!(!app.razorpay.requests(&shop.razorpay).iter().any(|line| line.starts_with("POST")));
    let payment = shop.create(&key, json!({})).await.expect(201);
    assert_eq!((&payment["gateway"], &payment["state"]), (&json!("stripe"), &json!("requires_action")));
}

#[tokio::test]
async fn thirty_two_at_once_go_to_the_next_gateway_once() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    app.stripe.make_trouble(&shop.stripe, "checkout/sessions", Trouble::Status(400));
    let key = fresh_key();
    let answers = join_all((0..32).map(|_| shop.create(&key, json!({})))).await;
    for answer in answers {
        match answer.status.as_u16() {
            201 => assert_eq!(answer.expect(201)["gateway"], "razorpay"),
            _ => drop(answer.problem(409, "conflict_in_flight")),
        }
    }
    let posts = |lines: Vec<String>| lines.iter().filter(|line| line.starts_with("POST")).count();
    let asked = (posts(app.stripe.requests(&shop.stripe)), posts(app.razorpay.requests(&shop.razorpay)));
    assert_eq!(asked, (1, 1));
}

#[tokio::test]
async fn a_gateway_whose_account_went_is_passed_over() {
    let app = App::shared();
    let shop = Shop::open(app).await;
    shop.route(json!([{ "gateways": ["stripe", "razorpay", "test"] }])).await;
    shop.owner.delete("/gateways/razorpay/account?mode=test").await.expect(204);
    app.stripe.make_trouble(&shop.stripe, "checkout/sessions", Trouble::Status(400));
    assert_eq!(shop.routed(json!({})).await, "test");
}
