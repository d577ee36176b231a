//! What a monitoring reads.

use e2e::{App, Member};
use reqwest::Method;
use serde_json::json;

/// The value of a metric, by its whole name with labels.
async fn value(app: &App, component: &str, metric: &str) -> i64 {
    let text = app.scrape(component).await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {metric} in\n{text}")).parse().expect("a number")
}

#[tokio::test]
async fn what_waits_is_counted() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (unknown, pending) = ("bizo_payments_attempts_open{state=\"unknown\"}", "bizo_payments_refunds_pending");
    let before = (value(app, "payments", unknown).await, value(app, "payments", pending).await);
    // The gateway `test` loses the answer to one, and lets a refund wait.
    owner.pay(1006).await.expect(202);
    let payment = owner.pay(1010).await.expect(201);
    owner.with_payment(&payment, "refunds", json!({})).await.expect(201);
    // Others are at work on the same app: at least ours are there.
    assert!(value(app, "payments", unknown).await >= 1, "{before:?}");
    assert!(value(app, "payments", pending).await >= 1, "{before:?}");
    assert!(value(app, "auth", "bizo_auth_sessions").await >= 1);
    assert!(value(app, "events", "bizo_events_pending").await >= 0);
    // How those of the last hour went: two of ours at least, one captured and one that nobody knows of.
    let outcome = async |state: &str| {
        value(app, "payments", &format!(r#"bizo_payments_last_hour{{gateway="test",mode="test",state="{state}"}}"#))
            .await
    };
    assert!(outcome("captured").await >= 1 && outcome("created").await >= 1);
    owner.anonymous.post("/auth/forgot-password", &json!({ "email": owner.email })).await.expect(202);
    app.mail("mail.password_reset", &owner.email).await;
    assert!(value(app, "events", r#"bizo_events_last_hour{state="delivered"}"#).await >= 1);

    app.as_scheduler(Method::POST, "/internal/metrics/auth").await.problem(404, "route_not_found");
    app.as_scheduler(Method::GET, "/internal/metrics/crm").await.problem(404, "route_not_found");
    owner.get("/internal/metrics/payments").await.problem(404, "route_not_found");
}
