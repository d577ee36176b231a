//! A PayU to pay with: takes the payer's form, answers commands, queues captures and refunds, signs its answers to browsers.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::{
    ANY_PORT, Books, Delivery, Trouble,
    wire::{self, Reply, Request},
};

/// The server; it ends with the test's process.
#[derive(Debug, Clone)]
pub struct Payu {
    /// Where it listens.
    pub origin: String,
    accounts: Arc<Mutex<BTreeMap<String, Account>>>,
}

/// The books of one merchant key.
#[derive(Debug, Default)]
struct Account {
    salt: String,
    made: u64,
    transactions: BTreeMap<String, Transaction>,
    trouble: Vec<(&'static str, Trouble)>,
    commands: Vec<String>,
}

/// What a payer's form came to.
#[derive(Debug, Clone)]
struct Transaction {
    fields: BTreeMap<String, String>,
    mihpayid: String,
    /// PayU's `unmappedstatus`.
    status: String,
    actions: Vec<Action>,
}

#[derive(Debug, Clone)]
struct Action {
    request_id: String,
    kind: &'static str,
    token: String,
    amount: String,
    status: &'static str,
}

impl Payu {
    /// Begins to listen, on a port of its own.
    pub fn start() -> Result<Self> {
        Self::start_at(ANY_PORT)
    }

    /// Begins to listen on an address.
    pub fn start_at(address: SocketAddr) -> Result<Self> {
        let accounts: Arc<Mutex<BTreeMap<String, Account>>> = Arc::default();
        let shared = accounts.clone();
        let origin = wire::listen(address, move |request| answer(&shared, &request))?;
        Ok(Self { origin, accounts })
    }

    /// The accounts that it has heard of, by what they are known by.
    pub fn accounts(&self) -> Vec<String> {
        lock(&self.accounts).keys().cloned().collect()
    }

    fn account<T>(&self, key: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        work(lock(&self.accounts).entry(key.to_owned()).or_default())
    }

    /// A merchant, as PayU knows them.
    pub fn open(&self, key: &str, salt: &str) {
        self.account(key, |account| account.salt = salt.to_owned());
    }

    /// The next such command of the account goes wrong.
    pub fn make_trouble(&self, key: &str, command: &'static str, trouble: Trouble) {
        self.account(key, |account| account.trouble.push((command, trouble)));
    }

    /// The commands of the account so far.
    pub fn commands(&self, key: &str) -> Vec<String> {
        self.account(key, |account| account.commands.clone())
    }

    /// The payer's browser posts the form and pays, or does not (`failed`, `userCancelled`); gives what it posts back to us.
    pub fn pay(&self, form: &Value, status: &str) -> Delivery {
        let fields: BTreeMap<String, String> = form
            .as_array()
            .expect("fields")
            .iter()
            .map(|pair| {
                (pair[0].as_str().unwrap_or_default().to_owned(), pair[1].as_str().unwrap_or_default().to_owned())
            })
            .collect();
        self.take_form(fields, status).expect("a form that PayU takes")
    }

    /// The same, with the form's fields as a browser sends them; why not, where PayU would show an error.
    pub fn take_form(&self, fields: BTreeMap<String, String>, status: &str) -> Result<Delivery> {
        let key = fields.get("key").context("the form has no `key`")?.clone();
        self.account(&key, |account| account.pay(fields, status))
    }

    /// Everything that is queued is done.
    pub fn work(&self, key: &str) {
        self.account(key, Account::work);
    }

    /// How much of the account's transactions was taken, and how much went back, in paise.
    pub fn books(&self, key: &str) -> (i64, i64) {
        self.account(key, |account| {
            let paise = |text: &str| text.replace('.', "").parse::<i64>().unwrap_or(0);
            let all = account.transactions.values();
            let taken = all
                .clone()
                .filter(|found| found.status == "captured")
                .map(|found| paise(&found.fields["amount"]))
                .sum();
            let back = all
                .flat_map(|found| &found.actions)
                .filter(|action| action.kind == "refund" && action.status == "SUCCESS");
            (taken, back.map(|action| paise(&action.amount)).sum())
        })
    }

