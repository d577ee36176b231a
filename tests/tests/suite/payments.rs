//! Payments at the gateway `test`: how each goes, what is written down, and what is refused.

use e2e::{Anonymous, App, Member, personas::fresh_key, personas::uuid_of};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

/// Lets so much time pass for a payment's attempts and looks.
async fn age(app: &App, payment: &Value, interval: &str) {
    let id = uuid_of(&payment["id"]);
    app.database
        .execute(&format!(
            "update payments.payments set next_look_at = next_look_at - interval '{interval}', leased_until = null,
                    expires_at = expires_at - interval '{interval}' where id = '{id}';
             update payments.attempts set asked_at = asked_at - interval '{interval}', leased_until = null
              where payment_id = '{id}'"
        ))
        .await;
}

async fn events(member: &Member, payment: &Value) -> Vec<String> {
    let path = format!("/payments/{}/events?limit=100", payment["id"].as_str().unwrap());
    let page = member.get(&path).await.expect(200);
    page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

/// The balances of the tenant's euros at the gateway `test`, by account.
async fn balance(member: &Member, account: &str) -> i64 {
    let balances = member.get("/ledger/balances?mode=test").await.expect(200);
    let all = balances["data"].as_array().unwrap();
    assert_eq!(all.iter().map(|row| row["balance"].as_i64().unwrap()).sum::<i64>(), 0, "{balances}");
    all.iter().find(|row| row["account"] == account).map_or(0, |row| row["balance"].as_i64().unwrap())
}

#[tokio::test]
async fn a_payment_is_made_written_down_and_found_again() {
    let owner = Member::owner(App::shared()).await;
    let new = json!({
        "amount": 1099, "currency": "EUR", "gateway": "test", "description": "Pro plan",
        "customer": { "email": "ada@example.com", "name": "Ada" }, "metadata": { "order": "7" },
    });
    let answer = owner.post_once("/payments", &fresh_key(), &new).await;
    let payment = answer.expect(201);
    assert_eq!(answer.header("location"), format!("/payments/{}", payment["id"].as_str().unwrap()));
    for (field, wanted) in [
        ("state", json!("captured")),
        ("amount", json!(1099)),
        ("authorized", json!(1099)),
        ("captured", json!(1099)),
        ("refunded", json!(0)),
        ("mode", json!("test")),
        ("capture_method", json!("automatic")),
        ("next_action", Value::Null),
        ("failure", Value::Null),
        ("metadata", json!({ "order": "7" })),
    ] {
        assert_eq!(payment[field], wanted, "{field}");
    }
    assert_eq!(payment["customer"]["email"], "ada@example.com");
    assert_eq!(owner.payment(&payment).await, payment);
    assert_eq!(owner.get("/payments?state=captured&gateway=test").await.expect(200)["data"], json!([payment]));
    assert_eq!(owner.get("/payments?state=failed").await.expect(200)["data"], json!([]));
    assert_eq!(events(&owner, &payment).await, ["payment.created", "payment.captured"]);

    let entries = owner.get("/ledger/entries?mode=test").await.expect(200)["data"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 1);
    assert_eq!(
        (&entries[0]["type"], &entries[0]["amount"], &entries[0]["debit"], &entries[0]["credit"]),
        (&json!("capture"), &json!(1099), &json!("gateway"), &json!("sales"))
    );
    assert_eq!((balance(&owner, "gateway").await, balance(&owner, "sales").await), (1099, -1099));
    assert_eq!(owner.get("/ledger/balances").await.expect(200)["data"], json!([]), "live is another matter");

    let figures = owner.get("/analytics/payments?mode=test").await.expect(200);
    assert_eq!(
        figures["by_gateway"],
        json!([{ "gateway": "test", "currency": "EUR", "payments": 1, "succeeded": 1, "unsuccessful": 0, "captured": 1099,
                 "refunded": 0, "refunded_payments": 0 }])
    );
    assert_eq!((&figures["total"], &figures["by_day"][0]["captured"]), (&json!(1), &json!(1099)));

    // Another tenant has none of it.
    let stranger = Member::owner(App::shared()).await;
    assert_eq!(stranger.get("/ledger/entries?mode=test").await.expect(200)["data"], json!([]));
    assert_eq!(stranger.get("/ledger/balances?mode=test").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn the_amount_decides_how_a_payment_goes() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    for (amount, status, state, looked_at) in [
        (1001, 201, "failed", "failed"),
        (1002, 201, "failed", "failed"),
        (1004, 201, "processing", "captured"),
        (1005, 201, "processing", "failed"),
        (1006, 202, "created", "captured"),
        (1008, 201, "authorized", "authorized"),
        (1009, 201, "failed", "captured"),
        (1015, 201, "failed", "failed"),
    ] {
        let payment = owner.pay(amount).await.expect(status);
        assert_eq!(payment["state"], state, "{amount}");
        let synced = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
        assert_eq!(synced["state"], looked_at, "{amount}, looked at");
        assert_eq!(synced["late_success_at"].is_string(), amount == 1009, "{amount}");
    }
    let declined = owner.pay(1002).await.expect(201);
    assert_eq!(declined["failure"], json!({ "code": "insufficient_funds", "gateway_code": "test" }));
}

#[tokio::test]
async fn a_key_makes_one_payment_however_often_it_comes() {
    let owner = Member::owner(App::shared()).await;
    let new = json!({ "amount": 1000, "currency": "EUR", "gateway": "test" });
    owner.post("/payments", &new).await.problem(400, "idempotency_key_required");

    let key = fresh_key();
    let answers = join_all((0..32).map(|_| owner.post_once("/payments", &key, &new))).await;
    let mut ids: Vec<String> = Vec::new();
    for answer in answers {
        match answer.status.as_u16() {
            201 => ids.push(answer.json()["id"].as_str().unwrap().to_owned()),
            _ => drop(answer.problem(409, "conflict_in_flight")),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(owner.get("/payments").await.expect(200)["data"].as_array().unwrap().len(), 1);
    assert_eq!(balance(&owner, "sales").await, -1000);

    let again = owner.post_once("/payments", &key, &new).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let first = again.expect(201);
    assert_eq!(first["id"], ids[0].as_str());
    // The answer of then, also when the payment has gone on.
    owner.with_payment(&first, "refunds", json!({ "amount": 400 })).await.expect(201);
    assert_eq!(owner.post_once("/payments", &key, &new).await.expect(201), first);
    let other = json!({ "amount": 1100, "currency": "EUR", "gateway": "test" });
    owner.post_once("/payments", &key, &other).await.problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_lost_answer_is_found_by_whoever_asks_next() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let new = |amount: i64| json!({ "amount": amount, "currency": "EUR", "gateway": "test" });

    // The client asks again.
    let key = fresh_key();
    let lost = owner.post_once("/payments", &key, &new(1006)).await;
    assert_eq!(lost.header("retry-after"), "300");
    assert_eq!(lost.expect(202)["state"], "created");
    let found = owner.post_once("/payments", &key, &new(1006)).await.expect(201);
    assert_eq!((&found["state"], &found["captured"]), (&json!("captured"), &json!(1006)));
    assert_eq!(owner.post_once("/payments", &key, &new(1006)).await.expect(201), found);

    // Nobody asks: the sweep does, when it is due.
    let lost = owner.pay(1006).await.expect(202);
    app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200);
    assert_eq!(owner.payment(&lost).await["state"], "created", "not due yet");
    age(app, &lost, "6 minutes").await;
    sweep(app).await;
    assert_eq!(owner.payment(&lost).await["state"], "captured");
    assert_eq!(events(&owner, &lost).await, ["payment.created", "gateway.unanswered", "payment.captured"]);

    // Nothing had happened: soon after that proves nothing, later it does.
    let key = fresh_key();
    let lost = owner.post_once("/payments", &key, &new(1007)).await.expect(202);
    owner.post_once("/payments", &key, &new(1007)).await.expect(202);
    age(app, &lost, "6 minutes").await;
    sweep(app).await;
    let failed = owner.payment(&lost).await;
    assert_eq!((&failed["state"], &failed["failure"]["code"]), (&json!("failed"), &json!("never_confirmed")));
    let told = owner.post_once("/payments", &key, &new(1007)).await.expect(201);
    assert_eq!(told["state"], "failed");
}

/// Sweeps until nothing is due.
async fn sweep(app: &App) {
    while app.as_scheduler(Method::POST, "/internal/payments/sweep").await.expect(200)["claimed"] != 0 {}
}

#[tokio::test]
async fn what_died_between_question_and_answer_is_gone_on_with() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let new = json!({ "amount": 1000, "currency": "EUR", "gateway": "test" });
    let key = fresh_key();
    let payment = owner.post_once("/payments", &key, &new).await.expect(201);
    // As if the instance had died before the answer was written: the attempt stands, and somebody was at it.
    let id = uuid_of(&payment["id"]);
    let died = |leased: &str| {
        format!(
            "set session_replication_role = replica;
             delete from payments.ledger_entries where payment_id = '{id}';
             update payments.payments set authorized = 0, captured = 0, phase = 'created' where id = '{id}';
             update payments.attempts set state = 'started', answer = null, answered_at = null, leased_until = {leased}
              where payment_id = '{id}'"
        )
    };
    app.database.execute(&died("now() + interval '30 seconds'")).await;
    owner.post_once("/payments", &key, &new).await.problem(409, "conflict_in_flight");
    app.database.execute(&died("now() - interval '1 second'")).await;
    let found = owner.post_once("/payments", &key, &new).await.expect(201);
    assert_eq!((&found["id"], &found["captured"]), (&payment["id"], &json!(1000)));
    assert_eq!(balance(&owner, "sales").await, -1000);
}

#[tokio::test]
async fn money_that_is_held_is_captured_in_parts_or_let_go() {
    let owner = Member::owner(App::shared()).await;
    let held = async |amount: i64| {
        let new = json!({ "amount": amount, "currency": "EUR", "gateway": "test", "capture_method": "manual" });
        let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
        assert_eq!((&payment["state"], &payment["captured"]), (&json!("authorized"), &json!(0)));
        payment
    };
    let payment = held(1000).await;
    owner.with_payment(&payment, "refunds", json!({})).await.problem(409, "payment_not_refundable");
    owner.with_payment(&payment, "capture", json!({ "amount": 1001 })).await.problem(409, "amount_exceeds_capturable");
    let partly = owner.with_payment(&payment, "capture", json!({ "amount": 400 })).await.expect(200);
    assert_eq!((&partly["state"], &partly["captured"]), (&json!("partially_captured"), &json!(400)));
    owner.with_payment(&payment, "capture", json!({ "amount": 601 })).await.problem(409, "amount_exceeds_capturable");
    owner.with_payment(&payment, "cancel", json!({})).await.problem(409, "payment_not_cancelable");
    let whole = owner.with_payment(&payment, "capture", json!({})).await.expect(200);
    assert_eq!((&whole["state"], &whole["captured"]), (&json!("captured"), &json!(1000)));
    owner.with_payment(&payment, "capture", json!({})).await.problem(409, "payment_not_capturable");
    assert_eq!(balance(&owner, "gateway").await, 1000);

    let payment = held(2000).await;
    let canceled = owner.with_payment(&payment, "cancel", json!({})).await.expect(200);
    assert_eq!(canceled["state"], "canceled");
    owner.with_payment(&payment, "cancel", json!({})).await.problem(409, "payment_not_cancelable");
    owner.with_payment(&payment, "capture", json!({})).await.problem(409, "payment_not_capturable");
    assert_eq!(balance(&owner, "gateway").await, 1000);

    // The same key is the same capture; 16 others at once are not one too many.
    let payment = held(3000).await;
    let path = format!("/payments/{}/capture", payment["id"].as_str().unwrap());
    let key = fresh_key();
    let captured = owner.post_once(&path, &key, &json!({ "amount": 1000 })).await.expect(200);
    assert_eq!(owner.post_once(&path, &key, &json!({ "amount": 1000 })).await.expect(200), captured);
    join_all((0..16).map(|_| owner.with_payment(&payment, "capture", json!({ "amount": 1000 })))).await;
    for _ in 0..2 {
        owner.with_payment(&payment, "capture", json!({ "amount": 1000 })).await;
    }
    assert_eq!(owner.payment(&payment).await["captured"], 3000);
    assert_eq!(balance(&owner, "gateway").await, 4000);

    // Its answer is lost: unknown, until somebody asks again.
    let payment = held(4014).await;
    let lost = owner.with_payment(&payment, "capture", json!({})).await.expect(202);
    assert_eq!(lost["captured"], 0);
    let synced = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!((&synced["state"], &synced["captured"]), (&json!("captured"), &json!(4014)));
}

#[tokio::test]
async fn a_payer_is_sent_away_and_comes_back() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let new = |url: &str| json!({ "amount": 1003, "currency": "EUR", "gateway": "test", "return_url": url });
    let url = "https://shop.example.com/thanks?order=7";
    owner.post_once("/payments", &fresh_key(), &new(url)).await.problem(422, "return_url_not_allowed");
    let settings = json!({ "return_origins": ["https://shop.example.com"], "members_may_refund": false });
    assert_eq!(owner.put("/payments/settings", &settings).await.expect(200), settings);
    assert_eq!(owner.get("/payments/settings").await.expect(200), settings);
    owner
        .post_once("/payments", &fresh_key(), &new("https://shop.example.com.evil.example/"))
        .await
        .problem(422, "return_url_not_allowed");
    owner.post_once("/payments", &fresh_key(), &new("javascript:alert(1)")).await.invalid(&["/return_url"]);

    let payment = owner.post_once("/payments", &fresh_key(), &new(url)).await.expect(201);
    assert_eq!((&payment["state"], &payment["next_action"]["type"]), (&json!("requires_action"), &json!("redirect")));
    let page = payment["next_action"]["url"].as_str().unwrap();
    let path = &page[page.find("/payments/return/").unwrap()..];
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let address = format!("{}{path}", app.origin);
    let shown = browser.get(&address).send().await.unwrap();
    assert_eq!(shown.status(), 200);
    let html = shown.text().await.unwrap();
    assert!(html.contains("10.03 EUR") && html.contains("Decline"), "{html}");
    assert_eq!(owner.payment(&payment).await["state"], "requires_action", "looking is not paying");

    let sent_on = browser.post(&address).form(&[("choice", "paid")]).send().await.unwrap();
    assert_eq!(sent_on.status(), 303);
    assert_eq!(sent_on.headers()["location"], format!("{url}&payment_id={}", payment["id"].as_str().unwrap()));
    let paid = owner.payment(&payment).await;
    assert_eq!((&paid["state"], &paid["next_action"]), (&json!("captured"), &Value::Null));
    // Coming back twice changes nothing.
    assert_eq!(browser.post(&address).form(&[("choice", "declined")]).send().await.unwrap().status(), 303);
    assert_eq!(owner.payment(&payment).await["state"], "captured");

    let payment = owner.pay(1003).await.expect(201);
    let page = payment["next_action"]["url"].as_str().unwrap();
    let address = format!("{}{}", app.origin, &page[page.find("/payments/return/").unwrap()..]);
    let answer = browser.post(&address).form(&[("choice", "declined")]).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("close this page"));
    assert_eq!(owner.payment(&payment).await["state"], "failed");
    Anonymous::of(app).get(&format!("/payments/return/{}", "A".repeat(43))).await.problem(404, "return_not_found");
}

#[tokio::test]
async fn who_does_not_pay_in_time_does_not_pay() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let payment = owner.pay(1003).await.expect(201);
    age(app, &payment, "23 hours 1 minute").await;
    sweep(app).await;
    let expired = owner.payment(&payment).await;
    assert_eq!((&expired["state"], &expired["next_action"]), (&json!("expired"), &Value::Null));
}

#[tokio::test]
async fn pages_show_every_payment_once() {
    let owner = Member::owner(App::shared()).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(owner.pay(1000).await.expect(201)["id"].clone());
    }
    made.reverse();
    let (mut seen, mut path) = (Vec::new(), "/payments?limit=2".to_owned());
    loop {
        let page = owner.get(&path).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|payment| payment["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/payments?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
}
