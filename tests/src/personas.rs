//! People who use the app, with the verbs that they use it by. Each is fresh: nobody else's tests know them.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, App, described};

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse battery staple";

/// Somebody without a token.
#[derive(Debug, Clone)]
pub struct Anonymous {
    client: Client,
    origin: String,
}

/// Somebody with a token, in a tenant.
#[derive(Debug, Clone)]
pub struct Member {
    /// What they are without their token.
    pub anonymous: Anonymous,
    /// Their address.
    pub email: String,
    /// As registering answered: the account.
    pub account: Value,
    /// Their access token.
    pub token: String,
    /// Their refresh token; none from a peer of the benchmark.
    pub refresh_token: String,
}

/// An address that nobody has.
pub fn fresh_email() -> String {
    format!("{}@example.com", Uuid::now_v7().simple())
}

impl Anonymous {
    /// Somebody at the door of an app.
    pub fn of(app: &App) -> Self {
        Self { client: Client::builder().build().expect("a client"), origin: app.origin.clone() }
    }

    /// A request, to be filled and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    /// Sends a request and reads the answer.
    pub async fn send(request: RequestBuilder) -> Answer {
        Self::try_send(request).await.expect("the app answers")
    }

    /// The same, for when the app may be gone.
    pub async fn try_send(request: RequestBuilder) -> reqwest::Result<Answer> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = client.execute(request).await?;
        let is_redirected = *response.url() != url;
        let answer = Answer::read(format!("{method} {}", url.path()), response).await;
        if !is_redirected {
            described::hold(&method, url.path(), &answer);
        }
        Ok(answer)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Self::send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Self::send(self.request(Method::POST, path).json(body)).await
    }

    /// Registers with everybody's password.
    pub async fn register(&self, email: &str) -> Answer {
        self.post("/auth/register", &json!({ "email": email, "password": PASSWORD })).await
    }

    /// Logs in with the form that fastapi-users has.
    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.log_in_form(&[("username", email), ("password", password)]).await
    }

    /// Logs in with any form.
    pub async fn log_in_form(&self, form: &[(&str, &str)]) -> Answer {
        Self::send(self.request(Method::POST, "/auth/jwt/login").form(form)).await
    }

    /// Begins a session as somebody who is registered.
    pub async fn become_member(&self, email: &str, account: Value, scope: &str) -> Member {
        let form = [("username", email), ("password", PASSWORD), ("scope", scope)];
        let tokens = self.log_in_form(&form).await.expect(200);
        let token = tokens["access_token"].as_str().expect("a token").to_owned();
        let refresh_token = tokens["refresh_token"].as_str().unwrap_or_default().to_owned();
        Member { anonymous: self.clone(), email: email.to_owned(), account, token, refresh_token }
    }
}

impl Member {
    /// A fresh person, logged in to a fresh tenant that they own.
    pub async fn owner(app: &App) -> Self {
        let (anonymous, email) = (Anonymous::of(app), fresh_email());
        let account = anonymous.register(&email).await.expect(201);
        anonymous.become_member(&email, account, "").await
    }

    /// A fresh person, logged in to this person's tenant with a role.
    pub async fn colleague(&self, app: &App, role: &str) -> Self {
        let email = fresh_email();
        let account = self.anonymous.register(&email).await.expect(201);
        let user = uuid_of(&account["id"]);
        app.database.plant_membership(self.tenant(), user, role).await;
        let scope = format!("tenant:{}", self.account["tenant"]["slug"].as_str().expect("a slug"));
        self.anonymous.become_member(&email, account, &scope).await
    }

    /// The tenant, as the database names it.
    pub fn tenant(&self) -> Uuid {
        uuid_of(&self.account["tenant"]["id"])
    }

    /// The person, as the database names them.
    pub fn user(&self) -> Uuid {
        uuid_of(&self.account["id"])
    }

