//! Refunds at the gateway `test`: in parts, all at once, pending, failing late; never more than was captured.

use e2e::{App, Member, personas::fresh_key};
use futures::future::join_all;
use serde_json::{Value, json};

async fn refunds(member: &Member, payment: &Value) -> Vec<Value> {
    let path = format!("/payments/{}/refunds?limit=100", payment["id"].as_str().unwrap());
    member.get(&path).await.expect(200)["data"].as_array().unwrap().clone()
}

/// What the ledger says went back: refunds without those that came back again.
async fn went_back(member: &Member) -> i64 {
    let balances = member.get("/ledger/balances?mode=test").await.expect(200);
    let all = balances["data"].as_array().unwrap();
    all.iter().find(|row| row["account"] == "refunds").map_or(0, |row| row["balance"].as_i64().unwrap())
}

#[tokio::test]
async fn money_goes_back_in_parts_and_never_more_than_came() {
    let owner = Member::owner(App::shared()).await;
    let payment = owner.pay(1000).await.expect(201);
    let first =
        owner.with_payment(&payment, "refunds", json!({ "amount": 300, "reason": "returned goods" })).await.expect(201);
    assert_eq!(
        (&first["state"], &first["amount"], &first["reason"], &first["payment"]),
        (&json!("succeeded"), &json!(300), &json!("returned goods"), &payment["id"])
    );
    assert_eq!(owner.payment(&payment).await["state"], "partially_refunded");
    owner.with_payment(&payment, "refunds", json!({ "amount": 701 })).await.problem(409, "amount_exceeds_refundable");
    let rest = owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!(rest["amount"], 700);
    let refunded = owner.payment(&payment).await;
    assert_eq!((&refunded["state"], &refunded["refunded"]), (&json!("refunded"), &json!(1000)));
    owner.with_payment(&payment, "refunds", json!({})).await.problem(409, "payment_not_refundable");
    assert_eq!(refunds(&owner, &payment).await, [first, rest]);
    assert_eq!(went_back(&owner).await, 1000);
    let audited = owner.get("/audit-log?action=refund.created").await.expect(200)["data"].clone();
    assert_eq!(audited.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn of_32_at_once_no_more_go_back_than_were_captured() {
    let owner = Member::owner(App::shared()).await;
    let payment = owner.pay(1000).await.expect(201);
    let answers = join_all((0..32).map(|_| owner.with_payment(&payment, "refunds", json!({ "amount": 100 })))).await;
    let mut made = 0;
    for answer in answers {
        match (answer.status.as_u16(), answer.json()["code"].as_str()) {
            (201, _) => made += 1,
            (409, Some("amount_exceeds_refundable" | "conflict_in_flight")) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!((1..=10).contains(&made), "{made}");
    for _ in made..10 {
        owner.with_payment(&payment, "refunds", json!({ "amount": 100 })).await.expect(201);
    }
    owner.with_payment(&payment, "refunds", json!({ "amount": 100 })).await.problem(409, "amount_exceeds_refundable");
    let refunded = owner.payment(&payment).await;
    assert_eq!(
        (&refunded["state"], &refunded["refunded"], &refunded["refund_pending"]),
        (&json!("refunded"), &json!(1000), &json!(0))
    );
    assert_eq!((refunds(&owner, &payment).await.len(), went_back(&owner).await), (10, 1000));
}

#[tokio::test]
async fn a_key_makes_one_refund() {
    let owner = Member::owner(App::shared()).await;
    let payment = owner.pay(1000).await.expect(201);
    let path = format!("/payments/{}/refunds", payment["id"].as_str().unwrap());
    let key = fresh_key();
    let body = json!({ "amount": 100 });
    let answers = join_all((0..16).map(|_| owner.post_once(&path, &key, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409));
    let first = owner.post_once(&path, &key, &body).await;
    assert_eq!(first.header("idempotent-replayed"), "true");
    assert_eq!(refunds(&owner, &payment).await, [first.expect(201)]);
    // A definite refusal repeats as well.
    let key = fresh_key();
    owner.post_once(&path, &key, &json!({ "amount": 901 })).await.problem(409, "amount_exceeds_refundable");
    owner.post_once(&path, &key, &json!({ "amount": 901 })).await.problem(409, "amount_exceeds_refundable");
}

#[tokio::test]
async fn a_refund_is_what_the_gateway_says_it_is() {
    let owner = Member::owner(App::shared()).await;

    let payment = owner.pay(1010).await.expect(201);
    let pending = owner.with_payment(&payment, "refunds", json!({ "amount": 500 })).await.expect(201);
    assert_eq!(pending["state"], "pending");
    let now = owner.payment(&payment).await;
    assert_eq!((&now["state"], &now["refund_pending"], &now["refunded"]), (&json!("captured"), &json!(500), &json!(0)));
    owner.with_payment(&payment, "refunds", json!({ "amount": 511 })).await.problem(409, "amount_exceeds_refundable");
    let synced = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!((&synced["refunded"], &synced["refund_pending"]), (&json!(500), &json!(0)));
    assert_eq!(refunds(&owner, &payment).await[0]["state"], "succeeded");

    // It succeeded, and comes back.
    let payment = owner.pay(1011).await.expect(201);
    let refund = owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!(refund["state"], "succeeded");
    assert_eq!(
        (owner.payment(&payment).await["state"].clone(), went_back(&owner).await),
        (json!("refunded"), 500 + 1011)
    );
    let synced = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!((&synced["state"], &synced["refunded"]), (&json!("captured"), &json!(0)));
    assert_eq!((refunds(&owner, &payment).await[0]["state"].clone(), went_back(&owner).await), (json!("failed"), 500));

    let payment = owner.pay(1012).await.expect(201);
    let refused = owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    assert_eq!((&refused["state"], &refused["failure"]["code"]), (&json!("failed"), &json!("refused")));
    assert_eq!(owner.payment(&payment).await["refund_pending"], 0);

    // Its answer is lost: reserved until somebody asks again.
    let payment = owner.pay(1013).await.expect(201);
    let lost = owner.with_payment(&payment, "refunds", json!({ "amount": 1000 })).await.expect(202);
    assert_eq!(lost["state"], "pending");
    owner.with_payment(&payment, "refunds", json!({ "amount": 14 })).await.problem(409, "amount_exceeds_refundable");
    let synced = owner.with_payment(&payment, "sync", json!({})).await.expect(200);
    assert_eq!((&synced["refunded"], &synced["refund_pending"]), (&json!(1000), &json!(0)));
}
