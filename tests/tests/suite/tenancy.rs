//! Every route, walked as somebody of another tenant, and without a token.
//!
//! The table is checked against the API description: a route that is missing here fails the test.

use e2e::{
    Anonymous, App, Member,
    personas::{fresh_email, fresh_key},
};
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
    /// Acts on the caller alone and names nobody else; what it does is tested where it belongs.
    Oneself,
    /// Open to everybody; shows nobody's rows.
    Public,
    /// For neighbours: whoever shows no service token is unauthenticated, whatever else they show.
    Service,
    /// A secret in the address opens it; there is nothing for whoever has none.
    Unguessable,
    /// For the scheduler alone: whoever shows no service token is told that there is nothing.
    Scheduler,
}

const ROUTES: &[(&str, &str, Border)] = &[
    ("POST", "/auth/register", Border::Public),
    ("POST", "/auth/jwt/login", Border::Public),
    ("POST", "/auth/jwt/logout", Border::Own),
    ("POST", "/auth/refresh", Border::Public),
    ("POST", "/auth/mfa/verify", Border::Public),
    ("POST", "/auth/forgot-password", Border::Public),
    ("POST", "/auth/reset-password", Border::Public),
    ("POST", "/auth/request-verify-token", Border::Public),
    ("POST", "/auth/verify", Border::Public),
    ("POST", "/auth/switch-tenant", Border::Oneself),
    ("GET", "/auth/sessions", Border::List),
    ("DELETE", "/auth/sessions", Border::Oneself),
    ("DELETE", "/auth/sessions/{id}", Border::Item),
    ("GET", "/auth/mfa", Border::Oneself),
    ("POST", "/auth/mfa/totp", Border::Oneself),
    ("POST", "/auth/mfa/totp/confirm", Border::Oneself),
    ("DELETE", "/auth/mfa/totp", Border::Oneself),
    ("POST", "/auth/mfa/recovery-codes", Border::Oneself),
    ("GET", "/users/me", Border::Own),
    ("PATCH", "/users/me", Border::Own),
    ("GET", "/users/{id}", Border::Item),
    ("PATCH", "/users/{id}", Border::Item),
    ("DELETE", "/users/{id}", Border::Item),
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
    ("POST", "/payments", Border::Create),
    ("GET", "/payments", Border::List),
    ("GET", "/payments/{id}", Border::Item),
    ("GET", "/payments/{id}/events", Border::Item),
    ("POST", "/payments/{id}/capture", Border::Item),
    ("POST", "/payments/{id}/cancel", Border::Item),
    ("POST", "/payments/{id}/sync", Border::Item),
    ("POST", "/payments/{id}/refunds", Border::Item),
    ("GET", "/payments/{id}/refunds", Border::Item),
    ("GET", "/payments/settings", Border::Oneself),
    ("PUT", "/payments/settings", Border::Oneself),
    ("GET", "/payments/routing", Border::Oneself),
    ("PUT", "/payments/routing", Border::Oneself),
    ("GET", "/payments/return/{token}", Border::Unguessable),
    ("POST", "/payments/return/{token}", Border::Unguessable),
    ("GET", "/gateways", Border::List),
    ("GET", "/gateways/{gateway}/account", Border::Oneself),
    ("PUT", "/gateways/{gateway}/account", Border::Oneself),
    ("DELETE", "/gateways/{gateway}/account", Border::Oneself),
    ("POST", "/webhooks/{gateway}/{account}", Border::Unguessable),
    ("POST", "/webhooks/{gateway}", Border::Unguessable),
    ("GET", "/ledger/balances", Border::Oneself),
    ("GET", "/ledger/entries", Border::Oneself),
    ("GET", "/ledger/reconciliation", Border::Oneself),
    ("GET", "/analytics/payments", Border::Figures),
    ("POST", "/internal/payments/sweep", Border::Scheduler),
    ("POST", "/internal/payments/reseal", Border::Scheduler),
    ("GET", "/internal/metrics/payments", Border::Scheduler),
    ("GET", "/internal/metrics/events", Border::Scheduler),
    ("GET", "/internal/metrics/auth", Border::Scheduler),
    ("GET", "/payments/healthz", Border::Public),
    ("GET", "/payments/readyz", Border::Public),
    ("POST", "/tenants", Border::Create),
    ("GET", "/tenants", Border::List),
    ("GET", "/tenants/{id}", Border::Item),
    ("PATCH", "/tenants/{id}", Border::Item),
    ("GET", "/memberships", Border::List),
    ("PATCH", "/memberships/{user}", Border::Item),
    ("DELETE", "/memberships/{user}", Border::Item),
    ("POST", "/invitations", Border::Create),
    ("GET", "/invitations", Border::List),
    ("DELETE", "/invitations/{id}", Border::Item),
    ("POST", "/invitations/accept", Border::Public),
    ("POST", "/api-keys", Border::Create),
    ("GET", "/api-keys", Border::List),
    ("DELETE", "/api-keys/{id}", Border::Item),
    ("GET", "/audit-log", Border::List),
    ("POST", "/auth/introspect", Border::Service),
    ("POST", "/internal/auth/sweep", Border::Scheduler),
    ("POST", "/internal/auth/reseal", Border::Scheduler),
    ("POST", "/internal/events/dispatch", Border::Scheduler),
    ("GET", "/internal/events", Border::Scheduler),
    ("POST", "/internal/events/{id}/replay", Border::Scheduler),
    ("GET", "/events/healthz", Border::Public),
    ("GET", "/events/readyz", Border::Public),
    ("GET", "/", Border::Public),
    ("GET", "/openapi.json", Border::Public),
    ("GET", "/openapi/{document}", Border::Public),
    ("GET", "/docs", Border::Public),
    ("GET", "/docs/{component}", Border::Public),
    // Its address comes with the page: `openapi.rs` asks for each.
    ("GET", "/docs/assets/{digest}/{file}", Border::Unguessable),
    ("GET", "/favicon.svg", Border::Public),
    ("GET", "/robots.txt", Border::Public),
];

