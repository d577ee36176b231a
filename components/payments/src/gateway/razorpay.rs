//! Razorpay: Payment Links for the payer who is sent away, Orders for the payer who stays with the script.
//!
//! - JSON both ways, Basic authentication with key id and secret (razorpay.com/docs/api/authentication).
//! - Amounts: whole numbers of subunits, with an exponent of its own for some currencies: see [`form_of`].
//! - Idempotency: refunds have a header, X-Refund-Idempotency; orders, links and captures have none. So what may have been
//!   done before is looked for by our own name of it first (`receipt`, `reference_id`); an order that was made twice and never
//!   shown to the payer takes no money.
//! - A link holds no money for a later capture; an authorization cannot be let go, it returns by itself after some days.
//! - Webhooks: `X-Razorpay-Signature`, HMAC-SHA256 over the raw body under the webhook's own secret, without a time
//!   (razorpay.com/docs/webhooks/validate-test). The event id beside it is not signed, so a message is known by its body.
//!   What they say is never applied: it is a reason to look.
//!
//! Long because it is all of one gateway: calls, answers, webhooks and their tests side by side.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::DateTime;
use hmac::{Hmac, Mac};
use http::{HeaderMap, Request};
use ids::{PaymentId, RefundId};
use money::{Currency, Form, Money};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Ask, Capabilities, CaptureMethod, CredentialError, Failure, FailureCode, Flow, ListPage, Mode, NextAction, Order,
    Outcome, Refs, RefundReport, Reply, Report, Secret, Step, Verb, Webhook, WebhookRefusal, Window, hex, is_name,
    json_request, read_json,
};
use crate::domain::{payment::Phase, reconciliation::Listed, refund};

/// The longest that a hold may wait for its capture, in minutes.
const HOLD_MINUTES: u32 = 7200;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    flows: &[Flow::Redirect, Flow::Sdk],
    manual_capture: &[Flow::Sdk],
    partial_capture: false,
    cancel_authorized: false,
    cancel_unpaid: true,
    partial_refund: true,
    lists_payments: true,
    needs_account: true,
    customer: &[],
};

pub(super) const CREDENTIAL_NAMES: &[&str] = &["key_id", "key_secret", "webhook_secret"];

/// What a tenant is to Razorpay. The key id is no secret: the payer's script needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    key_id: String,
    key_secret: Secret,
    pub(super) webhook_secret: Secret,
}

impl Credentials {
    pub(super) fn hints(&self) -> Vec<(&'static str, String)> {
        let key_id = Secret(self.key_id.clone()).hint();
        vec![("key_id", key_id), ("key_secret", self.key_secret.hint()), ("webhook_secret", self.webhook_secret.hint())]
    }
}

/// Reads credentials; the key id's beginning says of which mode it is.
pub(super) fn credentials(mode: Mode, json: Value) -> Result<Credentials, CredentialError> {
    let problem = "must have `key_id`, `key_secret` and `webhook_secret`, texts";
    let credentials: Credentials =
        serde_json::from_value(json).map_err(|_| CredentialError { name: "credentials", problem })?;
    if !credentials.key_id.starts_with(&format!("rzp_{}_", mode.as_str())) || !is_name(&credentials.key_id) {
        return Err(CredentialError {
            name: "key_id",
            problem: "must begin with rzp_ and the mode, such as rzp_test_",
        });
    }
    for (name, secret) in [("key_secret", &credentials.key_secret), ("webhook_secret", &credentials.webhook_secret)] {
        if !secret.is_plausible() {
            return Err(CredentialError { name, problem: "must be 8 to 300 visible characters" });
        }
    }
    Ok(credentials)
}

/// How Razorpay writes a currency (razorpay.com/docs/payments/international-payments, "Supported currencies").
fn form_of(currency: Currency) -> Option<Form> {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => Some(Form::plain(0)),
        "BHD" | "IQD" | "JOD" | "KWD" | "OMR" | "TND" => Some(Form { exponent: 3, decimals: 2 }),
        "CLF" | "LYD" | "UYI" | "UYW" => None,
        _ => Some(Form::plain(2)),
    }
}

pub(super) fn accepts(money: Money) -> Result<(), &'static str> {
    let form = form_of(money.currency()).ok_or("does not take this currency")?;
    let units = form.units(money).map_err(|_| "takes fewer decimals in this currency")?;
    if money.currency().as_str() == "INR" && units < 100 {
        return Err("takes no amount as small as this in this currency");
    }
    Ok(())
}

pub(super) fn step(credentials: &Credentials, origin: &str, order: &Order, ask: &Ask, replies: &[Reply]) -> Step {
    let call = Call { credentials, origin, ask };
    match ask.verb {
        Verb::Create => create(&call, order, replies),
        Verb::Capture { amount } => capture(&call, order, amount, replies),
        Verb::Cancel => cancel(&call, order, replies),
        Verb::Refund { id, amount } => refund(&call, order, id, amount, replies),
        Verb::Look => look(&call, order, replies),
        Verb::Check => match call.get::<Value>(replies, 0, "/v1/payments?count=1") {
            Err(step) => *step,
            Ok(_) => Report::of(order).done(),
        },
    }
}

