//! What payments refuse, whom, and what the database refuses whoever asks.

use e2e::{
    App, Member,
    personas::{fresh_key, uuid_of},
};
use serde_json::{Value, json};

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let owner = Member::owner(App::shared()).await;
    let post = async |body: Value| owner.post_once("/payments", &fresh_key(), &body).await;
    let with = |field: &str, value: Value| {
        let mut new = json!({ "amount": 1000, "currency": "EUR", "gateway": "test" });
        new[field] = value;
        new
    };
    for (field, value) in [
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1_000_000_000_000_i64)),
        ("amount", json!(10.5)),
        ("amount", json!("1000")),
        ("currency", json!("eur")),
        ("currency", json!("XAU")),
        ("gateway", json!("nobody")),
        ("mode", json!("both")),
        ("capture_method", json!("later")),
        ("flow", json!("mail")),
        ("description", json!("")),
        ("description", json!("x".repeat(101))),
        ("return_url", json!("http://shop.example.com")),
    ] {
        post(with(field, value.clone())).await.invalid(&[&format!("/{field}")]);
    }
    post(with("customer", json!({ "email": "nobody" }))).await.invalid(&["/customer/email"]);
    post(with("tip", json!(1))).await.problem(422, "validation_failed");
    post(with("mode", json!("live"))).await.problem(422, "operation_not_supported");
    post(with("gateway", json!("stripe"))).await.problem(409, "gateway_account_missing");
    let payment = owner.pay(1000).await.expect(201);
    owner.with_payment(&payment, "capture", json!({ "amount": 0 })).await.invalid(&["/amount"]);
    owner.with_payment(&payment, "refunds", json!({ "amount": 0 })).await.invalid(&["/amount"]);
    let path = format!("/payments/{}/refunds", payment["id"].as_str().unwrap());
    owner.post(&path, &json!({})).await.problem(400, "idempotency_key_required");
    owner.get("/payments?state=paid").await.problem(400, "invalid_parameter");
    owner.get("/ledger/entries?mode=both").await.problem(400, "invalid_parameter");
    owner
        .get("/analytics/payments?created_after=2026-01-01T00:00:00Z&created_before=2027-06-01T00:00:00Z")
        .await
        .problem(400, "invalid_parameter");
}

#[tokio::test]
async fn who_may_do_what() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (member, viewer) = (owner.colleague(app, "member").await, owner.colleague(app, "viewer").await);
    viewer.pay(1000).await.problem(403, "forbidden");
    let payment = member.pay(1000).await.expect(201);
    viewer.payment(&payment).await;
    viewer.with_payment(&payment, "refunds", json!({})).await.problem(403, "forbidden");
    member.with_payment(&payment, "refunds", json!({ "amount": 100 })).await.problem(403, "refunds_not_allowed");
    let settings = json!({ "return_origins": [], "members_may_refund": true });
    member.put("/payments/settings", &settings).await.problem(403, "forbidden");
    owner.put("/payments/settings", &settings).await.expect(200);
    member.with_payment(&payment, "refunds", json!({ "amount": 100 })).await.expect(201);
    let account = json!({ "mode": "test", "credentials": {} });
    member.put("/gateways/stripe/account", &account).await.problem(403, "forbidden");

    let program = owner.program(&owner.make_api_key(&["payments:read"]).await);
    program.payment(&payment).await;
    program.pay(1000).await.problem(403, "forbidden");
    let program = owner.program(&owner.make_api_key(&["payments:write"]).await);
    program.pay(1000).await.expect(201);
}

/// The database keeps what the component promises, whoever writes.
#[tokio::test]
async fn the_database_refuses_what_cannot_be() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let payment = owner.pay(1000).await.expect(201);
    let id = uuid_of(&payment["id"]);
    let mut role = app.database.role("payments").await;
    let mut refused = async |statement: String| {
        use sqlx::{AssertSqlSafe, Connection, raw_sql};
        let mut transaction = role.begin().await.unwrap();
        let enter = format!("set local app.tenant_id = '{}'", owner.tenant());
        raw_sql(AssertSqlSafe(enter)).execute(&mut *transaction).await.unwrap();
        let error = raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await.expect_err(&statement);
        error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
    };
    for broken in [
        "captured = 1001",
        "captured = authorized + 1",
        "authorized = 1001",
        "refunded = 1001",
        "refunding = 600, refunded = 401",
        "capturing = 1",
        "captured = -1",
    ] {
        assert_eq!(
            refused(format!("update payments.payments set {broken} where id = '{id}'")).await,
            "23514",
            "{broken}"
        );
    }
    let entry = |amount: &str, debit: &str, credit: &str| {
        format!(
            "insert into payments.ledger_entries (tenant_id, payment_id, at, type, gateway, mode, currency, amount, debit, credit)
             values ('{}', '{id}', now(), 'capture', 'test', 'test', 'EUR', {amount}, {debit}, {credit})",
            owner.tenant()
        )
    };
    assert_eq!(refused(entry("100", "'gateway'", "'gateway'")).await, "23514", "one account");
    assert_eq!(refused(entry("100", "'gateway'", "null")).await, "23502", "one side");
    assert_eq!(refused(entry("0", "'gateway'", "'sales'")).await, "23514", "nothing");
    assert_eq!(refused("update payments.ledger_entries set amount = 1".to_owned()).await, "42501");
    assert_eq!(refused("delete from payments.ledger_entries".to_owned()).await, "42501");
    assert_eq!(refused("delete from payments.payments".to_owned()).await, "42501");
    assert_eq!(refused("update payments.payment_events set type = 'x'".to_owned()).await, "42501");
}

/// The word that the database derives, for every combination of amounts that can be.
#[tokio::test]
async fn the_state_is_the_word_for_the_amounts() {
    use sqlx::Row;
    let rows = App::shared()
        .database
        .rows(
            "select p, a, c, r, payments.state_of(2, a, c, r, p) as state
               from unnest(array['created', 'requires_action', 'processing', 'canceled', 'expired', 'failed']) p,
                    generate_series(0, 2) a, generate_series(0, 2) c, generate_series(0, 2) r
              where c <= a and r <= c",
        )
        .await;
    assert_eq!(rows.len(), 6 * 10);
    for row in rows {
        let (phase, state): (String, String) = (row.get("p"), row.get("state"));
        let (authorized, captured, refunded): (i32, i32, i32) = (row.get("a"), row.get("c"), row.get("r"));
        let wanted = match (authorized, captured, refunded) {
            (_, c, r) if c > 0 && r == c => "refunded",
            (_, c, r) if c > 0 && r > 0 => "partially_refunded",
            (_, 2, _) => "captured",
            (_, 1, _) => "partially_captured",
            (1.., 0, _) if !["canceled", "expired", "failed"].contains(&phase.as_str()) => "authorized",
            _ => phase.as_str(),
        };
        assert_eq!(state, wanted, "{phase} {authorized} {captured} {refunded}");
    }
}
