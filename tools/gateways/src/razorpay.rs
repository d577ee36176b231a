//! A Razorpay to pay with: orders, payment links, payments, refunds, signed messages.
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
pub struct Razorpay {
    /// Where it listens.
    pub origin: String,
    accounts: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// The books of one key id.
#[derive(Debug, Default)]
struct Account {
    made: u64,
    orders: BTreeMap<String, Value>,
    links: BTreeMap<String, Value>,
    payments: BTreeMap<String, Value>,
    refunds: Vec<Value>,
    /// The first answer to each refund key, with what was asked.
    keys: BTreeMap<String, (String, (u16, String))>,
    events: Vec<Value>,
    trouble: Vec<(&'static str, Trouble)>,
    requests: Vec<String>,
}

impl Razorpay {
    /// Begins to listen, on a port of its own.
    pub fn start() -> Result<Self> {
        Self::start_at(ANY_PORT, "https://rzp.example")
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

    fn account<T>(&self, key: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        work(lock(&self.accounts).entry(key.to_owned()).or_default())
    }

    /// The next request of the account whose method and path contain `to` goes wrong.
    pub fn make_trouble(&self, key: &str, to: &'static str, trouble: Trouble) {
        self.account(key, |account| account.trouble.push((to, trouble)));
    }

    /// The requests of the account so far: method and path.
    pub fn requests(&self, key: &str) -> Vec<String> {
        self.account(key, |account| account.requests.clone())
    }

    /// What waits for a payer, and whose it is.
    pub fn checkout(&self, id: &str) -> Option<(String, Checkout)> {
        lock(&self.accounts).iter().find_map(|(key, account)| {
            let link = account.links.get(id).filter(|link| link["status"] == "created")?;
            let amount =
                format!("{} {}, in its smallest unit", link["amount"], link["currency"].as_str().unwrap_or_default());
            let back = link["callback_url"].as_str().unwrap_or_default().to_owned();
            let gave_up = format!("{back}?canceled=1");
            Some((key.clone(), Checkout { amount, back, gave_up }))
        })
    }

    /// The payer of an order or a link pays; gives the payment's name.
    pub fn pay(&self, key: &str, of: &str) -> String {
        self.account(key, |account| account.pay(of, "authorized"))
    }

    /// The payer of an order or a link tries, and is declined.
    pub fn decline(&self, key: &str, of: &str) -> String {
        self.account(key, |account| account.pay(of, "failed"))
    }

    /// A payment that had failed turns out to be authorized.
    pub fn authorize_late(&self, key: &str, payment: &str) {
        self.account(key, |account| account.authorized(payment));
    }

    /// Nobody captured in time: the hold returns by itself.
    pub fn let_go(&self, key: &str, payment: &str) {
        self.account(key, |account| account.change(payment, "refund.processed", &[("status", json!("refunded"))]));
    }

    /// A refund turns out so.
    pub fn settle_refund(&self, key: &str, refund: &str, status: &str) {
        self.account(key, |account| {
            let found = account.refunds.iter_mut().find(|found| found["id"] == refund).expect("a refund");
            found["status"] = json!(status);
            let (refund, amount) = (found.clone(), found["amount"].as_i64().unwrap_or(0));
            if status == "failed" {
                let payment =
                    account.payments.get_mut(refund["payment_id"].as_str().unwrap_or_default()).expect("a payment");
                payment["amount_refunded"] = json!(payment["amount_refunded"].as_i64().unwrap_or(0) - amount);
            }
            account.emit(&format!("refund.{status}"), json!({ "refund": { "entity": refund } }));
        });
    }

    /// All payments and refunds of the account: its books.
    pub fn books(&self, key: &str) -> (Vec<Value>, Vec<Value>) {
        self.account(key, |account| (account.payments.values().cloned().collect(), account.refunds.clone()))
    }

    /// What was taken and what went back, by our own name of the payment: the account's books.
    pub fn books_by_payment(&self, key: &str) -> Books {
        let (payments, refunds) = self.books(key);
        let mut books = Books::new();
        for payment in payments.iter().filter(|payment| payment["captured"] == true) {
            let amount = |value: &Value| value.as_i64().unwrap_or(0);
            let back = refunds
                .iter()
                .filter(|refund| refund["payment_id"] == payment["id"] && refund["status"] == "processed");
            let entry =
                books.entry(payment["notes"]["payment_id"].as_str().unwrap_or_default().to_owned()).or_default();
            entry.0 += amount(&payment["amount"]);
            entry.1 += back.map(|refund| amount(&refund["amount"])).sum::<i64>();
        }
        books
    }

    /// Every refund that waits is processed.
    pub fn work(&self, key: &str) {
        let (_, refunds) = self.books(key);
        for refund in refunds.iter().filter(|refund| refund["status"] == "pending") {
            self.settle_refund(key, refund["id"].as_str().expect("a name"), "processed");
        }
    }

    /// The messages that were not taken yet, signed with a secret.
    pub fn take_events(&self, key: &str, secret: &str) -> Vec<Delivery> {
        let events = self.account(key, |account| std::mem::take(&mut account.events));
        events.iter().map(|event| sign(secret, &event.to_string())).collect()
    }
}

/// Signs a body as Razorpay does.
pub fn sign(secret: &str, body: &str) -> Delivery {
    let headers = vec![
        ("x-razorpay-signature".to_owned(), digest(secret, body)),
        ("x-razorpay-event-id".to_owned(), "not-signed".to_owned()),
    ];
    Delivery { headers, body: body.to_owned() }
}

/// HMAC-SHA256, in hexadecimal.
pub fn digest(secret: &str, message: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key").chain_update(message);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn error(status: u16, reason: &str) -> (u16, String) {
    let code = if status < 500 { "BAD_REQUEST_ERROR" } else { "SERVER_ERROR" };
    (
        status,
        json!({ "error": { "code": code, "description": format!("fake: {reason}"), "reason": reason } }).to_string(),
    )
}

fn answer(accounts: &Mutex<BTreeMap<String, Account>>, pages: &str, request: &Request) -> Reply {
    let Some((key, secret)) = request.basic() else { return Some(error(401, "NA")) };
    if !key.starts_with("rzp_test_") || secret.contains("refused") {
        return Some(error(401, "NA"));
    }
    let line = format!("{} {}", request.method, request.path);
    let trouble = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(key.clone()).or_default();
        account.requests.push(line.clone());
        let found = account.trouble.iter().position(|(to, _)| line.contains(to));
        found.map(|index| account.trouble.remove(index).1)
    };
    match &trouble {
        Some(Trouble::NotDone) => return None,
        Some(Trouble::Status(status)) => return Some(error(*status, "fake_trouble")),
        Some(Trouble::Decline(reason)) => return Some(error(400, reason)),
        Some(Trouble::Slow(time)) => thread::sleep(*time),
        Some(Trouble::AnswerLost | Trouble::Garbled) | None => {}
    }
    let reply = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(key).or_default();
        let key = request.header("x-refund-idempotency").to_owned();
        let asked = format!("{line} {}", String::from_utf8_lossy(&request.body));
        match account.keys.get(&key) {
            Some((before, reply)) if *before == asked => reply.clone(),
            Some(_) => error(409, "idempotency_key_in_use"),
            None => {
                let reply = account.act(request, pages);
                if !key.is_empty() {
                    account.keys.insert(key, (asked, reply.clone()));
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
    fn name(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_Fake{:010}", self.made)
    }

    fn emit(&mut self, event: &str, payload: Value) {
        self.made += 1;
        let created_at = 1_767_225_600 + self.made;
        self.events.push(json!({ "entity": "event", "account_id": "acc_fake", "event": event, "payload": payload,
                                 "created_at": created_at }));
    }

    fn act(&mut self, request: &Request, pages: &str) -> (u16, String) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        let done =
            |value: Option<&Value>| value.map_or_else(|| error(404, "not_found"), |value| (200, value.to_string()));
        let list = |items: Vec<&Value>| {
            (200, json!({ "entity": "collection", "count": items.len(), "items": items }).to_string())
        };
        let filter = |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["orders"]) => {
                let id = self.name("order");
                let order = json!({ "id": id, "entity": "order", "amount": body["amount"], "currency": body["currency"],
                    "status": "created", "receipt": body["receipt"], "notes": body["notes"], "amount_paid": 0,
                    "capture": body["payment"]["capture"] });
                self.orders.insert(id.clone(), order);
                done(self.orders.get(&id))
            }
            ("GET", ["orders"]) => {
                let of = filter("receipt");
                list(self.orders.values().filter(|order| of.is_none_or(|of| order["receipt"] == of)).collect())
            }
            ("GET", ["orders", id]) => done(self.orders.get(*id)),
            ("GET", ["orders", id, "payments"]) => {
                list(self.payments.values().filter(|payment| payment["order_id"] == *id).collect())
            }
            ("POST", ["payment_links"]) => {
                if self.links.values().any(|link| link["reference_id"] == body["reference_id"]) {
                    return error(400, "reference_id_already_attempted");
                }
                let id = self.name("plink");
                let link = json!({ "id": id, "amount": body["amount"], "currency": body["currency"], "status": "created",
                    "short_url": format!("{pages}/{id}"), "callback_url": body["callback_url"], "reference_id": body["reference_id"],
                    "notes": body["notes"], "payments": null });
                self.links.insert(id.clone(), link);
                done(self.links.get(&id))
            }
            ("GET", ["payment_links"]) => {
                let of = filter("reference_id");
                let found: Vec<_> =
                    self.links.values().filter(|link| of.is_none_or(|of| link["reference_id"] == of)).collect();
                (200, json!({ "payment_links": found }).to_string())
            }
            ("GET", ["payment_links", id]) => done(self.links.get(*id)),
            ("POST", ["payment_links", id, "cancel"]) => {
                let Some(link) = self.links.get_mut(*id) else { return done(None) };
                if link["status"] != "created" {
                    return error(400, "link_not_open");
                }
                link["status"] = json!("cancelled");
                let link = link.clone();
                self.emit("payment_link.cancelled", json!({ "payment_link": { "entity": link } }));
                done(self.links.get(*id))
            }
            ("GET", ["payments"]) => {
                let number = |name: &str| filter(name).and_then(|value| value.parse::<u64>().ok());
                let made = |payment: &Value| payment["created_at"].as_u64().unwrap_or(0);
                let chosen = self.payments.values().rev().filter(|payment| {
                    number("from").is_none_or(|from| made(payment) >= from)
                        && number("to").is_none_or(|to| made(payment) <= to)
                });
                let (skip, count) = (number("skip").unwrap_or(0) as usize, number("count").unwrap_or(10) as usize);
                list(chosen.skip(skip).take(count).collect())
            }
            ("GET", ["payments", id]) => done(self.payments.get(*id)),
            ("POST", ["payments", id, "capture"]) => {
                let Some(payment) = self.payments.get(*id) else { return done(None) };
                if payment["status"] != "authorized" || payment["amount"] != body["amount"] {
                    return error(400, "capture_not_possible");
                }
                self.captured(id);
                done(self.payments.get(*id))
            }
            ("POST", ["payments", id, "refund"]) => {
                let Some(payment) = self.payments.get_mut(*id) else { return done(None) };
                let (paid, back) =
                    (payment["amount"].as_i64().unwrap_or(0), payment["amount_refunded"].as_i64().unwrap_or(0));
                let amount = body["amount"].as_i64().unwrap_or(paid - back);
                if payment["captured"] != true || amount < 1 || amount > paid - back {
                    return error(400, "refund_not_possible");
                }
                payment["amount_refunded"] = json!(back + amount);
                let refund_status = if back + amount == paid { "full" } else { "partial" };
                payment["refund_status"] = json!(refund_status);
                let currency = payment["currency"].clone();
                let name = self.name("rfnd");
                let refund = json!({ "id": name, "entity": "refund", "payment_id": id, "amount": amount, "currency": currency,
                                     "status": "pending", "notes": body["notes"] });
                self.refunds.push(refund.clone());
                self.emit("refund.created", json!({ "refund": { "entity": refund } }));
                done(self.refunds.last())
            }
            ("GET", ["payments", id, "refunds"]) => {
                list(self.refunds.iter().filter(|refund| refund["payment_id"] == *id).collect())
            }
            ("GET", ["refunds", id]) => done(self.refunds.iter().find(|refund| refund["id"] == *id)),
            _ => error(404, "not_found"),
        }
    }

