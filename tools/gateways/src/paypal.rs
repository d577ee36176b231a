//! A PayPal to pay with: tokens, orders, authorizations, captures, refunds, and messages that it knows again when it is asked.
//!
//! Its signature is a digest under a key of its own over the string that PayPal signs (transmission id, time, webhook id, CRC-32 of
//! the body): nobody but the postback verifies it, here as there.
//!
//! Long because it is a whole gateway in one place.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use anyhow::Result;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    ANY_PORT, Books, Checkout, Delivery, Trouble,
    wire::{self, Reply, Request},
};

/// The server; it ends with the test's process.
#[derive(Debug, Clone)]
pub struct Paypal {
    /// Where it listens.
    pub origin: String,
    accounts: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// The books of one client id.
#[derive(Debug, Default)]
struct Account {
    made: u64,
    tokens: Vec<String>,
    orders: BTreeMap<String, Value>,
    /// The first answer to each request id, with what was asked.
    keys: BTreeMap<String, (u16, String)>,
    events: Vec<Value>,
    trouble: Vec<(&'static str, Trouble)>,
    requests: Vec<String>,
}

impl Paypal {
    /// Begins to listen, on a port of its own.
    pub fn start() -> Result<Self> {
        Self::start_at(ANY_PORT, "https://paypal.example/checkoutnow?token=")
    }

    /// Begins to listen on an address; payers find their pages below `pages`.
    pub fn start_at(address: SocketAddr, pages: &str) -> Result<Self> {
        let accounts: Arc<Mutex<BTreeMap<String, Account>>> = Arc::default();
        let (shared, pages) = (accounts.clone(), pages.to_owned());
        let origin = wire::listen(address, move |request| answer(&shared, &pages, &request))?;
        Ok(Self { origin, accounts })
    }

    /// The accounts that it has heard of, by what they are known by.
    pub fn accounts(&self) -> Vec<String> {
        lock(&self.accounts).keys().cloned().collect()
    }

    fn account<T>(&self, client: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        work(lock(&self.accounts).entry(client.to_owned()).or_default())
    }

    /// The next request of the account whose method and path contain `to` goes wrong.
    pub fn make_trouble(&self, client: &str, to: &'static str, trouble: Trouble) {
        self.account(client, |account| account.trouble.push((to, trouble)));
    }

    /// The requests of the account so far: method and path.
    pub fn requests(&self, client: &str) -> Vec<String> {
        self.account(client, |account| account.requests.clone())
    }

    /// The tokens that were lent are good no longer.
    pub fn forget_tokens(&self, client: &str) {
        self.account(client, |account| account.tokens.clear());
    }

    /// What waits for a payer, and whose it is.
    pub fn checkout(&self, id: &str) -> Option<(String, Checkout)> {
        lock(&self.accounts).iter().find_map(|(key, account)| {
            let order = account.orders.get(id).filter(|order| order["status"] == "PAYER_ACTION_REQUIRED")?;
            let amount = &order["purchase_units"][0]["amount"];
            let context = &order["payment_source"]["paypal"]["experience_context"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let amount = format!("{} {}", text(&amount["value"]), text(&amount["currency_code"]));
            let (back, gave_up) = (text(&context["return_url"]), text(&context["cancel_url"]));
            Some((key.clone(), Checkout { amount, back, gave_up }))
        })
    }

    /// The payer approves an order: no money moves by that.
    pub fn approve(&self, client: &str, order: &str) {
        self.account(client, |account| {
            let found = account.orders.get_mut(order).expect("an order");
            assert_eq!(found["status"], "PAYER_ACTION_REQUIRED", "nobody can approve it any more");
            found["status"] = json!("APPROVED");
            let order = found.clone();
            account.emit("CHECKOUT.ORDER.APPROVED", order);
        });
    }

    /// A refund in PayPal's own pages.
    pub fn refund_by_hand(&self, client: &str, order: &str, value: &str) {
        self.account(client, |account| {
            let capture = account.orders[order]["purchase_units"][0]["payments"]["captures"][0]["id"].clone();
            account.refund(
                capture.as_str().expect("a capture"),
                &json!({ "amount": { "currency_code": "USD", "value": value } }),
            );
        });
    }

    /// How much of the account's orders was taken, and how much went back, in minor units of two decimals.
    pub fn books(&self, client: &str) -> (i64, i64) {
        self.account(client, |account| {
            let sum = |kind: &str| -> i64 {
                let all =
                    account.orders.values().filter_map(|order| order["purchase_units"][0]["payments"][kind].as_array());
                all.flatten().map(|row| cents(&row["amount"]["value"])).sum()
            };
            (sum("captures"), sum("refunds"))
        })
    }

    /// What was taken and what went back, by our own name of the payment: the account's books.
    pub fn books_by_payment(&self, client: &str) -> Books {
        self.account(client, |account| {
            let mut books = Books::new();
            for unit in account.orders.values().map(|order| &order["purchase_units"][0]) {
                let sum = |kind: &str| -> i64 {
                    unit["payments"][kind]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|row| cents(&row["amount"]["value"]))
                        .sum()
                };
                let entry = books.entry(unit["custom_id"].as_str().unwrap_or_default().to_owned()).or_default();
                entry.0 += sum("captures");
                entry.1 += sum("refunds");
            }
            books
        })
    }