/// A body that each route that takes one accepts.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/leads") => Some(json!({ "email": "stranger@example.com" })),
        ("POST", "/tenants") | ("PATCH", "/tenants/{id}") => Some(json!({ "name": "Stranger" })),
        ("PATCH", "/users/me" | "/users/{id}") => Some(json!({})),
        ("PATCH", "/memberships/{user}") => Some(json!({ "role": "viewer" })),
        ("POST", "/invitations") => Some(json!({ "email": "stranger@example.com", "role": "viewer" })),
        ("POST", "/api-keys") => Some(json!({ "name": "stranger's", "scopes": ["leads:read"] })),
        ("PATCH", "/leads/{id}") => Some(json!({ "company": "Stranger" })),
        ("POST", "/leads/{id}/status") => Some(json!({ "status": "LOST" })),
        ("POST", "/payments") => Some(json!({ "amount": 100, "currency": "EUR", "gateway": "test" })),
        ("POST", "/payments/{id}/capture" | "/payments/{id}/cancel" | "/payments/{id}/refunds") => Some(json!({})),
        _ => None,
    }
}

/// What somebody has planted: an item of each kind.
struct Planted {
    lead: Value,
    api_key: Value,
    invitation: Value,
    tenant: Value,
    person: Value,
    session: Value,
    payment: Value,
}

impl Planted {
    async fn by(owner: &Member) -> Self {
        let lead = owner.create_lead(json!({ "email": format!("of-{}", owner.email), "company": "Secret" })).await;
        Self {
            lead,
            api_key: owner.make_api_key(&["leads:read"]).await,
            invitation: owner.invite(&fresh_email(), "member").await,
            tenant: owner.account["tenant"].clone(),
            person: owner.account.clone(),
            session: owner.get("/auth/sessions").await.expect(200)["data"][0].clone(),
            payment: owner.pay(1000).await.expect(201),
        }
    }