    fn pay(&mut self, of: &str, status: &str) -> String {
        let id = self.name("pay");
        let (what, order_id) = match (self.links.get(of).cloned(), self.orders.get(of).cloned()) {
            (Some(link), _) => {
                assert_eq!(link["status"], "created", "nobody can pay a link that is over");
                (link, self.name("order"))
            }
            (None, Some(order)) => (order, of.to_owned()),
            (None, None) => panic!("{of} is neither link nor order"),
        };
        let payment = json!({ "id": id, "entity": "payment", "amount": what["amount"], "currency": what["currency"], "status": "created",
            "captured": false, "amount_refunded": 0, "refund_status": null, "order_id": order_id, "notes": what["notes"], "of": of,
            "created_at": super::stripe::now() });
        self.payments.insert(id.clone(), payment);
        if status == "failed" {
            let changes = [
                ("status", json!("failed")),
                ("error_code", json!("BAD_REQUEST_ERROR")),
                ("error_reason", json!("insufficient_funds")),
            ];
            self.change(&id, "payment.failed", &changes);
        } else {
            self.authorized(&id);
        }
        id
    }

    fn authorized(&mut self, payment: &str) {
        self.change(payment, "payment.authorized", &[("status", json!("authorized"))]);
        let of = self.payments[payment]["of"].as_str().unwrap_or_default().to_owned();
        if self.orders.get(&of).is_none_or(|order| order["capture"] != "manual") {
            self.captured(payment);
        }
    }

    fn captured(&mut self, payment: &str) {
        let amount = self.payments[payment]["amount"].as_i64().unwrap_or(0);
        let changes = [("status", json!("captured")), ("captured", json!(true)), ("fee", json!(amount / 50))];
        self.change(payment, "payment.captured", &changes);
        let of = self.payments[payment]["of"].as_str().unwrap_or_default().to_owned();
        if let Some(link) = self.links.get_mut(&of) {
            link["status"] = json!("paid");
            link["payments"] = json!([{ "payment_id": payment, "amount": amount, "status": "captured" }]);
            let link = link.clone();
            self.emit("payment_link.paid", json!({ "payment_link": { "entity": link } }));
        } else if let Some(order) = self.orders.get_mut(&of) {
            order["status"] = json!("paid");
        }
    }

    fn change(&mut self, payment: &str, event: &str, changes: &[(&str, Value)]) {
        let found = self.payments.get_mut(payment).expect("a payment");
        for (name, value) in changes {
            found[*name] = value.clone();
        }
        let payment = found.clone();
        self.emit(event, json!({ "payment": { "entity": payment } }));
    }
}
