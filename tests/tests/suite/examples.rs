//! The examples of the API description are sent as they stand, and each is answered as a success: what a reader copies
//! works.
//!
//! An example cannot know what an app hands out. Those places, and no others, are filled in here: [`prepare`] names each
//! by its pointer. It also makes what the request is about: a lead to move, a payment to refund.

use e2e::{
    Anonymous, Answer, App, Member,
    gateways::stripe::{now, sign},
    personas::{PASSWORD, fresh_email, fresh_key},
    totp::{code_at, step_now},
};
use reqwest::Method;
use serde_json::{Value, json};

const WEBHOOK_SECRET: &str = "whsec_ada_0001";

/// What one example needs before it can be sent.
#[derive(Default)]
struct Prepared {
    /// For the braces of the path.
    path: Vec<(&'static str, String)>,
    /// Places of the body that no document can know.
    fill: Vec<(&'static str, Value)>,
    /// Who sends it.
    token: String,
    /// For messages of gateways, which are signed over their bytes.
    signed_with: Option<&'static str>,
}

impl Prepared {
    fn by(token: &str) -> Self {
        Self { token: token.to_owned(), ..Self::default() }
    }

    fn at(mut self, name: &'static str, id: &Value) -> Self {
        self.path.push((name, id.as_str().expect("an id").to_owned()));
        self
    }

    fn fill(mut self, pointer: &'static str, value: impl Into<Value>) -> Self {
        self.fill.push((pointer, value.into()));
        self
    }
}

/// Somebody with a second factor, and its secret.
async fn enrolled(owner: &Member) -> String {
    let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let secret = totp["secret"].as_str().expect("a secret").to_owned();
    let code = code_at(&secret, step_now() - 1);
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
    secret
}

/// A token that travelled by mail.
async fn mailed(app: &App, kind: &str, email: &str) -> String {
    app.mail(kind, email).await.token().to_owned()
}

/// Makes what the operation's example is about. Operations that are not named need nothing but an owner.
async fn prepare(app: &App, owner: &Member, operation: &str) -> Prepared {
    let by = || Prepared::by(&owner.token);
    match operation {
        // Addresses are one person's each, and the example's may be taken.
        "register" => Prepared::default().fill("/email", fresh_email()),
        "log_in" => Prepared::default().fill("/username", owner.email.clone()),
        "forget_password" | "request_verification" => Prepared::default(),
        // Tokens and codes are handed out.
        "refresh_session" => Prepared::default().fill("/refresh_token", owner.refresh_token.clone()),
        "introspect" => Prepared::by(&app.variables["SPIN_VARIABLE_SERVICE_TOKEN"]).fill("/token", owner.token.clone()),
        "reset_password" => {
            owner.anonymous.post("/auth/forgot-password", &json!({ "email": owner.email })).await.expect(202);
            Prepared::default().fill("/token", mailed(app, "mail.password_reset", &owner.email).await)
        }
        "verify_email" => {
            owner.anonymous.post("/auth/request-verify-token", &json!({ "email": owner.email })).await.expect(202);
            Prepared::default().fill("/token", mailed(app, "mail.verification", &owner.email).await)
        }
        "accept_invitation" => {
            let email = fresh_email();
            owner.invite(&email, "member").await;
            Prepared::default().fill("/token", mailed(app, "mail.invitation", &email).await)
        }
        "confirm_totp" => {
            let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
            by().fill("/code", code_at(totp["secret"].as_str().expect("a secret"), step_now()))
        }
        "give_factor" => {
            let secret = enrolled(owner).await;
            let challenge = owner.anonymous.log_in(&owner.email, PASSWORD).await.expect(200);
            Prepared::default()
                .fill("/mfa_token", challenge["mfa_token"].clone())
                .fill("/code", code_at(&secret, step_now()))
        }
        "remove_totp" | "renew_recovery_codes" => {
            enrolled(owner).await;
            by()
        }
        // Ids are handed out.
        "switch_tenant" => {
            let tenant = owner.post("/tenants", &json!({ "name": "Another" })).await.expect(201);
            by().fill("/tenant_id", tenant["id"].clone())
        }
        "change_tenant" => by().at("id", &owner.account["tenant"]["id"]),
        "change_membership" => by().at("user", &owner.colleague(app, "member").await.account["id"]),
        "change_user" => {
            // Who is a member of another tenant, too, is not this one's to change.
            let email = fresh_email();
            owner.invite(&email, "member").await;
            let token = mailed(app, "mail.invitation", &email).await;
            let accepted = json!({ "token": token, "password": PASSWORD });
            by().at("id", &owner.anonymous.post("/invitations/accept", &accepted).await.expect(201)["id"])
        }
        "update_lead" | "move_lead" => {
            by().at("id", &owner.create_lead(json!({ "email": "ada@example.com" })).await["id"])
        }
        "put_gateway_account" => by().at("gateway", &json!("stripe")),
        "capture_payment" | "cancel_payment" => {
            let held = json!({ "amount": 1099, "currency": "EUR", "gateway": "test", "capture_method": "manual" });
            by().at("id", &owner.post_once("/payments", &fresh_key(), &held).await.expect(201)["id"])
        }
        "create_refund" => by().at("id", &owner.pay(1099).await.expect(201)["id"]),
        "return_payer_by_form" => {
            let waiting = owner.pay(1003).await.expect(201);
            let page = waiting["next_action"]["url"].as_str().expect("a page");
            Prepared::default().at("token", &json!(page.rsplit('/').next()))
        }
        "receive_webhook" | "receive_bare_webhook" => {
            let credentials = json!({ "secret_key": "sk_test_ada_0001", "webhook_secret": WEBHOOK_SECRET });
            let account = json!({ "mode": "test", "credentials": credentials });
            let account = owner.put("/gateways/stripe/account", &account).await.expect(200);
            let new = json!({ "amount": 1099, "currency": "EUR", "gateway": "stripe", "mode": "test" });
            let payment = owner.post_once("/payments", &fresh_key(), &new).await.expect(201);
            let address = account["webhook_url"].as_str().expect("an address");
            let prepared = Prepared { signed_with: Some(WEBHOOK_SECRET), ..Prepared::default() };
            prepared
                .at("gateway", &json!("stripe"))
                .at("account", &json!(address.rsplit('/').next()))
                // The payment that it tells of.
                .fill("/data/object/client_reference_id", payment["id"].clone())
        }
        _ => by(),
    }
}

/// Sends the example as its operation says.
async fn send(app: &App, method: &str, path: &str, operation: &Value, media_type: &str) -> Answer {
    let owner = Member::owner(app).await;
    let prepared = prepare(app, &owner, operation["operationId"].as_str().expect("an id")).await;
    let mut body = operation["requestBody"]["content"][media_type]["example"].clone();
    for (pointer, value) in prepared.fill {
        *body.pointer_mut(pointer).unwrap_or_else(|| panic!("{method} {path}: the example has no {pointer}")) = value;
    }
    let path = prepared.path.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id));
    assert!(!path.contains('{'), "{path}: say in `prepare` what the example is about");
    let text = match media_type {
        "application/x-www-form-urlencoded" => {
            let pairs = body.as_object().expect("fields").iter();
            let pairs = pairs.map(|(name, value)| (name, value.as_str().expect("a text")));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        }
        _ => body.to_string(),
    };
    let mut request = Anonymous::of(app)
        .request(Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"), &path)
        .header("content-type", media_type);
    if !prepared.token.is_empty() {
        request = request.bearer_auth(&prepared.token);
    }
    if operation["parameters"].as_array().into_iter().flatten().any(|one| one["name"] == "Idempotency-Key") {
        request = request.header("idempotency-key", fresh_key());
    }
    if let Some(secret) = prepared.signed_with {
        for (name, value) in sign(secret, &text, now()).headers {
            request = request.header(name, value);
        }
    }
    Anonymous::send(request.body(text)).await
}

#[tokio::test]
async fn every_example_of_a_request_is_taken() {
    let app = App::shared();
    let document = Anonymous::of(app).get("/openapi.json").await.expect(200);
    let (mut sent, mut wrong) = (0, Vec::<String>::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            for media_type in
                operation["requestBody"]["content"].as_object().into_iter().flat_map(|content| content.keys())
            {
                let answer = send(app, method, path, operation, media_type).await;
                let status = answer.status.as_u16();
                let is_success =
                    (200..400).contains(&status) && operation["responses"].get(status.to_string()).is_some();
                if !is_success {
                    wrong.push(format!("{method} {path}: {status} {}", String::from_utf8_lossy(&answer.body)));
                }
                sent += 1;
            }
        }
    }
    assert!(sent >= 30 && wrong.is_empty(), "of {sent}:\n{}", wrong.join("\n"));
}
