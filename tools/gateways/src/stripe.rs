//! A Stripe to pay with: Checkout Sessions, PaymentIntents, refunds, disputes, idempotency keys, signed events.
//!
//! Long because it is a whole gateway in one place.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::SystemTime,
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
pub struct Stripe {
    /// Where it listens.
    pub origin: String,
    accounts: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// The books of one secret key.
#[derive(Debug, Default)]
struct Account {
    made: u64,
    sessions: BTreeMap<String, Value>,
    intents: BTreeMap<String, Value>,
    refunds: Vec<Value>,
    disputes: Vec<Value>,
    /// The first answer to each idempotency key, with what was asked.
    keys: BTreeMap<String, (String, (u16, String))>,
    events: Vec<Value>,
    trouble: Vec<(&'static str, Trouble)>,
    requests: Vec<String>,
}

impl Stripe {
    /// Begins to listen, on a port of its own.
    pub fn start() -> Result<Self> {
        Self::start_at(ANY_PORT, "https://checkout.stripe.example")
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

    /// Somebody took money there without us.
    pub fn pay_elsewhere(&self, key: &str, amount: i64) -> String {
        self.account(key, |account| {
            let intent = account.new_intent(amount, "eur", "automatic", None);
            let charge = account.new_charge(0);
            account.intents.get_mut(&intent).expect("an intent")["latest_charge"] = charge;
            account.captured(&intent, amount);
            intent
        })
    }

    /// The gateway forgets a payment.
    pub fn forget(&self, key: &str, intent: &str) {
        self.account(key, |account| account.intents.remove(intent)).expect("an intent");
    }

    /// The requests of the account so far: method and path.
    pub fn requests(&self, key: &str) -> Vec<String> {
        self.account(key, |account| account.requests.clone())
    }

    /// What waits for a payer, and whose it is.
    pub fn checkout(&self, id: &str) -> Option<(String, Checkout)> {
        lock(&self.accounts).iter().find_map(|(key, account)| {
            let session = account.sessions.get(id).filter(|session| session["status"] == "open")?;
            let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
            let amount =
                format!("{} {}, in its smallest unit", session["amount_total"], text("currency").to_uppercase());
            Some((key.clone(), Checkout { amount, back: text("success_url"), gave_up: text("cancel_url") }))
        })
    }

    /// The payer of a session pays: what its intent asks for happens.
    pub fn pay(&self, key: &str, session: &str) {
        self.account(key, |account| account.pay(session));
    }

    /// The bank of the payer of a session is still thinking.
    pub fn pay_slowly(&self, key: &str, session: &str) {
        self.account(key, |account| {
            let intent = account.intent_of(session);
            account.change_intent(&intent, "payment_intent.processing", &[("status", json!("processing"))]);
            account.sessions.get_mut(session).expect("a session")["status"] = json!("complete");
        });
    }

    /// The payer of a session tries a card that is declined, and may try again.
    pub fn decline(&self, key: &str, session: &str) {
        self.account(key, |account| {
            let intent = account.intent_of(session);
            let error = json!({ "code": "card_declined", "decline_code": "insufficient_funds" });
            let changes = [("status", json!("requires_payment_method")), ("last_payment_error", error)];
            account.change_intent(&intent, "payment_intent.payment_failed", &changes);
        });
    }

    /// Refunds at the gateway itself, as from its dashboard.
    pub fn refund_by_hand(&self, key: &str, intent: &str, amount: i64) {
        self.account(key, |account| account.refund(intent, amount, json!({}), "succeeded"));
    }

    /// A refund turns out another way than it looked.
    pub fn settle_refund(&self, key: &str, refund: &str, status: &str) {
        self.account(key, |account| account.settle_refund(refund, status));
    }

    /// The payer complains with their bank; or their complaint is decided.
    pub fn dispute(&self, key: &str, intent: &str, status: &str) {
        self.account(key, |account| {
            let (amount, currency) =
                (account.intents[intent]["amount"].clone(), account.intents[intent]["currency"].clone());
            let dispute = json!({ "id": "dp_1", "object": "dispute", "payment_intent": intent, "amount": amount,
                                  "currency": currency, "status": status });
            account.disputes = vec![dispute.clone()];
            account.intents.get_mut(intent).expect("an intent")["latest_charge"]["disputed"] = json!(true);
            account.emit("charge.dispute.updated", dispute);
        });
    }

    /// All intents and refunds of the account: its books.
    pub fn books(&self, key: &str) -> (Vec<Value>, Vec<Value>) {
        self.account(key, |account| (account.intents.values().cloned().collect(), account.refunds.clone()))
    }

    /// What was taken and what went back, by our own name of the payment: the account's books.
    pub fn books_by_payment(&self, key: &str) -> Books {
        let (intents, refunds) = self.books(key);
        let mut books = Books::new();
        for intent in intents {
            let amount = |value: &Value| value.as_i64().unwrap_or(0);
            let back = refunds
                .iter()
                .filter(|refund| refund["payment_intent"] == intent["id"] && refund["status"] == "succeeded");
            let entry =
                books.entry(intent["metadata"]["payment_id"].as_str().unwrap_or_default().to_owned()).or_default();
            entry.0 += amount(&intent["amount_received"]);
            entry.1 += back.map(|refund| amount(&refund["amount"])).sum::<i64>();
        }
        books
    }

    /// The events that were not taken yet, signed with a secret.
    pub fn take_events(&self, key: &str, secret: &str) -> Vec<Delivery> {
        let events = self.account(key, |account| std::mem::take(&mut account.events));
        events.iter().map(|event| sign(secret, &event.to_string(), now())).collect()
    }
}

/// Signs a body as Stripe does, at a second of Unix time.
pub fn sign(secret: &str, body: &str, second: u64) -> Delivery {
    let mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key").chain_update(format!("{second}.{body}"));
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let header = format!("t={second},v1={digest},v0=ignored");
    Delivery { headers: vec![("stripe-signature".to_owned(), header)], body: body.to_owned() }
}

/// Seconds of Unix time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn error(status: u16, kind: &str, code: &str) -> (u16, String) {
    (status, json!({ "error": { "type": kind, "code": code, "message": format!("fake: {code}") } }).to_string())
}

fn answer(accounts: &Mutex<BTreeMap<String, Account>>, pages: &str, request: &Request) -> Reply {
    let key = request.header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned();
    if !key.starts_with("sk_test_") || key.contains("refused") {
        return Some(error(401, "invalid_request_error", "invalid_api_key"));
    }
    let line = format!("{} {}", request.method, request.path);
    let trouble = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(key.clone()).or_default();
        account.requests.push(line.clone());
        let found = account.trouble.iter().position(|(to, _)| line.contains(to));
        found.map(|index| account.trouble.remove(index).1)
    };
    let declined = match &trouble {
        Some(Trouble::NotDone) => return None,
        Some(Trouble::Status(status)) => return Some(error(*status, "api_error", "fake_trouble")),
        Some(Trouble::Slow(time)) => {
            thread::sleep(*time);
            None
        }
        Some(Trouble::Decline(code)) => Some(*code),
        Some(Trouble::AnswerLost | Trouble::Garbled) | None => None,
    };
    let reply = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(key).or_default();
        match request.header("idempotency-key") {
            "" => account.act(request, declined, pages),
            key => {
                let asked = format!("{line} {:?}", request.form());
                match account.keys.get(key) {
                    Some((before, reply)) if *before == asked => reply.clone(),
                    Some(_) => error(400, "idempotency_error", "idempotency_key_in_use"),
                    None => {
                        let reply = account.act(request, declined, pages);
                        account.keys.insert(key.to_owned(), (asked, reply.clone()));
                        reply
                    }
                }
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
        format!("{prefix}_fake{:06}", self.made)
    }

    fn emit(&mut self, kind: &str, object: Value) {
        let id = self.name("evt");
        self.events.push(
            json!({ "id": id, "object": "event", "api_version": "2026-10-28.endive", "created": now(), "type": kind,
                                 "livemode": false, "data": { "object": object } }),
        );
    }

    fn act(&mut self, request: &Request, declined: Option<&str>, pages: &str) -> (u16, String) {
        let form: BTreeMap<String, String> = request.form().into_iter().collect();
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        if let Some(code) = declined {
            let error =
                json!({ "type": "card_error", "code": "card_declined", "decline_code": code, "message": "fake" });
            return (402, json!({ "error": error }).to_string());
        }
        let done = |value: Option<&Value>| match value {
            Some(value) => (200, value.to_string()),
            None => error(404, "invalid_request_error", "resource_missing"),
        };
        match (request.method.as_str(), &parts[..]) {
            ("GET", ["balance"]) => (200, json!({ "object": "balance", "available": [], "pending": [] }).to_string()),
            ("POST", ["checkout", "sessions"]) => {
                let units: i64 = field("line_items[0][price_data][unit_amount]").parse().unwrap_or(0);
                if units < 50 || field("mode") != "payment" || field("success_url").is_empty() {
                    return error(400, "invalid_request_error", "amount_too_small");
                }
                let id = self.name("cs_test");
                let capture = form.get("payment_intent_data[capture_method]").map_or("automatic", String::as_str);
                let session = json!({ "id": id, "object": "checkout.session", "status": "open", "payment_status": "unpaid",
                    "url": format!("{pages}/{id}"), "payment_intent": null, "amount_total": units,
                    "currency": field("line_items[0][price_data][currency]"), "livemode": false,
                    "success_url": form.get("success_url"), "cancel_url": form.get("cancel_url"),
                    "client_reference_id": form.get("client_reference_id"),
                    "metadata": { "payment_id": form.get("metadata[payment_id]") }, "capture_method": capture });
                self.sessions.insert(id.clone(), session);
                done(self.sessions.get(&id))
            }
            ("GET", ["checkout", "sessions", id]) => {
                let Some(mut session) = self.sessions.get(*id).cloned() else { return done(None) };
                let expands = request
                    .query
                    .iter()
                    .any(|(name, value)| name.starts_with("expand[") && value.starts_with("payment_intent"));
                if let Some(intent) = session["payment_intent"].as_str().filter(|_| expands).map(str::to_owned) {
                    session["payment_intent"] = self.intents[&intent].clone();
                }
                done(Some(&session))
            }
            ("POST", ["checkout", "sessions", id, "expire"]) => {
                if self.sessions.get(*id).is_some_and(|session| session["status"] != "open") {
                    return error(400, "invalid_request_error", "session_not_open");
                }
                let Some(session) = self.sessions.get_mut(*id) else { return done(None) };
                session["status"] = json!("expired");
                let session = session.clone();
                self.emit("checkout.session.expired", session);
                done(self.sessions.get(*id))
            }
            ("POST", ["payment_intents"]) => {
                let id = self.new_intent(
                    field("amount").parse().unwrap_or(0),
                    &field("currency"),
                    &field("capture_method"),
                    form.get("metadata[payment_id]"),
                );
                done(self.intents.get(&id))
            }
            ("GET", ["payment_intents"]) => self.list_intents(request),
            ("GET", ["payment_intents", id]) => done(self.intents.get(*id)),
            ("POST", ["payment_intents", id, "capture"]) => {
                let Some(intent) = self.intents.get(*id) else { return done(None) };
                let held = intent["amount_capturable"].as_i64().unwrap_or(0);
                let asked = form.get("amount_to_capture").map_or(Some(held), |amount| amount.parse().ok()).unwrap_or(0);
                if intent["status"] != "requires_capture" || asked < 1 || asked > held {
                    return error(400, "invalid_request_error", "payment_intent_unexpected_state");
                }
                self.captured(id, asked);
                done(self.intents.get(*id))
            }
            ("POST", ["payment_intents", id, "cancel"]) => {
                let Some(intent) = self.intents.get(*id) else { return done(None) };
                if intent["status"] == "succeeded" || intent["status"] == "canceled" {
                    return error(400, "invalid_request_error", "payment_intent_unexpected_state");
                }
                let changes = [
                    ("status", json!("canceled")),
                    ("amount_capturable", json!(0)),
                    ("cancellation_reason", json!(form.get("cancellation_reason"))),
                ];
                self.change_intent(id, "payment_intent.canceled", &changes);
                done(self.intents.get(*id))
            }
            ("POST", ["refunds"]) => {
                let intent = field("payment_intent");
                let Some(charge) = self.intents.get(&intent).map(|intent| intent["latest_charge"].clone()) else {
                    return done(None);
                };
                let left =
                    charge["amount_captured"].as_i64().unwrap_or(0) - charge["amount_refunded"].as_i64().unwrap_or(0);
                let amount = form.get("amount").map_or(Some(left), |amount| amount.parse().ok()).unwrap_or(0);
                if amount < 1 || amount > left {
                    return error(400, "invalid_request_error", "charge_already_refunded");
                }
                let metadata = json!({ "refund_id": form.get("metadata[refund_id]") });
                self.refund(&intent, amount, metadata, "succeeded");
                done(self.refunds.last())
            }
            ("GET", ["refunds"]) => {
                let of =
                    request.query.iter().find(|(name, _)| name == "payment_intent").map(|(_, value)| value.as_str());
                let data: Vec<_> = self
                    .refunds
                    .iter()
                    .filter(|refund| of.is_none_or(|intent| refund["payment_intent"] == intent))
                    .collect();
                (200, json!({ "object": "list", "data": data, "has_more": false }).to_string())
            }
            ("GET", ["refunds", id]) => done(self.refunds.iter().find(|refund| refund["id"] == *id)),
            ("GET", ["disputes"]) => {
                (200, json!({ "object": "list", "data": self.disputes, "has_more": false }).to_string())
            }
            _ => error(404, "invalid_request_error", "url_invalid"),
        }
    }

    /// The newest first, a page at a time.
    fn list_intents(&self, request: &Request) -> (u16, String) {
        let asked = |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let second = |name: &str| asked(name).and_then(|value| value.parse::<u64>().ok());
        let made = |intent: &Value| intent["created"].as_u64().unwrap_or(0);
        let rows = second("limit").unwrap_or(10) as usize;
        let chosen = self.intents.values().rev().filter(|intent| {
            second("created[gte]").is_none_or(|from| made(intent) >= from)
                && second("created[lt]").is_none_or(|to| made(intent) < to)
                && asked("starting_after").is_none_or(|last| intent["id"].as_str().unwrap_or_default() < last)
        });
        let page: Vec<_> = chosen.take(rows + 1).collect();
        let data = &page[..page.len().min(rows)];
        (200, json!({ "object": "list", "data": data, "has_more": page.len() > rows }).to_string())
    }

    fn new_intent(&mut self, amount: i64, currency: &str, capture: &str, payment: Option<&String>) -> String {
        let id = self.name("pi");
        let intent = json!({ "id": id, "object": "payment_intent", "amount": amount, "currency": currency,
            "status": "requires_payment_method", "amount_capturable": 0, "amount_received": 0, "capture_method": capture,
            "client_secret": format!("{id}_secret_fake"), "latest_charge": null, "created": now(), "livemode": false,
            "metadata": { "payment_id": payment } });
        self.intents.insert(id.clone(), intent);
        id
    }

    fn intent_of(&mut self, session: &str) -> String {
        let found = self.sessions.get(session).expect("a session").clone();
        if let Some(intent) = found["payment_intent"].as_str() {
            return intent.to_owned();
        }
        let payment = found["metadata"]["payment_id"].as_str().map(str::to_owned);
        let (amount, currency) =
            (found["amount_total"].as_i64().unwrap_or(0), found["currency"].as_str().unwrap_or_default().to_owned());
        let capture = found["capture_method"].as_str().unwrap_or_default().to_owned();
        let id = self.new_intent(amount, &currency, &capture, payment.as_ref());
        self.sessions.get_mut(session).expect("a session")["payment_intent"] = json!(id);
        id
    }

    fn pay(&mut self, session: &str) {
        assert_eq!(self.sessions[session]["status"], "open", "nobody can pay a session that is over");
        let intent = self.intent_of(session);
        let amount = self.intents[&intent]["amount"].as_i64().unwrap_or(0);
        let found = self.sessions.get_mut(session).expect("a session");
        found["status"] = json!("complete");
        if self.intents[&intent]["capture_method"] == "manual" {
            let charge = self.new_charge(0);
            let changes = [
                ("status", json!("requires_capture")),
                ("amount_capturable", json!(amount)),
                ("latest_charge", charge),
            ];
            self.change_intent(&intent, "payment_intent.amount_capturable_updated", &changes);
        } else {
            let charge = self.new_charge(0);
            self.intents.get_mut(&intent).expect("an intent")["latest_charge"] = charge;
            self.captured(&intent, amount);
            self.sessions.get_mut(session).expect("a session")["payment_status"] = json!("paid");
        }
        let session = self.sessions[session].clone();
        self.emit("checkout.session.completed", session);
    }

    fn new_charge(&mut self, captured: i64) -> Value {
        let id = self.name("ch");
        json!({ "id": id, "object": "charge", "amount_captured": captured, "amount_refunded": 0, "disputed": false,
                "balance_transaction": null })
    }

    fn captured(&mut self, intent: &str, amount: i64) {
        let currency = self.intents[intent]["currency"].clone();
        let mut charge = self.intents[intent]["latest_charge"].clone();
        charge["amount_captured"] = json!(amount);
        charge["balance_transaction"] =
            json!({ "object": "balance_transaction", "fee": amount / 50 + 30, "currency": currency });
        let changes = [
            ("status", json!("succeeded")),
            ("amount_capturable", json!(0)),
            ("amount_received", json!(amount)),
            ("latest_charge", charge),
        ];
        self.change_intent(intent, "payment_intent.succeeded", &changes);
    }

    fn change_intent(&mut self, intent: &str, event: &str, changes: &[(&str, Value)]) {
        let found = self.intents.get_mut(intent).expect("an intent");
        for (name, value) in changes {
            found[*name] = value.clone();
        }
        let intent = found.clone();
        self.emit(event, intent);
    }

    fn refund(&mut self, intent: &str, amount: i64, metadata: Value, status: &str) {
        let id = self.name("re");
        let refund = json!({ "id": id, "object": "refund", "payment_intent": intent, "amount": amount, "status": status,
                             "currency": self.intents[intent]["currency"], "metadata": metadata });
        self.refunds.push(refund.clone());
        let charge = &mut self.intents.get_mut(intent).expect("an intent")["latest_charge"];
        charge["amount_refunded"] = json!(charge["amount_refunded"].as_i64().unwrap_or(0) + amount);
        self.emit("refund.created", refund);
    }

    fn settle_refund(&mut self, id: &str, status: &str) {
        let refund = self.refunds.iter_mut().find(|refund| refund["id"] == id).expect("a refund");
        refund["status"] = json!(status);
        if status == "failed" {
            refund["failure_reason"] = json!("lost_or_stolen_card");
            let (intent, amount) = (
                refund["payment_intent"].as_str().unwrap_or_default().to_owned(),
                refund["amount"].as_i64().unwrap_or(0),
            );
            let charge = &mut self.intents.get_mut(&intent).expect("an intent")["latest_charge"];
            charge["amount_refunded"] = json!(charge["amount_refunded"].as_i64().unwrap_or(0) - amount);
        }
        let refund = self.refunds.iter().find(|refund| refund["id"] == id).expect("a refund").clone();
        self.emit(&format!("refund.{}", if status == "failed" { "failed" } else { "updated" }), refund);
    }
}