/// A later try looks for what the first may have made.
fn create(call: &Call<'_>, order: &Order, replies: &[Reply]) -> Step {
    let name = order.id;
    let Some(units) = units(order, order.money.minor()) else { return refused("amount") };
    let mut next = 0;
    match order.flow {
        Flow::Sdk => {
            if call.ask.age.is_some() {
                match call.get::<Orders>(replies, 0, &format!("/v1/orders?receipt={name}")) {
                    Err(step) => return *step,
                    Ok(found) => match found.items.first() {
                        Some(wire) => return wire.made(call, order),
                        None => next = 1,
                    },
                }
            }
            let capture = match order.capture_method {
                CaptureMethod::Automatic => json!({ "capture": "automatic",
                    "capture_options": { "automatic_expiry_period": 12, "manual_expiry_period": HOLD_MINUTES, "refund_speed": "normal" } }),
                CaptureMethod::Manual => json!({ "capture": "manual",
                    "capture_options": { "manual_expiry_period": HOLD_MINUTES, "refund_speed": "normal" } }),
            };
            let body = json!({ "amount": units, "currency": order.money.currency(), "receipt": name,
                               "notes": { "payment_id": name }, "payment": capture });
            match call.post::<WireOrder>(replies, next, "/v1/orders", &body) {
                Err(step) => *step,
                Ok(wire) => wire.made(call, order),
            }
        }
        Flow::Redirect => {
            if call.ask.age.is_some() {
                match call.get::<Links>(replies, 0, &format!("/v1/payment_links?reference_id={name}")) {
                    Err(step) => return *step,
                    Ok(found) => match found.payment_links.first() {
                        Some(wire) => return wire.report(order).done(),
                        None => next = 1,
                    },
                }
            }
            let mut body = json!({ "amount": units, "currency": order.money.currency(), "reference_id": name,
                "accept_partial": false, "expire_by": order.expires_at.timestamp(),
                "description": order.description.as_deref().unwrap_or("Payment"),
                "notify": { "sms": false, "email": false }, "reminder_enable": false, "notes": { "payment_id": name },
                "callback_url": order.return_address, "callback_method": "get" });
            let customer = &order.customer;
            if customer.name.is_some() || customer.email.is_some() || customer.phone.is_some() {
                body["customer"] = json!({ "name": customer.name, "email": customer.email, "contact": customer.phone });
            }
            match call.post::<Link>(replies, next, "/v1/payment_links", &body) {
                Err(step) => *step,
                Ok(wire) => wire.report(order).done(),
            }
        }
    }
}

/// Captures all of what is held; a second time is refused by Razorpay itself, so the payment says how it stands.
fn capture(call: &Call<'_>, order: &Order, amount: i64, replies: &[Reply]) -> Step {
    let Some(payment) = &order.refs.payment else { return Step::Done(Outcome::NotFound) };
    let Some(units) = units(order, amount) else { return refused("amount") };
    let path = format!("/v1/payments/{payment}");
    let mut next = 0;
    if call.ask.age.is_some() {
        match call.get::<WirePayment>(replies, 0, &path) {
            Err(step) => return *step,
            Ok(wire) if wire.status != PaymentStatus::Authorized => return wire.report(order).done(),
            Ok(_) => next = 1,
        }
    }
    let body = json!({ "amount": units, "currency": order.money.currency() });
    match call.post::<WirePayment>(replies, next, &format!("{path}/capture"), &body) {
        Ok(wire) => wire.report(order).done(),
        // 400 also says "captured already".
        Err(step) => match *step {
            Step::Done(refusal @ Outcome::Refused(_)) => match call.get::<WirePayment>(replies, next + 1, &path) {
                Err(step) => *step,
                Ok(wire) if wire.status == PaymentStatus::Authorized => Step::Done(refusal),
                Ok(wire) => wire.report(order).done(),
            },
            step => step,
        },
    }
}

/// A link can be withdrawn; an order is only not shown any more.
fn cancel(call: &Call<'_>, order: &Order, replies: &[Reply]) -> Step {
    match (&order.refs.order, order.flow) {
        (Some(link), Flow::Redirect) => {
            let path = format!("/v1/payment_links/{link}");
            match call.post::<Link>(replies, 0, &format!("{path}/cancel"), &json!({})) {
                Ok(wire) => wire.report(order).done(),
                // It was paid, or withdrawn, before.
                Err(step) => match *step {
                    Step::Done(Outcome::Refused(_)) => match call.get::<Link>(replies, 1, &path) {
                        Err(step) => *step,
                        Ok(wire) => wire.report(order).done(),
                    },
                    step => step,
                },
            }
        }
        _ => Report { phase: Some(Phase::Canceled), ..Report::of(order) }.done(),
    }
}

fn refund(call: &Call<'_>, order: &Order, id: RefundId, amount: i64, replies: &[Reply]) -> Step {
    let Some(payment) = &order.refs.payment else { return Step::Done(Outcome::NotFound) };
    let Some(units) = units(order, amount) else { return refused("amount") };
    let mut next = 0;
    if call.ask.age.is_some() {
        match call.get::<Refunds>(replies, 0, &refunds_of(payment)) {
            Err(step) => return *step,
            Ok(list) => match list.items.iter().find(|refund| refund.id_of_ours() == Some(id)) {
                Some(refund) => return with_refund(order, refund),
                None => next = 1,
            },
        }
    }
    let body = json!({ "amount": units, "speed": "normal", "receipt": id,
                       "notes": { "refund_id": id, "payment_id": order.id } });
    match call.post::<WireRefund>(replies, next, &format!("/v1/payments/{payment}/refund"), &body) {
        Err(step) => *step,
        Ok(refund) => with_refund(order, &refund),
    }
}

fn with_refund(order: &Order, refund: &WireRefund) -> Step {
    Report { refunds: vec![refund.report(order)], ..Report::of(order) }.done()
}