    /// What was taken and what went back, by our own name of the payment: the account's books.
    pub fn books_by_payment(&self, key: &str) -> Books {
        self.account(key, |account| {
            let paise = |text: &str| text.replace('.', "").parse::<i64>().unwrap_or(0);
            let of = |found: &Transaction| {
                let taken = if found.status == "captured" { paise(&found.fields["amount"]) } else { 0 };
                let back = found.actions.iter().filter(|action| action.kind == "refund" && action.status == "SUCCESS");
                (found.fields["udf1"].clone(), (taken, back.map(|action| paise(&action.amount)).sum()))
            };
            account.transactions.values().map(of).collect()
        })
    }

    /// A message about a refund, as PayU sends it: not signed.
    pub fn refund_message(&self, key: &str) -> Delivery {
        self.account(key, |account| {
            let (txnid, found) = account.transactions.iter().next().expect("a transaction");
            let action = found.actions.last().expect("an action");
            let body = json!({ "key": key, "merchantTxnId": txnid, "mihpayid": found.mihpayid, "request_id": action.request_id,
                               "token": action.token, "action": action.kind, "amt": action.amount, "status": action.status });
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Delivery { headers, body: body.to_string() }
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn sha512(text: &str) -> String {
    Sha512::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn answer(accounts: &Mutex<BTreeMap<String, Account>>, request: &Request) -> Reply {
    let form: BTreeMap<String, String> = request.form().into_iter().collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let said = |body: Value| Some((200, body.to_string()));
    if request.path != "/merchant/postservice.php" || !request.query.contains(&("form".to_owned(), "2".to_owned())) {
        return Some((404, "<html>".to_owned()));
    }
    let (key, command, var1) = (field("key").to_owned(), field("command").to_owned(), field("var1").to_owned());
    let trouble = {
        let mut accounts = lock(accounts);
        let account = accounts.entry(key.clone()).or_default();
        account.commands.push(command.clone());
        if field("hash") != sha512(&format!("{key}|{command}|{var1}|{}", account.salt)) || account.salt.is_empty() {
            return said(json!({ "status": 0, "msg": "Invalid Hash." }));
        }
        let found = account.trouble.iter().position(|(to, _)| *to == command);
        found.map(|index| account.trouble.remove(index).1)
    };
    match &trouble {
        Some(Trouble::NotDone) => return None,
        Some(Trouble::Status(429)) => return said(json!({ "status": 0, "msg": "Too many Requests" })),
        Some(Trouble::Status(status)) => return Some((*status, "<html>".to_owned())),
        Some(Trouble::Decline(code)) => return said(json!({ "status": 0, "error_code": code, "msg": "fake" })),
        Some(Trouble::Slow(time)) => thread::sleep(*time),
        Some(Trouble::AnswerLost | Trouble::Garbled) | None => {}
    }
    let reply = lock(accounts).entry(key).or_default().command(&command, &var1, field("var2"), field("var3"));
    match trouble {
        Some(Trouble::AnswerLost) => None,
        Some(Trouble::Garbled) => Some((200, "<b>Warning</b>".to_owned())),
        _ => said(reply),
    }
}

impl Account {
    fn command(&mut self, command: &str, var1: &str, var2: &str, var3: &str) -> Value {
        if command == "verify_payment" {
            let details = match self.transactions.get(var1) {
                None => json!({ "mihpayid": "Not Found", "status": "Not Found" }),
                Some(found) => json!({ "mihpayid": found.mihpayid, "txnid": var1, "amt": found.fields["amount"],
                    "transaction_amount": found.fields["amount"], "unmappedstatus": found.status,
                    "status": if found.status == "failed" { "failure" } else { "success" }, "error_code": "E000" }),
            };
            let status = u8::from(self.transactions.contains_key(var1));
            return json!({ "status": status, "msg": "fake", "transaction_details": { var1: details } });
        }
        self.made += 1;
        let request_id = self.made.to_string();
        let Some(found) = self.transactions.values_mut().find(|found| found.mihpayid == var1) else {
            return json!({ "status": 0, "error_code": "E404", "transaction_details": "No action status found" });
        };
        if command == "check_action_status" {
            if found.actions.is_empty() {
                return json!({ "status": 0, "msg": "No action status found", "transaction_details": "No action status found" });
            }
            let actions: serde_json::Map<String, Value> = found
                .actions
                .iter()
                .map(|action| {
                    let wire = json!({ "action": action.kind, "token": action.token, "amt": action.amount, "status": action.status });
                    (action.request_id.clone(), wire)
                })
                .collect();
            return json!({ "status": 1, "transaction_details": { var1: actions } });
        }
        if found.actions.iter().any(|action| action.token == var2) {
            return json!({ "status": 0, "error_code": "105", "msg": "token already used" });
        }
        let kind = match (command, found.status.as_str()) {
            ("capture_transaction", "auth") => "capture",
            ("cancel_refund_transaction", "auth") => "cancel",
            ("cancel_refund_transaction", "captured") => "refund",
            _ => return json!({ "status": 0, "error_code": "E100", "msg": "not possible" }),
        };
        let paise = |text: &str| text.replace('.', "").parse::<i64>().unwrap_or(0);
        let back: i64 = found
            .actions
            .iter()
            .filter(|action| action.kind == "refund" && action.status != "failure")
            .map(|action| paise(&action.amount))
            .sum();
        let whole = paise(&found.fields["amount"]);
        if paise(var3) < 1 || paise(var3) + back > whole || (kind != "refund" && paise(var3) != whole) {
            return json!({ "status": 0, "error_code": "E101", "msg": "amount" });
        }
        let action = Action {
            request_id: request_id.clone(),
            kind,
            token: var2.to_owned(),
            amount: var3.to_owned(),
            status: "queued",
        };
        found.actions.push(action);
        json!({ "status": 1, "msg": "Queued", "request_id": request_id, "error_code": 102 })
    }

    fn pay(&mut self, fields: BTreeMap<String, String>, status: &str) -> Result<Delivery> {
        let value = |name: &str| fields.get(name).map_or("", String::as_str).to_owned();
        let names =
            ["key", "txnid", "amount", "productinfo", "firstname", "email", "udf1", "udf2", "udf3", "udf4", "udf5"];
        let asked = names.map(value).join("|");
        ensure!(
            value("hash") == sha512(&format!("{asked}||||||{}", self.salt)),
            "the hash is not of this form and the account\'s salt"
        );
        ensure!(!self.transactions.contains_key(&value("txnid")), "a txnid is good once");
        self.made += 1;
        let mihpayid = format!("4039937155{:08}", self.made);
        let status = match status {
            "success" if value("pre_authorize") == "1" => "auth",
            "success" => "captured",
            other => other,
        };
        let coarse = if matches!(status, "auth" | "captured") { "success" } else { "failure" };
        let mut answered: Vec<(String, String)> =
            names.iter().map(|name| ((*name).to_owned(), value(name))).filter(|(_, value)| !value.is_empty()).collect();
        let reversed =
            ["udf5", "udf4", "udf3", "udf2", "udf1", "email", "firstname", "productinfo", "amount", "txnid", "key"];
        let hash = sha512(&format!("{}|{coarse}||||||{}", self.salt, reversed.map(value).join("|")));
        answered.extend(
            [("mihpayid", mihpayid.as_str()), ("status", coarse), ("unmappedstatus", status), ("hash", &hash)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let transaction =
            Transaction { fields: fields.clone(), mihpayid, status: status.to_owned(), actions: Vec::new() };
        self.transactions.insert(value("txnid"), transaction);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(answered).finish();
        Ok(Delivery {
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body,
        })
    }

    fn work(&mut self) {
        for found in self.transactions.values_mut() {
            for action in found.actions.iter_mut().filter(|action| action.status == "queued") {
                action.status = "SUCCESS";
                if action.kind == "capture" {
                    found.status = "captured".to_owned();
                }
            }
        }
    }
}