    /// The messages that were not taken yet, signed for a webhook.
    pub fn take_events(&self, client: &str, webhook: &str) -> Vec<Delivery> {
        let events = self.account(client, |account| std::mem::take(&mut account.events));
        events.iter().map(|event| sign(webhook, &event.to_string())).collect()
    }
}

/// Signs a body for a webhook.
pub fn sign(webhook: &str, body: &str) -> Delivery {
    let (id, time) = ("69cd13f0-d67a-11e5-baa3-778b53f4ae55", "2026-01-01T00:00:01Z");
    let headers = [
        ("paypal-auth-algo", "SHA256withRSA"),
        ("paypal-cert-url", "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-fake"),
        ("paypal-transmission-id", id),
        ("paypal-transmission-time", time),
        ("paypal-transmission-sig", &signature(&signed_string(id, time, webhook, body.as_bytes()))),
        ("content-type", "application/json"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Delivery { headers, body: body.to_owned() }
}

/// What PayPal signs.
pub fn signed_string(id: &str, time: &str, webhook: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook}|{}", crc32fast::hash(body))
}

fn signature(signed: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(b"the fake's own key").expect("any key").chain_update(signed);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn cents(value: &Value) -> i64 {
    value.as_str().unwrap_or_default().replace('.', "").parse().unwrap_or(0)
}

fn error(status: u16, issue: &str) -> (u16, String) {
    let body = json!({ "name": "UNPROCESSABLE_ENTITY", "details": [{ "issue": issue, "description": "fake" }], "debug_id": "fake" });
    (status, body.to_string())
}

fn answer(accounts: &Mutex<BTreeMap<String, Account>>, pages: &str, request: &Request) -> Reply {
    let line = format!("{} {}", request.method, request.path);
    let client = match request.basic() {
        Some((client, secret)) if !secret.contains("refused") => Some(client),
        Some(_) => return Some((401, json!({ "error": "invalid_client" }).to_string())),
        None => {
            let token = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
            let accounts = lock(accounts);
            accounts.iter().find(|(_, account)| account.tokens.contains(&token)).map(|(client, _)| client.clone())
        }
    };
    let Some(client) = client else { return Some((401, json!({ "error": "invalid_token" }).to_string())) };
    let trouble = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(client.clone()).or_default();
        account.requests.push(line.clone());
        let found = account.trouble.iter().position(|(to, _)| line.contains(to));
        found.map(|index| account.trouble.remove(index).1)
    };
    match &trouble {
        Some(Trouble::NotDone) => return None,
        Some(Trouble::Status(status)) => return Some(error(*status, "FAKE_TROUBLE")),
        Some(Trouble::Decline(issue)) => return Some(error(422, issue)),
        Some(Trouble::Slow(time)) => thread::sleep(*time),
        Some(Trouble::AnswerLost | Trouble::Garbled) | None => {}
    }
    let reply = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(client).or_default();
        let key = format!("{line} {}", request.header("paypal-request-id"));
        match account.keys.get(&key) {
            Some(reply) => reply.clone(),
            None => {
                let reply = account.act(request, pages);
                if !request.header("paypal-request-id").is_empty() && reply.0 < 400 {
                    account.keys.insert(key, reply.clone());
                }
                reply
            }
        }
    };
    match trouble {
        Some(Trouble::AnswerLost) => None,
        Some(Trouble::Garbled) => Some((200, "{\"id\":".to_owned())),
        _ => Some(reply),
    }
}

impl Account {
    fn name(&mut self, end: &str) -> String {
        self.made += 1;
        format!("FAKE{:09}{end}", self.made)
    }

    fn emit(&mut self, event_type: &str, resource: Value) {
        let id = self.name("WH");
        self.events.push(
            json!({ "id": format!("WH-{id}"), "event_version": "1.0", "event_type": event_type, "resource": resource }),
        );
    }