/// How the payment is: the order's payments, or the link and its payment; then the refunds, if there may be any.
fn look(call: &Call<'_>, order: &Order, replies: &[Reply]) -> Step {
    let mut next = 1;
    let (mut report, payment) = match (&order.refs.payment, &order.refs.order, order.flow) {
        (_, None, _) => return Step::Done(Outcome::NotFound),
        (_, Some(link), Flow::Redirect) => match call.get::<Link>(replies, 0, &format!("/v1/payment_links/{link}")) {
            Err(step) => return *step,
            Ok(link) => match link.payment() {
                None => (link.report(order), None),
                Some(payment) => match call.get::<WirePayment>(replies, 1, &format!("/v1/payments/{payment}")) {
                    Err(step) => return *step,
                    Ok(payment) => {
                        next = 2;
                        let refs =
                            Refs { order: Some(link.id.clone()), payment: Some(payment.id.clone()), capture: None };
                        (Report { refs, ..payment.report(order) }, Some(payment))
                    }
                },
            },
        },
        (_, Some(of), Flow::Sdk) => match call.get::<Payments>(replies, 0, &format!("/v1/orders/{of}/payments")) {
            Err(step) => return *step,
            Ok(list) => match list.items.into_iter().max_by_key(|payment| payment.status.rank()) {
                None => (Report { phase: Some(Phase::RequiresAction), ..Report::of(order) }, None),
                Some(payment) => (payment.report(order), Some(payment)),
            },
        },
    };
    let Some(payment) = payment else { return report.done() };
    if payment.amount_refunded > 0 || !order.refunds.is_empty() {
        match call.get::<Refunds>(replies, next, &refunds_of(&payment.id)) {
            Err(step) => return *step,
            Ok(list) => report.refunds = list.items.iter().map(|refund| refund.report(order)).collect(),
        }
    }
    report.done()
}

/// No page has more rows.
const PAGE_ROWS: usize = 100;

/// A page of payments (razorpay.com/docs/api/payments/fetch-all-payments), named by how many stand before it.
pub(super) fn list_request(
    credentials: &Credentials,
    origin: &str,
    window: Window,
    page: Option<&str>,
) -> Option<Request<Bytes>> {
    let ask = Ask { verb: Verb::Look, key: Uuid::nil(), age: None };
    // Both ends are in the list.
    let (from, to) = (window.after.timestamp(), window.before.timestamp() - 1);
    let skip = page.unwrap_or("0");
    let path = format!("/v1/payments?count={PAGE_ROWS}&from={from}&to={to}&skip={skip}");
    Call { credentials, origin, ask: &ask }.request("GET", &path, None)
}

pub(super) fn read_list(page: Option<&str>, reply: &Reply) -> Result<ListPage, Outcome> {
    let list: Payments = read(reply)?;
    let before: usize = page.unwrap_or("0").parse().map_err(|_| Outcome::Unknown)?;
    let next = (list.items.len() >= PAGE_ROWS).then(|| (before + list.items.len()).to_string());
    let data = list.items.iter().map(WirePayment::listed).collect::<Option<Vec<_>>>().ok_or(Outcome::Unknown)?;
    Ok(ListPage { data, next })
}

fn refunds_of(payment: &str) -> String {
    format!("/v1/payments/{payment}/refunds?count=100")
}

fn units(order: &Order, minor: i64) -> Option<i64> {
    form_of(order.money.currency())?.units(Money::new(minor, order.money.currency())?).ok()
}

fn refused(code: &str) -> Step {
    Step::Done(Outcome::Refused(Failure::new(FailureCode::Refused, Some(code))))
}

/// One question, with what every request of it needs.
struct Call<'a> {
    credentials: &'a Credentials,
    origin: &'a str,
    ask: &'a Ask,
}

