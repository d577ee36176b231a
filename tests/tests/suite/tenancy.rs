//! Every route, walked as somebody of another tenant, and without a token.
//!
//! The table is checked against the API description: a route that is missing here fails the test.

use e2e::{Anonymous, App, Member};
use reqwest::Method;
use serde_json::{Value, json};

/// What a stranger must see of a route.
#[derive(Clone, Copy)]
enum Border {
    /// One item of somebody's: 404 for everybody else.
    Item,
    /// A list: shows none of the others' rows.
    List,
    /// Makes something: in the caller's own tenant.
    Create,
    /// Figures: counts none of the others' rows.
    Figures,
    /// One's own account.
    Own,
    /// Open to everybody; shows nobody's rows.
    Public,
    /// For the scheduler alone: whoever shows no service token is told that there is nothing.
    Scheduler,
}

const ROUTES: &[(&str, &str, Border)] = &[
    ("POST", "/auth/register", Border::Public),
    ("POST", "/auth/jwt/login", Border::Public),
    ("POST", "/auth/jwt/logout", Border::Own),
    ("GET", "/users/me", Border::Own),
    ("GET", "/.well-known/jwks.json", Border::Public),
    ("GET", "/auth/healthz", Border::Public),
    ("GET", "/auth/readyz", Border::Public),
    ("POST", "/leads", Border::Create),
    ("GET", "/leads", Border::List),
    ("GET", "/leads/{id}", Border::Item),
    ("PATCH", "/leads/{id}", Border::Item),
    ("DELETE", "/leads/{id}", Border::Item),
    ("POST", "/leads/{id}/status", Border::Item),
    ("GET", "/leads/{id}/status-changes", Border::Item),
    ("GET", "/analytics/leads", Border::Figures),
    ("GET", "/crm/healthz", Border::Public),
    ("GET", "/crm/readyz", Border::Public),
    ("GET", "/payments/healthz", Border::Public),
    ("GET", "/payments/readyz", Border::Public),
    ("POST", "/internal/auth/sweep", Border::Scheduler),
    ("POST", "/internal/events/dispatch", Border::Scheduler),
    ("GET", "/internal/events", Border::Scheduler),
    ("POST", "/internal/events/{id}/replay", Border::Scheduler),
    ("GET", "/events/healthz", Border::Public),
    ("GET", "/events/readyz", Border::Public),
    ("GET", "/", Border::Public),
    ("GET", "/openapi.json", Border::Public),
    ("GET", "/favicon.svg", Border::Public),
    ("GET", "/robots.txt", Border::Public),
];

/// A body that each route that takes one accepts.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/leads") => Some(json!({ "email": "stranger@example.com" })),
        ("PATCH", "/leads/{id}") => Some(json!({ "company": "Stranger" })),
        ("POST", "/leads/{id}/status") => Some(json!({ "status": "LOST" })),
        _ => None,
    }
}

async fn ask(member: &Member, method: &str, path: &str, lead: &Value) -> e2e::Answer {
    let concrete = path.replace("{id}", lead["id"].as_str().unwrap());
    let request = member.request(Method::from_bytes(method.as_bytes()).unwrap(), &concrete);
    Anonymous::send(match body(method, path) {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

#[tokio::test]
async fn the_table_has_every_route() {
    let document = Anonymous::of(App::shared()).get("/openapi.json").await.expect(200);
    let mut described: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        described.extend(item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    for route in &described {
        let known = ROUTES.iter().any(|(method, path, _)| format!("{method} {path}") == *route);
        assert!(known, "{route} is in the API description and not in the table of this test");
    }
    for &(method, path, _) in ROUTES {
        assert!(described.contains(&format!("{method} {path}")), "{method} {path} is in the table and not described");
    }
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_a_tenant() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let lead = owner.create_lead(json!({ "email": "secret@example.com", "company": "Secret" })).await;
    stranger.create_lead(json!({ "email": "stranger@example.com" })).await;

    for &(method, path, border) in ROUTES {
        if method == "POST" && matches!(border, Border::Own) {
            continue; // Logging out would end the walk.
        }
        match border {
            Border::Item => drop(ask(&stranger, method, path, &lead).await.problem(404, "lead_not_found")),
            Border::List => {
                let page = ask(&stranger, method, path, &lead).await.expect(200);
                let rows = page["data"].as_array().unwrap();
                assert!(!rows.is_empty() && rows.iter().all(|row| row["email"] == "stranger@example.com"), "{page}");
            }
            Border::Create => {
                let made = ask(&stranger, method, path, &lead).await.expect(201);
                assert_eq!(stranger.get(&format!("/leads/{}", made["id"].as_str().unwrap())).await.expect(200), made);
                owner.get(&format!("/leads/{}", made["id"].as_str().unwrap())).await.problem(404, "lead_not_found");
            }
            Border::Figures => {
                assert!(ask(&stranger, method, path, &lead).await.expect(200)["total"].as_u64().unwrap() <= 2)
            }
            Border::Own => {
                let me = ask(&stranger, method, path, &lead).await.expect(200);
                assert_eq!(
                    (&me["email"], &me["tenant"]["id"]),
                    (&json!(stranger.email), &stranger.account["tenant"]["id"])
                );
            }
            Border::Scheduler => drop(ask(&stranger, method, path, &lead).await.problem(404, "route_not_found")),
            Border::Public => {}
        }
    }
    assert_eq!(owner.get(&format!("/leads/{}", lead["id"].as_str().unwrap())).await.expect(200), lead, "untouched");
    assert_eq!(owner.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_token_nothing_but_what_is_public_answers() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let lead = owner.create_lead(json!({ "email": "secret@example.com" })).await;
    for &(method, path, border) in ROUTES {
        let concrete = path.replace("{id}", lead["id"].as_str().unwrap());
        let request = owner.anonymous.request(Method::from_bytes(method.as_bytes()).unwrap(), &concrete);
        let answer = Anonymous::send(match body(method, path) {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        match border {
            Border::Public => {
                assert!(answer.status != 401 && answer.status != 404, "{method} {path}: {}", answer.status)
            }
            Border::Scheduler => drop(answer.problem(404, "route_not_found")),
            _ => drop(answer.problem(401, "unauthenticated")),
        }
    }
}

#[tokio::test]
async fn only_the_token_names_the_tenant() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    owner.create_lead(json!({ "email": "secret@example.com" })).await;
    for header in ["x-tenant-id", "tenant", "x-tenant", "spin-path-match-tenant"] {
        let request =
            stranger.request(Method::GET, "/leads").header(header, owner.account["tenant"]["id"].as_str().unwrap());
        assert_eq!(Anonymous::send(request).await.expect(200)["data"], json!([]), "{header}");
    }
    stranger
        .get(&format!("/leads?tenant_id={}", owner.account["tenant"]["id"].as_str().unwrap()))
        .await
        .problem(400, "unknown_parameter");
}