    fn act(&mut self, request: &Request, pages: &str) -> (u16, String) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        let done = |value: &Value| (200, value.to_string());
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["v1", "oauth2", "token"]) => {
                let client = request.basic().map(|(client, _)| client).unwrap_or_default();
                let token = format!("{}-{client}", self.name("TOKEN"));
                self.tokens.push(token.clone());
                done(&json!({ "access_token": token, "token_type": "Bearer", "expires_in": 32400 }))
            }
            ("POST", ["v1", "notifications", "verify-webhook-signature"]) => {
                // The event's bytes as they stand in the request, to the end of the object around them.
                let text = String::from_utf8_lossy(&request.body).into_owned();
                let event = text.split_once("\"webhook_event\":").map_or("", |(_, event)| &event[..event.len() - 1]);
                let field = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
                let signed = signed_string(
                    &field("transmission_id"),
                    &field("transmission_time"),
                    &field("webhook_id"),
                    event.as_bytes(),
                );
                let verdict = if field("transmission_sig") == signature(&signed) { "SUCCESS" } else { "FAILURE" };
                done(&json!({ "verification_status": verdict }))
            }
            ("POST", ["v2", "checkout", "orders"]) => {
                let id = self.name("OR");
                let unit = &body["purchase_units"][0];
                if cents(&unit["amount"]["value"]) < 1 || request.header("paypal-request-id").is_empty() {
                    return error(422, "INVALID_PARAMETER_VALUE");
                }
                let order = json!({ "id": id, "status": "PAYER_ACTION_REQUIRED", "intent": body["intent"],
                    "payment_source": body["payment_source"],
                    "purchase_units": [{ "amount": unit["amount"], "custom_id": unit["custom_id"], "invoice_id": unit["invoice_id"], "payments": {} }],
                    "links": [{ "rel": "payer-action", "href": format!("{pages}{id}"), "method": "GET" }] });
                self.orders.insert(id, order.clone());
                done(&order)
            }
            ("GET", ["v2", "checkout", "orders", id]) => {
                self.orders.get(*id).map_or_else(|| error(404, "INVALID_RESOURCE_ID"), done)
            }
            ("POST", ["v2", "checkout", "orders", id, verb @ ("capture" | "authorize")]) => {
                let Some(order) = self.orders.get(*id).cloned() else { return error(404, "INVALID_RESOURCE_ID") };
                match order["status"].as_str() {
                    Some("APPROVED") => {}
                    Some("COMPLETED") if *verb == "capture" => return error(422, "ORDER_ALREADY_CAPTURED"),
                    Some("COMPLETED") => return error(422, "ORDER_ALREADY_AUTHORIZED"),
                    _ => return error(422, "ORDER_NOT_APPROVED"),
                }
                let amount = order["purchase_units"][0]["amount"].clone();
                if *verb == "capture" {
                    self.captured(id, &amount);
                } else {
                    let name = self.name("AU");
                    let hold = json!({ "id": name, "status": "CREATED", "amount": amount });
                    self.orders.get_mut(*id).expect("an order")["purchase_units"][0]["payments"]["authorizations"] =
                        json!([hold]);
                    self.emit("PAYMENT.AUTHORIZATION.CREATED", hold);
                }
                let order = self.orders.get_mut(*id).expect("an order");
                order["status"] = json!("COMPLETED");
                done(&order.clone())
            }
            ("POST", ["v2", "payments", "authorizations", id, verb]) => {
                let of = |order: &&Value| order["purchase_units"][0]["payments"]["authorizations"][0]["id"] == *id;
                let Some(order) = self.orders.values().find(of).cloned() else {
                    return error(404, "INVALID_RESOURCE_ID");
                };
                let name = order["id"].as_str().unwrap_or_default().to_owned();
                let hold = &order["purchase_units"][0]["payments"]["authorizations"][0];
                match hold["status"].as_str() {
                    Some("CREATED") => {}
                    Some("VOIDED") => return error(422, "PREVIOUSLY_VOIDED"),
                    _ => return error(422, "AUTHORIZATION_ALREADY_CAPTURED"),
                }
                let status = if *verb == "void" {
                    "VOIDED"
                } else if cents(&body["amount"]["value"]) > cents(&hold["amount"]["value"]) {
                    return error(422, "MAX_CAPTURE_AMOUNT_EXCEEDED");
                } else {
                    self.captured(&name, &body["amount"]);
                    "CAPTURED"
                };
                let payments = &mut self.orders.get_mut(&name).expect("an order")["purchase_units"][0]["payments"];
                payments["authorizations"][0]["status"] = json!(status);
                if *verb == "void" { (204, String::new()) } else { done(&payments["captures"][0].clone()) }
            }
            ("POST", ["v2", "payments", "captures", id, "refund"]) => self.refund(id, &body),
            _ => error(404, "INVALID_RESOURCE_ID"),
        }
    }

    fn captured(&mut self, order: &str, amount: &Value) {
        let id = self.name("CA");
        let fee = format!("{}.{:02}", cents(&amount["value"]) / 5000, cents(&amount["value"]) / 50 % 100);
        let breakdown = json!({ "paypal_fee": { "currency_code": amount["currency_code"], "value": fee } });
        let found = self.orders.get_mut(order).expect("an order");
        let capture = json!({ "id": id, "status": "COMPLETED", "amount": amount, "final_capture": true,
            "custom_id": found["purchase_units"][0]["custom_id"], "seller_receivable_breakdown": breakdown,
            "supplementary_data": { "related_ids": { "order_id": order } } });
        found["purchase_units"][0]["payments"]["captures"] = json!([capture]);
        self.emit("PAYMENT.CAPTURE.COMPLETED", capture);
    }

    fn refund(&mut self, capture: &str, body: &Value) -> (u16, String) {
        let name = self.name("RE");
        let of = |order: &&mut Value| order["purchase_units"][0]["payments"]["captures"][0]["id"] == capture;
        let Some(order) = self.orders.values_mut().find(of) else { return error(404, "INVALID_RESOURCE_ID") };
        let payments = &mut order["purchase_units"][0]["payments"];
        let back: i64 =
            payments["refunds"].as_array().into_iter().flatten().map(|row| cents(&row["amount"]["value"])).sum();
        let whole = cents(&payments["captures"][0]["amount"]["value"]);
        if cents(&body["amount"]["value"]) + back > whole {
            return error(422, "REFUND_AMOUNT_EXCEEDED");
        }
        let link = format!("https://api.sandbox.paypal.com/v2/payments/captures/{capture}");
        let refund = json!({ "id": name, "status": "COMPLETED", "amount": body["amount"], "custom_id": body["custom_id"],
                             "invoice_id": body["invoice_id"], "links": [{ "rel": "up", "href": link }] });
        let mut all = payments["refunds"].as_array().cloned().unwrap_or_default();
        all.push(refund.clone());
        payments["refunds"] = json!(all);
        let is_all = back + cents(&body["amount"]["value"]) == whole;
        payments["captures"][0]["status"] = json!(if is_all { "REFUNDED" } else { "PARTIALLY_REFUNDED" });
        self.emit("PAYMENT.CAPTURE.REFUNDED", refund.clone());
        (201, refund.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PayPal signs, and its CRC-32 (zlib's), as its own SDK builds them.
    #[test]
    fn the_signed_string_is_paypals() {
        const BODY: &str = r#"{"id":"WH-TESTVECTOR-0001","event_version":"1.0","create_time":"2026-01-01T00:00:00.000Z","resource_type":"capture","resource_version":"2.0","event_type":"PAYMENT.CAPTURE.COMPLETED","summary":"Payment completed for $ 10.99 USD","resource":{"id":"3C679366HH908993F","status":"COMPLETED","amount":{"currency_code":"USD","value":"10.99"},"final_capture":true,"invoice_id":"inv-0001","custom_id":"pay_0001","seller_receivable_breakdown":{},"supplementary_data":{"related_ids":{"order_id":"5O190127TN364715T"}}}}"#;
        let signed = signed_string(
            "69cd13f0-d67a-11e5-baa3-778b53f4ae55",
            "2026-01-01T00:00:01Z",
            "1JE4291016473214C",
            BODY.as_bytes(),
        );
        assert_eq!(signed, "69cd13f0-d67a-11e5-baa3-778b53f4ae55|2026-01-01T00:00:01Z|1JE4291016473214C|2446042095");
        for (body, crc) in [
            (&b""[..], 0),
            (b"123456789", 3_421_780_262),
            ("{\"note\":\"caf\u{e9} \u{20b9} \u{1f4b3}\"}".as_bytes(), 959_249_313),
        ] {
            assert_eq!(crc32fast::hash(body), crc);
        }
        // Another body with the same CRC: what PayPal's signature cannot tell apart, and a look can.
        let forged = BODY.replace("10.99\"", "99.99\"").replace("pay_0001", "pay_0002").replace(
            "\"seller_receivable_breakdown\":{}",
            "\"seller_receivable_breakdown\":{\"x\":\"0001010111111000100111001010011000000000\"}",
        );
        assert_eq!((forged == BODY, crc32fast::hash(forged.as_bytes())), (false, 2_446_042_095));
    }
}