impl Call<'_> {
    fn get<T: DeserializeOwned>(&self, replies: &[Reply], index: usize, path: &str) -> Result<T, Box<Step>> {
        self.answer(replies, index, || self.request("GET", path, None))
    }

    fn post<T: DeserializeOwned>(
        &self,
        replies: &[Reply],
        index: usize,
        path: &str,
        body: &Value,
    ) -> Result<T, Box<Step>> {
        self.answer(replies, index, || self.request("POST", path, Some(body)))
    }

    /// The answer to request number `index`, or the request.
    fn answer<T: DeserializeOwned>(
        &self,
        replies: &[Reply],
        index: usize,
        request: impl FnOnce() -> Option<Request<Bytes>>,
    ) -> Result<T, Box<Step>> {
        match replies.get(index) {
            Some(reply) => read(reply).map_err(|outcome| Box::new(Step::Done(outcome))),
            None => {
                Err(Box::new(request().map_or_else(|| refused("request"), |request| Step::Send(Box::new(request)))))
            }
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Option<Request<Bytes>> {
        let pair = format!("{}:{}", self.credentials.key_id, self.credentials.key_secret.reveal());
        let authorization = format!("Basic {}", STANDARD.encode(pair));
        let mut request = json_request(method, &format!("{}{path}", self.origin), &authorization, body)?;
        if method == "POST" && path.ends_with("/refund") {
            let key = self.ask.key.simple().to_string();
            request.headers_mut().insert("x-refund-idempotency", http::HeaderValue::from_str(&key).ok()?);
        }
        Some(request)
    }
}

/// Reads an answer. Total: every reply, and none, is something.
fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, Outcome> {
    let (status, body) = match reply {
        Reply::NotSent => return Err(Outcome::NotSent(Failure::new(FailureCode::Unreachable, None))),
        Reply::Lost => return Err(Outcome::Unknown),
        Reply::Body { status, body } => (*status, body),
    };
    if (200..300).contains(&status) {
        return read_json(body).ok_or(Outcome::Unknown);
    }
    let error = read_json::<ErrorBody>(body).map(|body| body.error).unwrap_or_default();
    let code = error.reason.as_deref().filter(|reason| *reason != "NA").or(error.code.as_deref());
    Err(match status {
        401 | 403 => Outcome::Refused(Failure::new(FailureCode::CredentialsRefused, code)),
        404 => Outcome::NotFound,
        429 => Outcome::NotSent(Failure::new(FailureCode::Throttled, code)),
        // The first refund with this key is still under way.
        409 => Outcome::Unknown,
        400..=499 => Outcome::Refused(Failure::new(FailureCode::Refused, code)),
        _ => Outcome::Unknown,
    })
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    error: WireError,
}

#[derive(Default, Deserialize)]
struct WireError {
    code: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Orders {
    items: Vec<WireOrder>,
}

#[derive(Deserialize)]
struct WireOrder {
    id: String,
    amount: i64,
    currency: Currency,
}

impl WireOrder {
    /// The order waits for its payer; what it has come to is in its payments.
    fn made(&self, call: &Call<'_>, order: &Order) -> Step {
        if !is_name(&self.id) {
            return Step::Done(Outcome::Unknown);
        }
        let text = |name: &str, value: String| (name.to_owned(), value);
        let parameters = vec![
            text("key", call.credentials.key_id.clone()),
            text("order_id", self.id.clone()),
            text("amount", self.amount.to_string()),
            text("currency", self.currency.to_string()),
        ];
        Report {
            currency: self.currency,
            amount: Some(minor(self.amount, self.currency)),
            phase: Some(Phase::RequiresAction),
            refs: Refs { order: Some(self.id.clone()), ..Refs::default() },
            next_action: Some(NextAction::ClientSdk { parameters }),
            ..Report::of(order)
        }
        .done()
    }
}

#[derive(Deserialize)]
struct Links {
    payment_links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    id: String,
    amount: i64,
    currency: Currency,
    short_url: Option<String>,
    status: LinkStatus,
    /// Filled once one of them is captured; null or an empty list before.
    payments: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LinkStatus {
    Created,
    PartiallyPaid,
    Paid,
    Expired,
    Cancelled,
    #[serde(other)]
    Unlisted,
}

impl Link {
    fn payment(&self) -> Option<String> {
        let name = self.payments.as_ref()?.as_array()?.last()?["payment_id"].as_str()?;
        is_name(name).then(|| name.to_owned())
    }

    fn report(&self, order: &Order) -> Report {
        let phase = match self.status {
            LinkStatus::Created => Some(Phase::RequiresAction),
            LinkStatus::Expired => Some(Phase::Expired),
            LinkStatus::Cancelled => Some(Phase::Canceled),
            // The payment says how much.
            LinkStatus::PartiallyPaid | LinkStatus::Paid | LinkStatus::Unlisted => None,
        };
        Report {
            currency: self.currency,
            amount: Some(minor(self.amount, self.currency)),
            phase,
            refs: Refs {
                order: Some(self.id.clone()).filter(|name| is_name(name)),
                payment: self.payment(),
                capture: None,
            },
            next_action: self.short_url.clone().map(|url| NextAction::Redirect { url }),
            ..Report::of(order)
        }
    }
}

#[derive(Deserialize)]
struct Payments {
    items: Vec<WirePayment>,
}

#[derive(Deserialize)]
struct WirePayment {
    id: String,
    amount: i64,
    currency: Currency,
    status: PaymentStatus,
    #[serde(default)]
    captured: bool,
    #[serde(default)]
    amount_refunded: i64,
    fee: Option<i64>,
    error_code: Option<String>,
    error_reason: Option<String>,
    created_at: Option<i64>,
    /// An object, or an empty list where there are none.
    #[serde(default)]
    notes: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PaymentStatus {
    Created,
    Authorized,
    Captured,
    Refunded,
    Failed,
    #[serde(other)]
    Unlisted,
}

impl PaymentStatus {
    /// Of several payments of one order the furthest counts.
    fn rank(self) -> u8 {
        match self {
            Self::Unlisted => 0,
            Self::Failed => 1,
            Self::Created => 2,
            Self::Authorized => 3,
            Self::Refunded => 4,
            Self::Captured => 5,
        }
    }
}

impl WirePayment {
    /// As a line of a list; none where it says no time.
    fn listed(&self) -> Option<Listed> {
        Some(Listed {
            gateway_ref: self.id.clone(),
            payment: self.notes["payment_id"].as_str().and_then(|id| id.parse().ok()),
            currency: self.currency,
            captured: if self.captured { minor(self.amount, self.currency) } else { 0 },
            refunded: if self.captured { minor(self.amount_refunded, self.currency) } else { 0 },
            created_at: DateTime::from_timestamp(self.created_at?, 0)?,
        })
    }

    fn report(&self, order: &Order) -> Report {
        let amount = minor(self.amount, self.currency);
        let (authorized, captured, phase) = match self.status {
            PaymentStatus::Created => (0, 0, Some(Phase::RequiresAction)),
            PaymentStatus::Authorized => (amount, 0, None),
            PaymentStatus::Captured => (amount, amount, None),
            PaymentStatus::Refunded if self.captured => (amount, amount, None),
            // A hold that nobody captured in time, returned by itself.
            PaymentStatus::Refunded => (0, 0, Some(Phase::Expired)),
            // One try; the order or link is still open.
            PaymentStatus::Failed => (0, 0, Some(Phase::RequiresAction)),
            PaymentStatus::Unlisted => (0, 0, None),
        };
        let code = self.error_reason.as_deref().or(self.error_code.as_deref());
        let failure = (self.status == PaymentStatus::Failed).then(|| Failure::new(decline(code), code));
        let payment = Some(self.id.clone()).filter(|name| is_name(name) && self.status != PaymentStatus::Failed);
        Report {
            currency: self.currency,
            amount: Some(amount),
            authorized,
            captured,
            phase,
            refs: Refs { payment, ..Refs::default() },
            failure,
            fee: self.fee.filter(|_| captured > 0).map(|fee| minor(fee, self.currency)),
            ..Report::of(order)
        }
    }
}

/// razorpay.com/docs/errors, in our few words.
fn decline(reason: Option<&str>) -> FailureCode {
    match reason {
        Some("insufficient_funds" | "insufficient_balance") => FailureCode::InsufficientFunds,
        Some("card_expired") => FailureCode::ExpiredCard,
        Some("authentication_failed" | "incorrect_otp" | "incorrect_pin") => FailureCode::AuthenticationFailed,
        Some("payment_risk_check_failed") => FailureCode::SuspectedFraud,
        Some("payment_cancelled" | "payment_timed_out") => FailureCode::Abandoned,
        _ => FailureCode::Declined,
    }
}

/// An amount of Razorpay's in minor units; −1, which fits no payment, where it is none.
fn minor(units: i64, currency: Currency) -> i64 {
    form_of(currency).and_then(|form| form.from_units(units, currency)).map_or(-1, Money::minor)
}

#[derive(Deserialize)]
struct Refunds {
    items: Vec<WireRefund>,
}

#[derive(Deserialize)]
struct WireRefund {
    id: String,
    amount: i64,
    status: Option<RefundStatus>,
    #[serde(default)]
    notes: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    Processed,
    Failed,
    #[serde(other)]
    Unlisted,
}

impl WireRefund {
    fn id_of_ours(&self) -> Option<RefundId> {
        self.notes["refund_id"].as_str()?.parse().ok()
    }

    fn report(&self, order: &Order) -> RefundReport {
        let state = match self.status {
            Some(RefundStatus::Processed) => refund::State::Succeeded,
            Some(RefundStatus::Failed) => refund::State::Failed,
            Some(RefundStatus::Pending | RefundStatus::Unlisted) | None => refund::State::Pending,
        };
        let failure = (state == refund::State::Failed).then(|| Failure::new(FailureCode::Refused, None));
        let amount = minor(self.amount, order.money.currency());
        RefundReport { id: self.id_of_ours(), gateway_ref: self.id.clone(), amount, state, failure }
    }
}

#[derive(Deserialize)]
struct Event {
    event: String,
    payload: Value,
}

impl Event {
    /// Every entity of the payload.
    fn entities(&self) -> impl Iterator<Item = &Value> {
        self.payload.as_object().into_iter().flatten().map(|(_, part)| &part["entity"])
    }

    /// The payment that we told Razorpay of.
    fn payment(&self) -> Option<PaymentId> {
        let named = |entity: &Value| {
            let names = [&entity["notes"]["payment_id"], &entity["reference_id"], &entity["receipt"]];
            names.into_iter().find_map(|name| name.as_str()?.parse().ok())
        };
        self.entities().find_map(named)
    }
}

/// Verifies the signature over the raw bytes, then reads what the message is about.
pub(super) fn read_webhook(secrets: &[&str], headers: &HeaderMap, body: &[u8]) -> Result<Webhook, WebhookRefusal> {
    let signature = headers.get("x-razorpay-signature").and_then(|value| value.to_str().ok());
    let signature = signature.ok_or(WebhookRefusal::NotSigned)?;
    if !secrets.iter().any(|secret| is_signed(secret, signature, body)) {
        return Err(WebhookRefusal::NotSigned);
    }
    let event: Event = read_json(body).ok_or(WebhookRefusal::Unreadable)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut refs: Vec<String> = Vec::new();
    for entity in event.entities() {
        refs.extend([&entity["id"], &entity["order_id"], &entity["payment_id"]].into_iter().filter_map(text));
    }
    // Some messages name an order without its beginning.
    let bare: Vec<String> =
        refs.iter().filter(|name| !name.contains('_')).map(|name| format!("order_{name}")).collect();
    refs.extend(bare);
    Ok(Webhook { dedupe_key: dedupe_key(body), payment: event.payment(), event_type: event.event, refs })
}

/// A message is known by its body: the id beside it is not signed.
fn dedupe_key(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The payment that a message names, unverified.
pub(super) fn payment_named_in(body: &[u8]) -> Option<PaymentId> {
    read_json::<Event>(body)?.payment()
}

fn is_signed(secret: &str, signature: &str, message: &[u8]) -> bool {
    // A key of nothing would verify what anybody computes.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    !secret.is_empty() && hex(signature).is_some_and(|digest| mac.chain_update(message).verify_slice(&digest).is_ok())
}

/// The payment's name, from what the payer's browser brings: signed with the key secret over the order or link that we hold.
pub(super) fn returned(credentials: &Credentials, order: &Order, parameters: &[(String, String)]) -> Option<Refs> {
    let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (payment, signature) = (value("razorpay_payment_id")?, value("razorpay_signature")?);
    let ours = order.refs.order.as_deref()?;
    let message = match order.flow {
        Flow::Sdk => format!("{ours}|{payment}"),
        Flow::Redirect => format!(
            "{ours}|{}|{}|{payment}",
            value("razorpay_payment_link_reference_id")?,
            value("razorpay_payment_link_status")?
        ),
    };
    let is_good = is_name(payment) && is_signed(credentials.key_secret.reveal(), signature, message.as_bytes());
    is_good.then(|| Refs { payment: Some(payment.to_owned()), ..Refs::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::fixture::{ask, later, order};

    const ORIGIN: &str = "https://api.razorpay.com";

    fn ours() -> Credentials {
        let json =
            json!({ "key_id": "rzp_test_1", "key_secret": "planted_secret", "webhook_secret": "planted_webhook" });
        credentials(Mode::Test, json).unwrap()
    }

    fn replied(status: u16, body: Value) -> Reply {
        Reply::Body { status, body: Bytes::from(body.to_string()) }
    }

    fn sent(order: &Order, ask: &Ask, replies: &[Reply]) -> (String, Value) {
        let Step::Send(request) = step(&ours(), ORIGIN, order, ask, replies) else { panic!("a request is wanted") };
        assert_eq!(
            request.headers()["authorization"],
            format!("Basic {}", STANDARD.encode("rzp_test_1:planted_secret"))
        );
        (format!("{} {}", request.method(), request.uri()), serde_json::from_slice(request.body()).unwrap_or_default())
    }

    fn done(order: &Order, ask: &Ask, replies: &[Reply]) -> Outcome {
        match step(&ours(), ORIGIN, order, ask, replies) {
            Step::Done(outcome) => outcome,
            Step::Send(request) => panic!("{} {} is one request too many", request.method(), request.uri()),
        }
    }

    fn reported(order: &Order, ask: &Ask, replies: &[Reply]) -> Report {
        match done(order, ask, replies) {
            Outcome::Reported(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn amounts_are_written_as_razorpay_counts() {
        for (minor, code, wanted) in [
            (1099, "USD", Some(1099)),
            (5, "USD", Some(5)),
            (49900, "INR", Some(49900)),
            (500, "JPY", Some(500)),
            (100_050, "HUF", Some(100_050)),
            (5, "ISK", Some(5)),
            (500, "MGA", Some(500)),
            (550, "MGA", Some(550)),
            (5120, "KWD", Some(5120)),
            (5124, "KWD", None),
        ] {
            assert_eq!(units(&order(code, minor), minor), wanted, "{minor} {code}");
        }
        let accepts = |minor, code: &str| accepts(Money::new(minor, code.parse().unwrap()).unwrap());
        assert_eq!(accepts(99, "INR"), Err("takes no amount as small as this in this currency"));
        assert_eq!((accepts(100, "INR"), accepts(500, "LYD")), (Ok(()), Err("does not take this currency")));
    }

    #[test]
    fn a_link_is_made_once() {
        let order = order("INR", 49900);
        let (request, body) = sent(&order, &ask(Verb::Create), &[]);
        assert_eq!(request, "POST https://api.razorpay.com/v1/payment_links");
        assert_eq!(
            (&body["amount"], &body["currency"], &body["accept_partial"]),
            (&json!(49900), &json!("INR"), &json!(false))
        );
        assert_eq!(
            (&body["reference_id"], &body["notify"]),
            (&json!(order.id), &json!({ "sms": false, "email": false }))
        );
        let link = json!({ "id": "plink_1", "amount": 49900, "currency": "INR", "short_url": "https://rzp.io/i/1", "status": "created",
                           "payments": null });
        let report = reported(&order, &ask(Verb::Create), &[replied(200, link.clone())]);
        assert_eq!(report.next_action, Some(NextAction::Redirect { url: "https://rzp.io/i/1".to_owned() }));
        assert_eq!((report.phase, report.refs.order.as_deref()), (Some(Phase::RequiresAction), Some("plink_1")));

        // The answer was lost: it is looked for by our name, and made only if it is not there.
        let (request, _) = sent(&order, &later(Verb::Create), &[]);
        assert_eq!(request, format!("GET https://api.razorpay.com/v1/payment_links?reference_id={}", order.id));
        let found = replied(200, json!({ "payment_links": [link] }));
        assert_eq!(reported(&order, &later(Verb::Create), &[found]).refs.order.as_deref(), Some("plink_1"));
        let none = replied(200, json!({ "payment_links": [] }));
        assert_eq!(sent(&order, &later(Verb::Create), &[none]).0, "POST https://api.razorpay.com/v1/payment_links");
        assert_eq!(done(&order, &later(Verb::Create), &[Reply::Lost]), Outcome::Unknown);
    }

    #[test]
    fn an_order_is_made_for_the_script() {
        let mut order = order("INR", 49900);
        (order.flow, order.capture_method) = (Flow::Sdk, CaptureMethod::Manual);
        let (request, body) = sent(&order, &ask(Verb::Create), &[]);
        assert_eq!(
            (request.as_str(), &body["payment"]["capture"]),
            ("POST https://api.razorpay.com/v1/orders", &json!("manual"))
        );
        assert_eq!(body["receipt"].as_str().unwrap().len(), 30, "40 are allowed");
        let wire = json!({ "id": "order_1", "amount": 49900, "currency": "INR", "status": "created" });
        let report = reported(&order, &ask(Verb::Create), &[replied(200, wire)]);
        let Some(NextAction::ClientSdk { parameters }) = report.next_action else { panic!("parameters") };
        let wanted = [("key", "rzp_test_1"), ("order_id", "order_1"), ("amount", "49900"), ("currency", "INR")];
        assert_eq!(parameters, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    fn payment(status: &str, more: Value) -> Value {
        let mut payment =
            json!({ "id": "pay_1", "amount": 49900, "currency": "INR", "status": status, "captured": false });
        payment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payment
    }

    #[test]
    fn every_status_of_a_payment_is_something() {
        let mut order = order("INR", 49900);
        (order.flow, order.refs.order) = (Flow::Sdk, Some("order_1".to_owned()));
        let look = |items: Value| reported(&order, &ask(Verb::Look), &[replied(200, json!({ "items": items }))]);
        for (status, captured, wanted) in [
            ("created", false, (0, 0, Some(Phase::RequiresAction))),
            ("authorized", false, (49900, 0, None)),
            ("captured", true, (49900, 49900, None)),
            ("refunded", true, (49900, 49900, None)),
            ("refunded", false, (0, 0, Some(Phase::Expired))),
            ("failed", false, (0, 0, Some(Phase::RequiresAction))),
            ("a_new_word", false, (0, 0, None)),
        ] {
            let report = look(json!([payment(status, json!({ "captured": captured }))]));
            assert_eq!((report.authorized, report.captured, report.phase), wanted, "{status}");
        }
        assert_eq!(look(json!([])).phase, Some(Phase::RequiresAction));
        // The first try failed, the second did not.
        let both = look(json!([
            payment("failed", json!({})),
            payment("captured", json!({ "id": "pay_2", "captured": true, "fee": 998 }))
        ]));
        assert_eq!((both.captured, both.refs.payment.as_deref(), both.fee), (49900, Some("pay_2"), Some(998)));
        let failed = look(json!([payment("failed", json!({ "error_reason": "insufficient_funds" }))]));
        assert_eq!(failed.failure.unwrap().code, FailureCode::InsufficientFunds);
    }

    #[test]
    fn a_look_at_a_link_goes_on_to_its_payment_and_refunds() {
        let mut order = order("INR", 49900);
        order.refs.order = Some("plink_1".to_owned());
        let link = |status: &str, payments: Value| {
            replied(
                200,
                json!({ "id": "plink_1", "amount": 49900, "currency": "INR", "status": status, "payments": payments }),
            )
        };
        for (status, phase) in
            [("created", Phase::RequiresAction), ("expired", Phase::Expired), ("cancelled", Phase::Canceled)]
        {
            assert_eq!(reported(&order, &ask(Verb::Look), &[link(status, json!([]))]).phase, Some(phase), "{status}");
        }
        let paid = link("paid", json!([{ "payment_id": "pay_1", "amount": 49900 }]));
        let (request, _) = sent(&order, &ask(Verb::Look), std::slice::from_ref(&paid));
        assert_eq!(request, "GET https://api.razorpay.com/v1/payments/pay_1");
        let captured = replied(200, payment("captured", json!({ "captured": true, "amount_refunded": 100 })));
        let (request, _) = sent(&order, &ask(Verb::Look), &[paid.clone(), captured.clone()]);
        assert_eq!(request, "GET https://api.razorpay.com/v1/payments/pay_1/refunds?count=100");
        let refunds =
            replied(200, json!({ "items": [{ "id": "rfnd_1", "amount": 100, "status": "processed", "notes": [] }] }));
        let report = reported(&order, &ask(Verb::Look), &[paid, captured, refunds]);
        assert_eq!((report.captured, report.refunds[0].state), (49900, refund::State::Succeeded));
        // A name that leads elsewhere is none.
        let forged = link("paid", json!([{ "payment_id": "../x" }]));
        assert_eq!(reported(&order, &ask(Verb::Look), &[forged]).refs.payment, None);
    }

    #[test]
    fn a_capture_that_was_refused_is_looked_at() {
        let mut order = order("INR", 49900);
        (order.flow, order.refs.payment) = (Flow::Sdk, Some("pay_1".to_owned()));
        let capture = ask(Verb::Capture { amount: 49900 });
        let (request, body) = sent(&order, &capture, &[]);
        assert_eq!(request, "POST https://api.razorpay.com/v1/payments/pay_1/capture");
        assert_eq!(body, json!({ "amount": 49900, "currency": "INR" }));
        let refusal =
            replied(400, json!({ "error": { "code": "BAD_REQUEST_ERROR", "reason": "input_validation_failed" } }));
        assert_eq!(
            sent(&order, &capture, std::slice::from_ref(&refusal)).0,
            "GET https://api.razorpay.com/v1/payments/pay_1"
        );
        let captured = replied(200, payment("captured", json!({ "captured": true })));
        assert_eq!(reported(&order, &capture, &[refusal.clone(), captured]).captured, 49900);
        let still = replied(200, payment("authorized", json!({})));
        let failure = Failure::new(FailureCode::Refused, Some("input_validation_failed"));
        assert_eq!(done(&order, &capture, &[refusal, still.clone()]), Outcome::Refused(failure));
        let again = later(Verb::Capture { amount: 49900 });
        assert_eq!(sent(&order, &again, &[]).0, "GET https://api.razorpay.com/v1/payments/pay_1");
        assert_eq!(sent(&order, &again, &[still]).0, "POST https://api.razorpay.com/v1/payments/pay_1/capture");
    }

    #[test]
    fn a_refund_has_a_key_and_is_looked_for() {
        let mut order = order("INR", 49900);
        order.refs.payment = Some("pay_1".to_owned());
        let id = RefundId::new();
        let verb = Verb::Refund { id, amount: 100 };
        let Step::Send(request) = step(&ours(), ORIGIN, &order, &ask(verb), &[]) else { panic!("a request") };
        assert_eq!(request.uri().path(), "/v1/payments/pay_1/refund");
        assert_eq!(request.headers()["x-refund-idempotency"], "00000000000000000000000000000007");
        let wire = json!({ "id": "rfnd_1", "amount": 100, "status": "pending", "notes": { "refund_id": id } });
        let report = reported(&order, &ask(verb), &[replied(200, wire.clone())]);
        assert_eq!((report.refunds[0].id, report.refunds[0].state), (Some(id), refund::State::Pending));
        assert!(sent(&order, &later(verb), &[]).0.starts_with("GET "));
        let found = replied(200, json!({ "items": [wire] }));
        assert_eq!(reported(&order, &later(verb), &[found]).refunds.len(), 1);
        let none = replied(200, json!({ "items": [] }));
        assert!(sent(&order, &later(verb), &[none]).0.starts_with("POST "));
        for status in [409, 500, 502] {
            assert_eq!(done(&order, &ask(verb), &[replied(status, json!({}))]), Outcome::Unknown, "{status}");
        }
    }

    #[test]
    fn what_cannot_be_withdrawn_is_only_not_shown() {
        let mut order = order("INR", 49900);
        (order.flow, order.refs.order) = (Flow::Sdk, Some("order_1".to_owned()));
        assert_eq!(reported(&order, &ask(Verb::Cancel), &[]).phase, Some(Phase::Canceled));
        (order.flow, order.refs.order) = (Flow::Redirect, Some("plink_1".to_owned()));
        assert_eq!(
            sent(&order, &ask(Verb::Cancel), &[]).0,
            "POST https://api.razorpay.com/v1/payment_links/plink_1/cancel"
        );
        let refusal = replied(400, json!({ "error": { "code": "BAD_REQUEST_ERROR" } }));
        assert_eq!(
            sent(&order, &ask(Verb::Cancel), &[refusal]).0,
            "GET https://api.razorpay.com/v1/payment_links/plink_1"
        );
    }

    const BODY: &str = r#"{"entity":"event","account_id":"acc_TestVector00001","event":"payment.captured","contains":["payment"],"payload":{"payment":{"entity":{"id":"pay_TestVector00001","entity":"payment","amount":50000,"currency":"INR","status":"captured","order_id":"order_TestVector001","captured":true,"amount_refunded":0,"refund_status":null}}},"created_at":1767225600}"#;
    const SECRET: &str = "rzp_webhook_secret_0001";
    const SIGNATURE: &str = "c731675484de36dd25d56361195934d9f04860a8fb4a1210363886fd00aa2470";

    /// The vectors are those that Razorpay's own SDKs accept.
    #[test]
    fn signatures_agree_with_razorpays_sdk() {
        assert!(is_signed(SECRET, SIGNATURE, BODY.as_bytes()));
        assert!(!is_signed(SECRET, SIGNATURE, format!("{BODY} ").as_bytes()));
        assert!(!is_signed(SECRET, &SIGNATURE.to_ascii_uppercase(), BODY.as_bytes()));
        assert!(!is_signed("", SIGNATURE, BODY.as_bytes()) && !is_signed("another", SIGNATURE, BODY.as_bytes()));
        assert!(!is_signed(SECRET, "", BODY.as_bytes()) && !is_signed(SECRET, &SIGNATURE[1..], BODY.as_bytes()));
        let key = "rzp_secret_TestVector0001";
        for (message, signature) in [
            (
                "order_TestVector001|pay_TestVector00001",
                "bcb4ce71273874b3a814b0e495aa7d89c121f97b8807ce70f6dab5925fd11387",
            ),
            (
                "plink_TestVector001|REF-0001|paid|pay_TestVector00001",
                "0c337974bf3efefb51d6b21a812c308977aab65dda6bbffe69fd49b7a7e40bdc",
            ),
            (
                "plink_TestVector001||paid|pay_TestVector00001",
                "84cff1f77c121ac8d8452453d317bb19af9a847d9fd25d38e62c35c6d3b3d177",
            ),
        ] {
            assert!(is_signed(key, signature, message.as_bytes()), "{message}");
        }
    }

    #[test]
    fn a_message_is_known_by_its_body() {
        let mut headers = HeaderMap::new();
        headers.insert("x-razorpay-signature", SIGNATURE.parse().unwrap());
        headers.insert("x-razorpay-event-id", "anything".parse().unwrap());
        let webhook = read_webhook(&[SECRET], &headers, BODY.as_bytes()).unwrap();
        assert_eq!(webhook.event_type, "payment.captured");
        assert_eq!(webhook.refs, ["pay_TestVector00001", "order_TestVector001"]);
        assert_eq!(webhook.dedupe_key, "9241442779226db1df3560c5a17c3ddf51bb56df7f9171f0c3c258bc1357b953");
        assert_eq!(read_webhook(&[], &headers, BODY.as_bytes()), Err(WebhookRefusal::NotSigned));
        assert_eq!(read_webhook(&[SECRET], &HeaderMap::new(), BODY.as_bytes()), Err(WebhookRefusal::NotSigned));
    }

    #[test]
    fn a_returning_payer_is_believed_about_our_own_order_alone() {
        let json = json!({ "key_id": "rzp_test_1", "key_secret": "rzp_secret_TestVector0001", "webhook_secret": "planted_webhook" });
        let credentials = credentials(Mode::Test, json).unwrap();
        let mut order = order("INR", 49900);
        order.refs.order = Some("plink_TestVector001".to_owned());
        let parameters = |status: &str| {
            [
                ("razorpay_payment_id", "pay_TestVector00001"),
                ("razorpay_payment_link_id", "plink_TestVector001"),
                ("razorpay_payment_link_reference_id", "REF-0001"),
                ("razorpay_payment_link_status", status),
                ("razorpay_signature", "0c337974bf3efefb51d6b21a812c308977aab65dda6bbffe69fd49b7a7e40bdc"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        assert_eq!(
            returned(&credentials, &order, &parameters("paid")).unwrap().payment.as_deref(),
            Some("pay_TestVector00001")
        );
        assert_eq!(returned(&credentials, &order, &parameters("expired")), None);
        order.refs.order = Some("plink_another".to_owned());
        assert_eq!(returned(&credentials, &order, &parameters("paid")), None);
    }

    #[test]
    fn credentials_are_of_their_mode() {
        let read = |mode, id: &str, secret: &str| {
            credentials(mode, json!({ "key_id": id, "key_secret": secret, "webhook_secret": "12345678" }))
                .map_err(|error| error.name)
        };
        assert!(read(Mode::Test, "rzp_test_1", "12345678").is_ok());
        assert_eq!(read(Mode::Live, "rzp_test_1", "12345678"), Err("key_id"));
        assert_eq!(read(Mode::Test, "rzp_test_1", "1234"), Err("key_secret"));
        assert!(!format!("{:?}", ours()).contains("planted"));
    }
}
