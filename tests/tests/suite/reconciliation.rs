//! What gateways say they took, beside what we hold.

use e2e::{App, Member, gateways::Trouble, personas::fresh_key};
use serde_json::{Value, json};

const HOUR: &str = "created_after=2020-01-01T00:00:00Z";

/// From an hour ago to an hour ahead.
fn window() -> String {
    let now = i64::try_from(e2e::gateways::stripe::now()).expect("a second of this era");
    let now = chrono::DateTime::from_timestamp(now, 0).expect("a second of this era");
    let at = |hours| (now + chrono::TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ");
    format!("created_after={}&created_before={}", at(-1), at(1))
}

async fn report(owner: &Member, gateway: &str) -> Value {
    owner.get(&format!("/ledger/reconciliation?gateway={gateway}&mode=test&{}", window())).await.expect(200)
}

fn differences(report: &Value) -> Vec<(&str, i64, i64)> {
    let amount = |side: &Value| side["captured"].as_i64().unwrap_or(-1);
    let rows = report["differences"].as_array().expect("differences").iter();
    rows.map(|row| (row["kind"].as_str().unwrap(), amount(&row["ours"]), amount(&row["theirs"]))).collect()
}

#[tokio::test]
async fn stripes_books_and_ours_agree_until_they_do_not() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let key = format!("sk_test_reconciled_{}", owner.tenant().simple());
    let credentials = json!({ "secret_key": key, "webhook_secret": "whsec_reconciled_01" });
    owner.put("/gateways/stripe/account", &json!({ "mode": "test", "credentials": credentials })).await.expect(200);
    let mut paid = Vec::new();
    for amount in [1000, 2000, 3000] {
        let new = json!({ "amount": amount, "currency": "EUR", "gateway": "stripe", "mode": "test" });
        let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
        app.stripe.pay(&key, payment["gateway_refs"]["order"].as_str().unwrap());
        paid.push(owner.with_payment(&payment, "sync", json!({})).await.expect(200));
    }
    owner.with_payment(&paid[1], "refunds", json!({ "amount": 500 })).await.expect(201);
    let agreed = report(&owner, "stripe").await;
    assert_eq!((&agreed["listed"], &agreed["held"], &agreed["differences"]), (&json!(3), &json!(3), &json!([])));

    let elsewhere = app.stripe.pay_elsewhere(&key, 777);
    app.stripe.forget(&key, paid[0]["gateway_refs"]["payment"].as_str().unwrap());
    let id = e2e::personas::uuid_of(&paid[2]["id"]);
    app.database.execute(&format!("update payments.payments set captured = 2999 where id = '{id}'")).await;
    let found = report(&owner, "stripe").await;
    let wanted = [("missing_here", -1, 777), ("missing_there", 1000, -1), ("amounts_differ", 2999, 3000)];
    assert_eq!(differences(&found), wanted, "{found}");
    assert_eq!(found["differences"][0]["gateway_refs"], json!([elsewhere]));
    assert_eq!(found["differences"][1]["payment"], paid[0]["id"]);

    // It is read page by page, and has an end.
    for _ in 0..250 {
        app.stripe.pay_elsewhere(&key, 100);
    }
    assert_eq!(report(&owner, "stripe").await["listed"], 253);
    for _ in 0..800 {
        app.stripe.pay_elsewhere(&key, 100);
    }
    let path = format!("/ledger/reconciliation?gateway=stripe&mode=test&{}", window());
    owner.get(&path).await.problem(422, "window_too_wide");

    for (trouble, status, code) in [
        (Trouble::Status(401), 409, "gateway_refused"),
        (Trouble::Status(500), 503, "gateway_unanswered"),
        (Trouble::Garbled, 503, "gateway_unanswered"),
        (Trouble::AnswerLost, 503, "gateway_unanswered"),
    ] {
        app.stripe.make_trouble(&key, "payment_intents", trouble);
        owner.get(&path).await.problem(status, code);
    }
}

#[tokio::test]
async fn razorpays_list_is_compared_too_and_strangers_see_nothing() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let key = format!("rzp_test_{}", owner.tenant().simple());
    let credentials = json!({ "key_id": key, "key_secret": "reconciled_secret", "webhook_secret": "reconciled_hook" });
    owner.put("/gateways/razorpay/account", &json!({ "mode": "test", "credentials": credentials })).await.expect(200);
    let new = json!({ "amount": 50_000, "currency": "INR", "gateway": "razorpay", "mode": "test" });
    let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
    let order = payment["gateway_refs"]["order"].as_str().unwrap();
    app.razorpay.decline(&key, order);
    app.razorpay.pay(&key, order);
    // We have not heard of it yet.
    let found = report(&owner, "razorpay").await;
    assert_eq!(differences(&found), [("amounts_differ", 0, 50_000)], "{found}");
    owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    // A refund that waits is counted there and reserved here.
    owner.with_payment(&payment, "refunds", json!({ "amount": 10_000 })).await.expect(201);
    let agreed = report(&owner, "razorpay").await;
    assert_eq!((&agreed["listed"], &agreed["held"], &agreed["differences"]), (&json!(2), &json!(1), &json!([])));

    let stranger = Member::owner(app).await;
    let path = format!("/ledger/reconciliation?gateway=razorpay&mode=test&{}", window());
    stranger.get(&path).await.problem(409, "gateway_account_missing");
    for gateway in ["paypal", "payu", "test"] {
        let path = format!("/ledger/reconciliation?gateway={gateway}&mode=test&{}", window());
        owner.get(&path).await.problem(422, "operation_not_supported");
    }
    for query in [
        "gateway=stripe".to_owned(),
        format!("gateway=stripe&{HOUR}"),
        format!("gateway=stripe&{HOUR}&created_before=2020-02-02T00:00:00Z"),
        format!("gateway=stripe&{HOUR}&created_before=2020-01-01T00:00:00Z"),
    ] {
        owner.get(&format!("/ledger/reconciliation?{query}")).await.problem(400, "invalid_parameter");
    }
}