    /// A request with the person's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous.request(method, path).bearer_auth(&self.token)
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Anonymous::send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Anonymous::send(self.request(Method::POST, path).json(body)).await
    }

    /// POST with a JSON body and an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        Anonymous::send(self.request(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Anonymous::send(self.request(Method::PATCH, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        Anonymous::send(self.request(Method::DELETE, path)).await
    }

    /// Ends the session.
    pub async fn log_out(&self) -> Answer {
        Anonymous::send(self.request(Method::POST, "/auth/jwt/logout")).await
    }

    /// Makes an API key with these scopes; gives it as it was shown.
    pub async fn make_api_key(&self, scopes: &[&str]) -> Value {
        self.post("/api-keys", &json!({ "name": "a program", "scopes": scopes })).await.expect(201)
    }

    /// A program of this person's tenant, which shows an API key wherever people show a token.
    pub fn program(&self, api_key: &Value) -> Self {
        Self { token: api_key["key"].as_str().expect("a key").to_owned(), refresh_token: String::new(), ..self.clone() }
    }

    /// Invites an address into the tenant; gives the invitation.
    pub async fn invite(&self, email: &str, role: &str) -> Value {
        self.post("/invitations", &json!({ "email": email, "role": role })).await.expect(201)
    }

    /// Gives somebody a role in the tenant.
    pub async fn give_role(&self, mate: &Self, role: &str) -> Answer {
        self.patch(&mate.membership_path(), &json!({ "role": role })).await
    }

    /// Ends somebody's membership, or one's own.
    pub async fn show_out(&self, mate: &Self) -> Answer {
        self.delete(&mate.membership_path()).await
    }

    fn membership_path(&self) -> String {
        format!("/memberships/{}", self.account["id"].as_str().expect("an id"))
    }

    /// The same person, with their session in another of their tenants.
    pub async fn switched_to(&self, tenant: &Value) -> Self {
        let switched = self.post("/auth/switch-tenant", &json!({ "tenant_id": tenant["id"] })).await.expect(200);
        let mut account = self.account.clone();
        account["tenant"] = switched["tenant"].clone();
        Self { token: switched["access_token"].as_str().expect("a token").to_owned(), account, ..self.clone() }
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Anonymous::send(self.request(Method::PUT, path).json(body)).await
    }

    /// Does something with a payment (`capture`, `cancel`, `refunds`, `sync`), once.
    pub async fn with_payment(&self, payment: &Value, verb: &str, body: Value) -> Answer {
        let path = format!("/payments/{}/{verb}", payment["id"].as_str().expect("an id"));
        self.post_once(&path, &fresh_key(), &body).await
    }

    /// Creates a payment of euros at the gateway `test`, where the amount says what happens.
    pub async fn pay(&self, amount: i64) -> Answer {
        let payment = json!({ "amount": amount, "currency": "EUR", "gateway": "test" });
        self.post_once("/payments", &fresh_key(), &payment).await
    }

    /// The payment as it is now.
    pub async fn payment(&self, payment: &Value) -> Value {
        self.get(&format!("/payments/{}", payment["id"].as_str().expect("an id"))).await.expect(200)
    }

    /// Makes a lead; gives it.
    pub async fn create_lead(&self, lead: Value) -> Value {
        self.post("/leads", &lead).await.expect(201)
    }
}

/// A key that nobody has used.
pub fn fresh_key() -> String {
    Uuid::now_v7().to_string()
}

/// The UUID in an id of any kind.
pub fn uuid_of(id: &Value) -> Uuid {
    let id = id.as_str().expect("an id");
    let (prefix, suffix) = id.split_once('_').expect("a prefix");
    assert!(matches!(prefix, "usr" | "ten" | "led" | "ses" | "key" | "inv" | "pay" | "ref" | "gwa"), "{id}");
    format!("ten_{suffix}").parse::<ids::TenantId>().expect("an id").uuid()
}
