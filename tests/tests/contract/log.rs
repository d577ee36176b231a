//! The log: one JSON line a request, with the same fields from every implementation.

use std::time::{Duration, Instant};

use e2e::{Anonymous, App, Member, personas::fresh_email};
use reqwest::Method;
use serde_json::{Value, json};

/// The one line of a request, without its duration; it may be written a moment after the answer.
async fn line(app: &App, request_id: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let log = app.host.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(request_id)).collect();
        if let [line] = lines[..] {
            let mut line: Value = serde_json::from_str(&line[line.find('{').expect("JSON")..]).expect("JSON");
            let took = line.as_object_mut().unwrap().remove("duration_ms").expect("a duration");
            assert!(took.as_f64().unwrap() > 0.0, "{took}");
            return line;
        }
        assert!(lines.len() < 2 && Instant::now() < deadline, "{} lines of {request_id}", lines.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn every_request_has_one_line() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (tenant, lead) = (&owner.account["tenant"]["id"], "/leads/led_01h455vb4pex5vsknk084sn02q");
    for (method, path, component, route, status, code) in [
        (Method::GET, "/users/me", "auth", "/users/me", 200, None),
        (Method::POST, "/leads", "crm", "/leads", 201, None),
        (Method::GET, "/leads?limit=5", "crm", "/leads", 200, None),
        (Method::GET, "/leads?colour=red", "crm", "/leads", 400, Some("unknown_parameter")),
        (Method::GET, lead, "crm", "/leads/{id}", 404, Some("lead_not_found")),
        (Method::GET, "/analytics/leads", "crm", "/analytics/leads", 200, None),
        (Method::POST, "/auth/jwt/logout", "auth", "/auth/jwt/logout", 204, None),
    ] {
        let id = uuid::Uuid::now_v7().to_string();
        let request = owner.request(method.clone(), path).header("x-request-id", &id);
        let request = if path == "/leads" { request.json(&json!({ "email": fresh_email() })) } else { request };
        Anonymous::send(request).await.expect(status);
        let mut wanted = json!({
            "level": "info", "component": component, "method": method.as_str(), "route": route, "status": status,
            "request_id": id, "tenant": tenant,
        });
        if let Some(code) = code {
            wanted["code"] = json!(code);
        }
        assert_eq!(line(app, &id).await, wanted, "{path}");
    }
    let id = uuid::Uuid::now_v7().to_string();
    Anonymous::send(owner.anonymous.request(Method::GET, "/nothing").header("x-request-id", &id)).await.expect(404);
    let wanted = json!({ "level": "info", "component": "web", "method": "GET", "route": "none", "status": 404,
        "request_id": id, "code": "route_not_found" });
    assert_eq!(line(app, &id).await, wanted);
}