    /// The path with the id of the item that it is about, and what who may not see that is told.
    fn concrete(&self, path: &str) -> (String, &'static str) {
        let (item, code) = match path.split('/').nth(1) {
            Some("api-keys") => (&self.api_key, "api_key_not_found"),
            Some("tenants") => (&self.tenant, "tenant_not_found"),
            Some("auth") => (&self.session, "session_not_found"),
            Some("users") => (&self.person, "user_not_found"),
            Some("memberships") => (&self.person, "user_not_found"),
            Some("invitations") => (&self.invitation, "invitation_not_found"),
            Some("payments") => (&self.payment, "payment_not_found"),
            _ => (&self.lead, "lead_not_found"),
        };
        let id = item["id"].as_str().unwrap();
        let path = path.replace("{document}", "crm.json").replace("{component}", "crm");
        (path.replace("{id}", id).replace("{user}", id), code)
    }
}

async fn ask(member: &Member, method: &str, path: &str, planted: &Planted) -> e2e::Answer {
    let (concrete, _) = planted.concrete(path);
    let request = member.request(Method::from_bytes(method.as_bytes()).unwrap(), &concrete);
    let request = if path.starts_with("/payments") { request.header("idempotency-key", fresh_key()) } else { request };
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
    let (planted, strangers) = (Planted::by(&owner).await, Planted::by(&stranger).await);
    // Whatever belongs to the owner names one of these.
    let Planted { lead, api_key, invitation, tenant, person, session, payment } = &planted;
    let of_owner =
        [lead, api_key, invitation, tenant, person, session, payment].map(|item| item["id"].as_str().unwrap());

    for &(method, path, border) in ROUTES {
        if method == "POST" && matches!(border, Border::Own) {
            continue; // Logging out would end the walk.
        }
        match border {
            Border::Item => {
                let answer = ask(&stranger, method, path, &planted).await;
                answer.problem(404, planted.concrete(path).1);
            }
            Border::List => {
                let page = ask(&stranger, method, path, &planted).await.expect(200);
                assert!(!page["data"].as_array().unwrap().is_empty(), "{path}");
                let text = page.to_string();
                assert!(of_owner.iter().all(|id| !text.contains(id)), "{path}: {page}");
            }
            Border::Create => {
                let made = ask(&stranger, method, path, &planted).await.expect(201);
                let id = made["id"].as_str().unwrap();
                let listed = |page: Value| page["data"].as_array().unwrap().iter().any(|row| row["id"] == id);
                assert!(listed(stranger.get(path).await.expect(200)), "{path}");
                assert!(!listed(owner.get(path).await.expect(200)), "{path}");
            }
            Border::Figures => {
                assert!(ask(&stranger, method, path, &planted).await.expect(200)["total"].as_u64().unwrap() <= 2)
            }
            Border::Own => {
                let me = ask(&stranger, method, path, &planted).await.expect(200);
                assert_eq!(
                    (&me["email"], &me["tenant"]["id"]),
                    (&json!(stranger.email), &stranger.account["tenant"]["id"])
                );
            }
            Border::Service => drop(ask(&stranger, method, path, &planted).await.problem(401, "unauthenticated")),
            Border::Scheduler => drop(ask(&stranger, method, path, &planted).await.problem(404, "route_not_found")),
            Border::Oneself | Border::Public | Border::Unguessable => {}
        }
    }
    owner.get("/users/me").await.expect(200);
    let (lead, _) = planted.concrete("/leads/{id}");
    assert_eq!(owner.get(&lead).await.expect(200), planted.lead, "untouched");
    assert_eq!(owner.payment(&planted.payment).await, planted.payment, "untouched");
    assert_eq!(owner.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 1);
    let keys = owner.get("/api-keys").await.expect(200)["data"].clone();
    assert!(keys.as_array().unwrap().len() == 1 && keys[0]["revoked_at"].is_null(), "{keys}");
    let invitations = owner.get("/invitations").await.expect(200)["data"].clone();
    assert_eq!(invitations, json!([planted.invitation]), "untouched");
    // What the stranger had planted was only there to be listed.
    stranger.get(&strangers.concrete("/leads/{id}").0).await.expect(200);
}

#[tokio::test]
async fn without_a_token_nothing_but_what_is_public_answers() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let planted = Planted::by(&owner).await;
    for &(method, path, border) in ROUTES {
        let (concrete, _) = planted.concrete(path);
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
            Border::Unguessable => assert_eq!(answer.status, 404, "{method} {path}"),
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
