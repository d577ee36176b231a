//! PayPal: Orders (v2), which the payer approves on PayPal's page and we capture, or authorize, afterwards.
//!
//! - OAuth 2 client credentials; the token is good for hours and is kept ([`authorized`]), because PayPal lends few.
//! - JSON both ways; amounts are decimal texts with a currency (developer.paypal.com/api/rest/reference/currency-codes).
//! - Idempotency: PayPal-Request-Id, kept 6 hours for orders and 45 days for captures and refunds; a repeat answers the latest
//!   state. A capture that was done before answers ORDER_ALREADY_CAPTURED: a reason to look, no failure.
//! - Approval is no payment: a look at an approved order captures or authorizes it.
//! - Webhooks: the signature covers a CRC-32 of the body, which anybody can forge. So PayPal is asked whether the message is its
//!   own (`verify-webhook-signature`, with the body's bytes as they came), and then how the payment is.
//!
//! Long because it is all of one gateway: calls, answers, webhooks and their tests side by side.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use ids::{PaymentId, RefundId};
use money::{Currency, Form, Money, read_decimal};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Ask, Capabilities, CaptureMethod, CredentialError, Failure, FailureCode, Flow, Minted, Mode, NextAction, Order,
    Outcome, Postback, Refs, RefundReport, Reply, Report, Secret, Step, Verb, VerifyStep, Webhook, WebhookRefusal,
    form_request, is_name, json_request, read_json,
};
use crate::domain::{payment::Phase, refund};

/// Where certificates come from, by mode; PayPal publishes no list, these are the hosts of its own examples.
const CERTIFICATE_HOSTS: [(Mode, &str); 4] = [
    (Mode::Live, "https://api.paypal.com/v1/notifications/certs/"),
    (Mode::Live, "https://api-m.paypal.com/v1/notifications/certs/"),
    (Mode::Test, "https://api.sandbox.paypal.com/v1/notifications/certs/"),
    (Mode::Test, "https://api-m.sandbox.paypal.com/v1/notifications/certs/"),
];
/// A token is used so long before its end at the most.
const TOKEN_MARGIN_SECONDS: i64 = 300;

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    flows: &[Flow::Redirect],
    manual_capture: &[Flow::Redirect],
    partial_capture: true,
    cancel_authorized: true,
    cancel_unpaid: true,
    partial_refund: true,
    lists_payments: false,
    needs_account: true,
    customer: &[],
};

pub(super) const CREDENTIAL_NAMES: &[&str] = &["client_id", "client_secret", "webhook_id"];

/// What a tenant is to PayPal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    client_id: Secret,
    client_secret: Secret,
    /// The name of the webhook at PayPal, which its signatures cover.
    webhook_id: String,
    /// The token that is kept, if it is good for a while.
    #[serde(skip)]
    pub(super) access_token: Option<Secret>,
}

impl Credentials {
    pub(super) fn hints(&self) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", self.client_id.hint()),
            ("client_secret", self.client_secret.hint()),
            ("webhook_id", Secret(self.webhook_id.clone()).hint()),
        ]
    }
}

/// Reads credentials. Nothing in them says of which mode they are.
pub(super) fn credentials(json: Value) -> Result<Credentials, CredentialError> {
    let problem = "must have `client_id`, `client_secret` and `webhook_id`, texts";
    let credentials: Credentials =
        serde_json::from_value(json).map_err(|_| CredentialError { name: "credentials", problem })?;
    for (name, secret) in [("client_id", &credentials.client_id), ("client_secret", &credentials.client_secret)] {
        if !secret.is_plausible() || secret.reveal().contains(':') {
            return Err(CredentialError { name, problem: "must be 8 to 300 visible characters, without a colon" });
        }
    }
    if !(8..=50).contains(&credentials.webhook_id.len()) || !is_name(&credentials.webhook_id) {
        return Err(CredentialError {
            name: "webhook_id",
            problem: "must be the 8 to 50 letters and digits of the webhook's id",
        });
    }
    Ok(credentials)
}

/// How PayPal writes a currency; none for what it does not take. Rupees are taken inside India alone, so they are not.
fn form_of(currency: Currency) -> Option<Form> {
    match currency.as_str() {
        "HUF" | "JPY" | "TWD" => Some(Form::plain(0)),
        "AUD" | "BRL" | "CAD" | "CNY" | "CZK" | "DKK" | "EUR" | "HKD" | "ILS" | "MYR" | "MXN" | "NOK" | "NZD"
        | "PHP" | "PLN" | "GBP" | "SGD" | "SEK" | "CHF" | "THB" | "USD" => Some(Form::plain(2)),
        _ => None,
    }
}

pub(super) fn accepts(money: Money) -> Result<(), &'static str> {
    let form = form_of(money.currency()).ok_or("does not take this currency")?;
    form.units(money).map(|_| ()).map_err(|_| "takes fewer decimals in this currency")
}

fn wire_amount(order: &Order, minor: i64) -> Option<Value> {
    let money = Money::new(minor, order.money.currency())?;
    let value = form_of(money.currency())?.text(money).ok()?;
    Some(json!({ "currency_code": money.currency(), "value": value }))
}

pub(super) fn step(credentials: &Credentials, origin: &str, order: &Order, ask: &Ask, replies: &[Reply]) -> Step {
    let (token, replies) = match authorized(credentials, origin, replies) {
        Ok(found) => found,
        Err(step) => return *step,
    };
    let call = Call { token: &token, origin };
    match ask.verb {
        Verb::Create => create(&call, order, ask, &replies),
        Verb::Capture { amount } => capture(&call, order, ask, &replies, amount),
        Verb::Cancel => cancel(&call, order, &replies),
        Verb::Refund { id, amount } => refund(&call, order, ask, &replies, id, amount),
        Verb::Look => look(&call, order, &replies, 0),
        // Whoever was lent a token is known.
        Verb::Check => Report::of(order).done(),
    }
}

/// The token, and the replies that are answers to what was asked with one. Without a token, or when the kept one is no longer
/// taken, one is asked for first.
fn authorized<'a>(
    credentials: &Credentials,
    origin: &str,
    replies: &'a [Reply],
) -> Result<(String, Vec<&'a Reply>), Box<Step>> {
    let mut token = credentials.access_token.as_ref().map(|token| token.reveal().to_owned());
    let (mut was_lent, mut answers) = (false, Vec::new());
    for reply in replies {
        match (&token, reply) {
            (None, reply) => {
                token = Some(lent(reply).map_err(|outcome| Box::new(Step::Done(outcome)))?.access_token);
                was_lent = true;
            }
            (Some(_), Reply::Body { status: 401, .. }) if !was_lent && answers.is_empty() => token = None,
            (Some(_), reply) => answers.push(reply),
        }
    }
    match token {
        Some(token) => Ok((token, answers)),
        None => {
            let pair = format!("{}:{}", credentials.client_id.reveal(), credentials.client_secret.reveal());
            let authorization = format!("Basic {}", STANDARD.encode(pair));
            let form = [("grant_type".to_owned(), "client_credentials".to_owned())];
            let request = form_request("POST", &format!("{origin}/v1/oauth2/token"), &authorization, &form);
            Err(Box::new(request.map_or_else(|| refused("request"), |request| Step::Send(Box::new(request)))))
        }
    }
}

/// The token that one of the replies lent, to be kept.
pub(super) fn minted(replies: &[Reply]) -> Option<Minted> {
    let lent = replies.iter().find_map(|reply| lent(reply).ok())?;
    let life_seconds = lent.expires_in - TOKEN_MARGIN_SECONDS;
    (life_seconds > 0).then_some(Minted { token: Secret(lent.access_token), life_seconds })
}

#[derive(Deserialize)]
struct Lent {
    access_token: String,
    token_type: String,
    expires_in: i64,
}

fn lent(reply: &Reply) -> Result<Lent, Outcome> {
    let lent: Lent = read(reply)?;
    let is_good = lent.token_type.eq_ignore_ascii_case("bearer") && !lent.access_token.is_empty();
    if is_good { Ok(lent) } else { Err(Outcome::Unknown) }
}

fn create(call: &Call<'_>, order: &Order, ask: &Ask, replies: &[&Reply]) -> Step {
    // A key of an order lives 6 hours, and so does an order that nobody approved.
    if ask.age.is_some_and(|age| age > chrono::TimeDelta::hours(5)) {
        return Step::Done(Outcome::NotFound);
    }
    let Some(amount) = wire_amount(order, order.money.minor()) else { return refused("amount") };
    let separator = if order.return_address.contains('?') { '&' } else { '?' };
    let body = json!({
        "intent": match order.capture_method { CaptureMethod::Automatic => "CAPTURE", CaptureMethod::Manual => "AUTHORIZE" },
        "purchase_units": [{
            "amount": amount, "custom_id": order.id, "invoice_id": order.id, "reference_id": order.id,
            "description": order.description.as_deref().unwrap_or("Payment"),
        }],
        "payment_source": { "paypal": { "experience_context": {
            "return_url": order.return_address, "cancel_url": format!("{}{separator}canceled=1", order.return_address),
            "user_action": "PAY_NOW", "shipping_preference": "NO_SHIPPING",
        } } },
    });
    match call.post::<WireOrder>(replies, 0, "/v2/checkout/orders", &ask.key.to_string(), &body) {
        Err(step) => *step,
        Ok(wire) => wire.report(order).map_or(Step::Done(Outcome::Unknown), Report::done),
    }
}

/// How the payment is. An order that its payer has approved is captured, or authorized, by this, unless we have canceled it.
fn look(call: &Call<'_>, order: &Order, replies: &[&Reply], first: usize) -> Step {
    let Some(name) = &order.refs.order else { return Step::Done(Outcome::NotFound) };
    let path = format!("/v2/checkout/orders/{name}");
    let wire: WireOrder = match call.get(replies, first, &path) {
        Err(step) => return *step,
        Ok(wire) => wire,
    };
    let may_take = wire.status == OrderStatus::Approved && !order.standing.phase.is_end();
    let Some(report) = wire.report(order) else { return Step::Done(Outcome::Unknown) };
    // Another amount than ours is not taken.
    if !may_take || report.amount != Some(order.money.minor()) || report.currency != order.money.currency() {
        return report.done();
    }
    let verb = match order.capture_method {
        CaptureMethod::Automatic => "capture",
        CaptureMethod::Manual => "authorize",
    };
    match call.post::<WireOrder>(
        replies,
        first + 1,
        &format!("{path}/{verb}"),
        &format!("{verb}-{}", order.id),
        &json!({}),
    ) {
        Ok(taken) => taken.report(order).map_or(Step::Done(Outcome::Unknown), Report::done),
        Err(step) => match *step {
            // The payer goes back to the page and takes another card.
            Step::Done(Outcome::Declined(failure)) => Report { failure: Some(failure), ..report }.done(),
            // It was done a moment ago, by another look.
            Step::Done(Outcome::Refused(failure)) if is_done_before(&failure) => {
                match call.get::<WireOrder>(replies, first + 2, &path) {
                    Err(step) => *step,
                    Ok(wire) => wire.report(order).map_or(Step::Done(Outcome::Unknown), Report::done),
                }
            }
            step => step,
        },
    }
}

/// Captures what is held, or a part of it: the rest is let go.
fn capture(call: &Call<'_>, order: &Order, ask: &Ask, replies: &[&Reply], amount: i64) -> Step {
    let Some(authorization) = &order.refs.payment else { return Step::Done(Outcome::NotFound) };
    let Some(amount) = wire_amount(order, amount) else { return refused("amount") };
    let path = format!("/v2/payments/authorizations/{authorization}/capture");
    let body = json!({ "amount": amount, "final_capture": true });
    match call.post::<Value>(replies, 0, &path, &ask.key.to_string(), &body) {
        Ok(_) => look(call, order, replies, 1),
        Err(step) => match *step {
            Step::Done(Outcome::Refused(failure)) if is_done_before(&failure) => look(call, order, replies, 1),
            step => step,
        },
    }
}

/// Lets go of what is held; an order that nobody has approved is only not shown any more.
fn cancel(call: &Call<'_>, order: &Order, replies: &[&Reply]) -> Step {
    let Some(authorization) = order.refs.payment.as_ref().filter(|_| order.standing.authorized > 0) else {
        return Report { phase: Some(Phase::Canceled), ..Report::of(order) }.done();
    };
    let path = format!("/v2/payments/authorizations/{authorization}/void");
    let voided = match replies.first() {
        // Done, with nothing to read.
        Some(Reply::Body { status: 204, .. }) => Ok(Value::Null),
        _ => call.post::<Value>(replies, 0, &path, &format!("void-{}", order.id), &json!({})),
    };
    match voided {
        Ok(_) => look(call, order, replies, 1),
        Err(step) => match *step {
            Step::Done(Outcome::Refused(failure)) if is_done_before(&failure) => look(call, order, replies, 1),
            step => step,
        },
    }
}

fn refund(call: &Call<'_>, order: &Order, ask: &Ask, replies: &[&Reply], id: RefundId, amount: i64) -> Step {
    let Some(capture) = &order.refs.capture else { return Step::Done(Outcome::NotFound) };
    let Some(amount) = wire_amount(order, amount) else { return refused("amount") };
    let path = format!("/v2/payments/captures/{capture}/refund");
    let body = json!({ "amount": amount, "custom_id": id, "invoice_id": id });
    match call.post::<WireRefund>(replies, 0, &path, &ask.key.to_string(), &body) {
        Err(step) => *step,
        Ok(refund) => match refund.report(order, Some(id)) {
            Some(refund) => Report { refunds: vec![refund], ..Report::of(order) }.done(),
            None => Step::Done(Outcome::Unknown),
        },
    }
}

fn refused(code: &str) -> Step {
    Step::Done(Outcome::Refused(Failure::new(FailureCode::Refused, Some(code))))
}

/// Issues that say that what was asked for is so already: look.
fn is_done_before(failure: &Failure) -> bool {
    let code = failure.gateway_code.as_deref().unwrap_or_default();
    [
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_AUTHORIZED",
        "AUTHORIZATION_ALREADY_CAPTURED",
        "AUTHORIZATION_VOIDED",
        "PREVIOUSLY_CAPTURED",
        "PREVIOUSLY_VOIDED",
    ]
    .contains(&code)
}

/// One question, with what every request of it needs.
struct Call<'a> {
    token: &'a str,
    origin: &'a str,
}

impl Call<'_> {
    fn get<T: DeserializeOwned>(&self, replies: &[&Reply], index: usize, path: &str) -> Result<T, Box<Step>> {
        self.answer(replies, index, || self.request("GET", path, None, None))
    }

    fn post<T: DeserializeOwned>(
        &self,
        replies: &[&Reply],
        index: usize,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<T, Box<Step>> {
        self.answer(replies, index, || self.request("POST", path, Some(key), Some(body)))
    }

    /// The answer to request number `index`, or the request.
    fn answer<T: DeserializeOwned>(
        &self,
        replies: &[&Reply],
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

    fn request(&self, method: &str, path: &str, key: Option<&str>, body: Option<&Value>) -> Option<Request<Bytes>> {
        let authorization = format!("Bearer {}", self.token);
        let mut request = json_request(method, &format!("{}{path}", self.origin), &authorization, body)?;
        request.headers_mut().insert("prefer", HeaderValue::from_static("return=representation"));
        if let Some(key) = key {
            request.headers_mut().insert("paypal-request-id", HeaderValue::from_str(key).ok()?);
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
    let error: WireError = read_json(body).unwrap_or_default();
    let issue = error.details.first().and_then(|detail| detail.issue.as_deref()).or(error.name.as_deref());
    Err(match (status, issue) {
        (401 | 403, _) => {
            Outcome::Refused(Failure::new(FailureCode::CredentialsRefused, issue.or(error.error.as_deref())))
        }
        (404, _) => Outcome::NotFound,
        (429, _) => Outcome::NotSent(Failure::new(FailureCode::Throttled, issue)),
        // The first request with this id is still under way.
        (_, Some("PREVIOUS_REQUEST_IN_PROGRESS")) => Outcome::Unknown,
        (_, Some("INSTRUMENT_DECLINED" | "PAYER_ACTION_REQUIRED" | "TRANSACTION_REFUSED")) => {
            Outcome::Declined(Failure::new(FailureCode::Declined, issue))
        }
        (400..=499, _) => Outcome::Refused(Failure::new(FailureCode::Refused, issue)),
        _ => Outcome::Unknown,
    })
}

#[derive(Default, Deserialize)]
struct WireError {
    name: Option<String>,
    /// How the token's server says it.
    error: Option<String>,
    #[serde(default)]
    details: Vec<WireDetail>,
}

#[derive(Deserialize)]
struct WireDetail {
    issue: Option<String>,
}

#[derive(Deserialize)]
struct Amount {
    currency_code: Currency,
    value: String,
}

impl Amount {
    /// In minor units; −1, which fits no payment, where it is no amount.
    fn minor(&self) -> i64 {
        read_decimal(&self.value, self.currency_code).map_or(-1, Money::minor)
    }
}

#[derive(Deserialize)]
struct WireOrder {
    id: String,
    status: OrderStatus,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    purchase_units: Vec<Unit>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OrderStatus {
    Created,
    Saved,
    Approved,
    Voided,
    Completed,
    PayerActionRequired,
    #[serde(other)]
    Unlisted,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

#[derive(Deserialize)]
struct Unit {
    amount: Option<Amount>,
    #[serde(default)]
    payments: UnitPayments,
}

#[derive(Default, Deserialize)]
struct UnitPayments {
    #[serde(default)]
    authorizations: Vec<Authorization>,
    #[serde(default)]
    captures: Vec<WireCapture>,
    #[serde(default)]
    refunds: Vec<WireRefund>,
}

#[derive(Deserialize)]
struct Authorization {
    id: String,
    status: AuthorizationStatus,
    amount: Option<Amount>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum AuthorizationStatus {
    Created,
    Captured,
    Denied,
    PartiallyCaptured,
    Voided,
    Pending,
    #[serde(other)]
    Unlisted,
}

#[derive(Deserialize)]
struct WireCapture {
    id: String,
    status: CaptureStatus,
    amount: Option<Amount>,
    seller_receivable_breakdown: Option<Breakdown>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum CaptureStatus {
    Completed,
    Declined,
    PartiallyRefunded,
    Pending,
    Refunded,
    Failed,
    #[serde(other)]
    Unlisted,
}

#[derive(Deserialize)]
struct Breakdown {
    paypal_fee: Option<Amount>,
}

impl WireOrder {
    /// What it says; nothing where it names no amount.
    fn report(&self, order: &Order) -> Option<Report> {
        let unit = self.purchase_units.first();
        let whole = unit.and_then(|unit| unit.amount.as_ref());
        let payments = unit.map(|unit| &unit.payments);
        let link = self.links.iter().find(|link| link.rel == "payer-action" || link.rel == "approve");
        let mut report = Report {
            currency: whole.map_or(order.money.currency(), |amount| amount.currency_code),
            amount: whole.map(Amount::minor),
            refs: Refs { order: Some(self.id.clone()).filter(|name| is_name(name)), ..Refs::default() },
            next_action: link.map(|link| NextAction::Redirect { url: link.href.clone() }),
            ..Report::of(order)
        };
        report.refs.order.as_ref()?;
        report.phase = match self.status {
            OrderStatus::Created | OrderStatus::Saved | OrderStatus::Approved | OrderStatus::PayerActionRequired => {
                Some(Phase::RequiresAction)
            }
            OrderStatus::Voided => Some(Phase::Canceled),
            // What was taken, or is held, says it.
            OrderStatus::Completed | OrderStatus::Unlisted => None,
        };
        let Some(payments) = payments else { return Some(report) };
        if let Some(authorization) = payments.authorizations.last() {
            let held = authorization.amount.as_ref().map_or(-1, Amount::minor);
            let (authorized, phase) = match authorization.status {
                AuthorizationStatus::Created
                | AuthorizationStatus::PartiallyCaptured
                | AuthorizationStatus::Captured => (held, None),
                AuthorizationStatus::Pending => (0, Some(Phase::Processing)),
                AuthorizationStatus::Denied => (0, Some(Phase::Failed)),
                AuthorizationStatus::Voided => (0, Some(Phase::Canceled)),
                AuthorizationStatus::Unlisted => (0, None),
            };
            (report.authorized, report.phase) = (authorized, phase);
            report.refs.payment = Some(authorization.id.clone()).filter(|name| is_name(name));
        }
        if let Some(capture) = payments.captures.last() {
            let taken = capture.amount.as_ref().map_or(-1, Amount::minor);
            let (captured, phase) = match capture.status {
                CaptureStatus::Completed | CaptureStatus::PartiallyRefunded | CaptureStatus::Refunded => (taken, None),
                CaptureStatus::Pending => (0, Some(Phase::Processing)),
                CaptureStatus::Declined | CaptureStatus::Failed => (0, Some(Phase::Failed)),
                CaptureStatus::Unlisted => (0, None),
            };
            report.captured = captured;
            report.authorized = report.authorized.max(captured);
            report.phase = if report.authorized > 0 { None } else { phase.or(report.phase) };
            report.refs.capture = Some(capture.id.clone()).filter(|name| is_name(name) && captured > 0);
            let fee = capture.seller_receivable_breakdown.as_ref().and_then(|breakdown| breakdown.paypal_fee.as_ref());
            report.fee = fee.filter(|fee| fee.currency_code == order.money.currency()).map(Amount::minor);
        }
        report.refunds = payments.refunds.iter().filter_map(|refund| refund.report(order, None)).collect();
        Some(report)
    }
}

#[derive(Deserialize)]
struct WireRefund {
    id: String,
    status: RefundStatus,
    amount: Option<Amount>,
    custom_id: Option<String>,
    invoice_id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum RefundStatus {
    Cancelled,
    Failed,
    Pending,
    Completed,
    #[serde(other)]
    Unlisted,
}

impl WireRefund {
    /// What it says; `asked` where it answers a question about one of ours.
    fn report(&self, order: &Order, asked: Option<RefundId>) -> Option<RefundReport> {
        let amount = self.amount.as_ref().filter(|amount| amount.currency_code == order.money.currency())?.minor();
        let state = match self.status {
            RefundStatus::Completed => refund::State::Succeeded,
            RefundStatus::Pending | RefundStatus::Unlisted => refund::State::Pending,
            RefundStatus::Failed => refund::State::Failed,
            RefundStatus::Cancelled => refund::State::Canceled,
        };
        let named = [&self.custom_id, &self.invoice_id].into_iter().flatten().find_map(|name| name.parse().ok());
        let failure = (state == refund::State::Failed).then(|| Failure::new(FailureCode::Refused, None));
        Some(RefundReport { id: asked.or(named), gateway_ref: self.id.clone(), amount, state, failure })
    }
}

/// Reads what a message is about. Nothing of it is believed yet: [`verify_step`] asks PayPal whether it is its own.
pub(super) fn read_webhook(mode: Mode, headers: &HeaderMap, body: &[u8]) -> Result<Webhook, WebhookRefusal> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let (Some(algorithm), Some(certificate)) = (value("paypal-auth-algo"), value("paypal-cert-url")) else {
        return Err(WebhookRefusal::NotSigned);
    };
    let names = ["paypal-transmission-id", "paypal-transmission-time", "paypal-transmission-sig"];
    if algorithm != "SHA256withRSA" || names.iter().any(|name| value(name).is_none()) {
        return Err(WebhookRefusal::NotSigned);
    }
    match CERTIFICATE_HOSTS.iter().find(|(_, start)| certificate.starts_with(start)) {
        None => return Err(WebhookRefusal::NotSigned),
        Some((of, _)) if *of != mode => return Err(WebhookRefusal::OtherMode),
        Some(_) => {}
    }
    let event: Event = read_json(body).ok_or(WebhookRefusal::Unreadable)?;
    let digest: String = Sha256::digest(body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let resource = &event.resource;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let related = &resource["supplementary_data"]["related_ids"];
    let refs = [&resource["id"], &related["order_id"], &related["authorization_id"], &related["capture_id"]];
    // A refund names its capture by a link alone.
    let up = resource["links"].as_array().into_iter().flatten().filter(|link| link["rel"] == "up");
    let up = up.filter_map(|link| link["href"].as_str()?.rsplit('/').next().map(str::to_owned));
    Ok(Webhook {
        // A second body under one id is not the genuine message, and must not take its place.
        dedupe_key: format!("{}:{digest}", event.id.chars().take(200).collect::<String>()),
        payment: event.payment(),
        refs: refs.into_iter().filter_map(text).chain(up).collect(),
        event_type: event.event_type.chars().take(200).collect(),
    })
}

/// The payment that a message names, unverified.
pub(super) fn payment_named_in(body: &[u8]) -> Option<PaymentId> {
    read_json::<Event>(body)?.payment()
}

#[derive(Deserialize)]
struct Event {
    id: String,
    event_type: String,
    resource: Value,
}

impl Event {
    /// The payment that we told PayPal of.
    fn payment(&self) -> Option<PaymentId> {
        let resource = &self.resource;
        let unit = &resource["purchase_units"][0];
        let names = [&resource["custom_id"], &unit["custom_id"], &resource["invoice_id"], &unit["invoice_id"]];
        names.into_iter().find_map(|name| name.as_str()?.parse().ok())
    }
}

/// Asks PayPal whether a message is its own; its bytes go back as they came.
pub(super) fn verify_step(
    credentials: &Credentials,
    origin: &str,
    postback: &Postback<'_>,
    replies: &[Reply],
) -> VerifyStep {
    let (token, replies) = match authorized(credentials, origin, replies) {
        Ok(found) => found,
        Err(step) => {
            return match *step {
                Step::Send(request) => VerifyStep::Send(request),
                Step::Done(_) => VerifyStep::Unknown,
            };
        }
    };
    match replies.first() {
        Some(reply) => match read::<Verification>(reply) {
            Ok(said) if said.verification_status == "SUCCESS" => VerifyStep::Genuine,
            Ok(_) | Err(Outcome::Refused(_)) => VerifyStep::Forged,
            Err(_) => VerifyStep::Unknown,
        },
        None => {
            let value =
                |name: &str| postback.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let known = json!({
                "auth_algo": value("paypal-auth-algo"), "cert_url": value("paypal-cert-url"),
                "transmission_id": value("paypal-transmission-id"), "transmission_sig": value("paypal-transmission-sig"),
                "transmission_time": value("paypal-transmission-time"), "webhook_id": credentials.webhook_id,
            });
            let known = known.to_string();
            let body = [known.trim_end_matches('}').as_bytes(), b",\"webhook_event\":", postback.body, b"}"].concat();
            let call = Call { token: &token, origin };
            let request = call.request("POST", "/v1/notifications/verify-webhook-signature", None, Some(&Value::Null));
            match request {
                None => VerifyStep::Unknown,
                Some(mut request) => {
                    *request.body_mut() = Bytes::from(body);
                    VerifyStep::Send(Box::new(request))
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Verification {
    verification_status: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::fixture::{ask, later, order as any_order};

    const ORIGIN: &str = "https://api-m.sandbox.paypal.com";

    fn ours(token: Option<&str>) -> Credentials {
        let json = json!({ "client_id": "planted_client", "client_secret": "planted_secret", "webhook_id": "1JE4291016473214C" });
        Credentials { access_token: token.map(|token| Secret(token.to_owned())), ..credentials(json).unwrap() }
    }

    fn order() -> Order {
        let mut order = any_order("USD", 1099);
        order.refs.order = Some("5O190127TN364715T".to_owned());
        order
    }

    fn replied(status: u16, body: Value) -> Reply {
        Reply::Body { status, body: Bytes::from(body.to_string()) }
    }

    fn issue(status: u16, issue: &str) -> Reply {
        replied(status, json!({ "name": "UNPROCESSABLE_ENTITY", "details": [{ "issue": issue }], "debug_id": "1" }))
    }

    fn sent(order: &Order, ask: &Ask, replies: &[Reply]) -> (String, Value) {
        let Step::Send(request) = step(&ours(Some("kept")), ORIGIN, order, ask, replies) else {
            panic!("a request is wanted")
        };
        assert_eq!(request.headers()["authorization"], "Bearer kept");
        assert_eq!(request.headers().contains_key("paypal-request-id"), request.method() == "POST");
        (
            format!("{} {}", request.method(), request.uri().path()),
            serde_json::from_slice(request.body()).unwrap_or_default(),
        )
    }

    fn done(order: &Order, ask: &Ask, replies: &[Reply]) -> Outcome {
        match step(&ours(Some("kept")), ORIGIN, order, ask, replies) {
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
    fn amounts_are_written_as_paypal_counts() {
        for (minor, code, wanted) in [
            (1099, "USD", Some("10.99")),
            (5, "USD", Some("0.05")),
            (500, "JPY", Some("500")),
            (100_000, "HUF", Some("1000")),
            (100_050, "HUF", None),
            (5, "ISK", None),
            (500, "MGA", None),
            (5120, "KWD", None),
            (49900, "INR", None),
        ] {
            let written = wire_amount(&any_order(code, minor), minor);
            assert_eq!(written.as_ref().and_then(|amount| amount["value"].as_str()), wanted, "{minor} {code}");
        }
        let accepts = |minor, code: &str| accepts(Money::new(minor, code.parse().unwrap()).unwrap());
        assert_eq!(accepts(100_050, "HUF"), Err("takes fewer decimals in this currency"));
        assert_eq!((accepts(5, "USD"), accepts(500, "UGX")), (Ok(()), Err("does not take this currency")));
    }

    #[test]
    fn a_token_is_asked_for_once_and_kept() {
        let next = |token, replies: &[Reply]| match step(&ours(token), ORIGIN, &order(), &ask(Verb::Look), replies) {
            Step::Send(request) => {
                format!("{} {}", request.uri().path(), request.headers()["authorization"].to_str().unwrap())
            }
            Step::Done(outcome) => format!("{outcome:?}"),
        };
        let basic = format!("/v1/oauth2/token Basic {}", STANDARD.encode("planted_client:planted_secret"));
        let lent = replied(200, json!({ "access_token": "lent", "token_type": "Bearer", "expires_in": 32400 }));
        let look = |token: &str| format!("/v2/checkout/orders/5O190127TN364715T Bearer {token}");
        assert_eq!(next(None, &[]), basic);
        assert_eq!(next(None, std::slice::from_ref(&lent)), look("lent"));
        assert_eq!(next(Some("kept"), &[]), look("kept"));
        // It is no longer taken: once another is asked for, and no more.
        let unauthorized = replied(401, json!({ "error": "invalid_token" }));
        assert_eq!(next(Some("kept"), std::slice::from_ref(&unauthorized)), basic);
        assert_eq!(next(Some("kept"), &[unauthorized.clone(), lent.clone()]), look("lent"));
        let refused = next(Some("kept"), &[unauthorized.clone(), lent.clone(), unauthorized.clone()]);
        assert!(refused.contains("CredentialsRefused"), "{refused}");
        let denied = next(None, &[replied(401, json!({ "error": "invalid_client" }))]);
        assert!(denied.contains("CredentialsRefused") && denied.contains("invalid_client"), "{denied}");
        let minted = minted(&[unauthorized, lent]).unwrap();
        assert_eq!((minted.token.reveal(), minted.life_seconds), ("lent", 32100));
        assert_eq!(super::minted(&[replied(200, json!({ "id": "x" }))]), None);
    }

    #[test]
    fn an_order_is_made_and_its_payer_sent_to_it() {
        let mut order = order();
        order.refs.order = None;
        let (request, body) = sent(&order, &ask(Verb::Create), &[]);
        assert_eq!(request, "POST /v2/checkout/orders");
        let unit = &body["purchase_units"][0];
        assert_eq!(
            (&body["intent"], &unit["amount"]),
            (&json!("CAPTURE"), &json!({ "currency_code": "USD", "value": "10.99" }))
        );
        assert_eq!((&unit["custom_id"], &unit["invoice_id"]), (&json!(order.id), &json!(order.id)));
        let context = &body["payment_source"]["paypal"]["experience_context"];
        assert_eq!(context["cancel_url"], "https://api.example.com/payments/return/token?canceled=1");
        let wire = json!({ "id": "5O190127TN364715T", "status": "PAYER_ACTION_REQUIRED",
            "links": [{ "rel": "self", "href": "x" }, { "rel": "payer-action", "href": "https://www.sandbox.paypal.com/checkoutnow?token=5O" }] });
        let report = reported(&order, &ask(Verb::Create), &[replied(200, wire)]);
        assert_eq!(
            report.next_action,
            Some(NextAction::Redirect { url: "https://www.sandbox.paypal.com/checkoutnow?token=5O".into() })
        );
        assert_eq!(
            (report.phase, report.refs.order.as_deref()),
            (Some(Phase::RequiresAction), Some("5O190127TN364715T"))
        );
        assert!(matches!(done(&order, &later(Verb::Create), &[Reply::Lost]), Outcome::Unknown));
        let forged = replied(200, json!({ "id": "../x", "status": "CREATED" }));
        assert_eq!(done(&order, &ask(Verb::Create), &[forged]), Outcome::Unknown);
    }

    fn wire(status: &str, payments: Value) -> Value {
        json!({ "id": "5O190127TN364715T", "status": status, "purchase_units": [{
            "amount": { "currency_code": "USD", "value": "10.99" }, "payments": payments }] })
    }

    #[test]
    fn every_status_is_something() {
        let money = json!({ "currency_code": "USD", "value": "10.990" });
        let capture =
            |status: &str| json!({ "captures": [{ "id": "3C679366HH908993F", "status": status, "amount": money }] });
        let hold = |status: &str| json!({ "authorizations": [{ "id": "0AW2184448108334S", "status": status, "amount": money }] });
        for (status, payments, wanted) in [
            ("CREATED", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("SAVED", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("PAYER_ACTION_REQUIRED", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("VOIDED", json!({}), (0, 0, Some(Phase::Canceled))),
            ("A_NEW_WORD", json!({}), (0, 0, None)),
            ("COMPLETED", capture("COMPLETED"), (1099, 1099, None)),
            ("COMPLETED", capture("PARTIALLY_REFUNDED"), (1099, 1099, None)),
            ("COMPLETED", capture("REFUNDED"), (1099, 1099, None)),
            ("COMPLETED", capture("PENDING"), (0, 0, Some(Phase::Processing))),
            ("COMPLETED", capture("DECLINED"), (0, 0, Some(Phase::Failed))),
            ("COMPLETED", capture("FAILED"), (0, 0, Some(Phase::Failed))),
            ("COMPLETED", capture("A_NEW_WORD"), (0, 0, None)),
            ("COMPLETED", hold("CREATED"), (1099, 0, None)),
            ("COMPLETED", hold("PENDING"), (0, 0, Some(Phase::Processing))),
            ("COMPLETED", hold("DENIED"), (0, 0, Some(Phase::Failed))),
            ("COMPLETED", hold("VOIDED"), (0, 0, Some(Phase::Canceled))),
        ] {
            let report = reported(&order(), &ask(Verb::Look), &[replied(200, wire(status, payments.clone()))]);
            assert_eq!((report.authorized, report.captured, report.phase), wanted, "{status} {payments}");
        }
    }

    #[test]
    fn an_approved_order_is_taken_by_looking() {
        let approved = replied(200, wire("APPROVED", json!({})));
        let look = ask(Verb::Look);
        assert_eq!(
            sent(&order(), &look, std::slice::from_ref(&approved)).0,
            "POST /v2/checkout/orders/5O190127TN364715T/capture"
        );
        let mut held = order();
        held.capture_method = CaptureMethod::Manual;
        assert_eq!(
            sent(&held, &look, std::slice::from_ref(&approved)).0,
            "POST /v2/checkout/orders/5O190127TN364715T/authorize"
        );
        let declined = reported(&order(), &look, &[approved.clone(), issue(422, "INSTRUMENT_DECLINED")]);
        assert_eq!((declined.phase, declined.captured), (Some(Phase::RequiresAction), 0));
        assert_eq!(declined.failure.unwrap().gateway_code.as_deref(), Some("INSTRUMENT_DECLINED"));
        let before = [approved.clone(), issue(422, "ORDER_ALREADY_CAPTURED")];
        assert_eq!(sent(&order(), &look, &before).0, "GET /v2/checkout/orders/5O190127TN364715T");
        assert_eq!(done(&order(), &look, &[approved.clone(), Reply::Lost]), Outcome::Unknown);
        // What we have canceled is not taken, and neither is another amount.
        let mut canceled = order();
        canceled.standing.phase = Phase::Canceled;
        assert_eq!(reported(&canceled, &look, std::slice::from_ref(&approved)).captured, 0);
        let mut other = order();
        other.money = Money::new(1100, "USD".parse().unwrap()).unwrap();
        assert_eq!(reported(&other, &look, &[approved]).amount, Some(1099));
    }

    #[test]
    fn captures_voids_and_refunds_name_what_they_are_of() {
        let mut order = order();
        order.refs.payment = Some("0AW2184448108334S".to_owned());
        order.refs.capture = Some("3C679366HH908993F".to_owned());
        order.standing.authorized = 1099;
        let capture = ask(Verb::Capture { amount: 600 });
        let (request, body) = sent(&order, &capture, &[]);
        assert_eq!(request, "POST /v2/payments/authorizations/0AW2184448108334S/capture");
        assert_eq!(body, json!({ "amount": { "currency_code": "USD", "value": "6.00" }, "final_capture": true }));
        assert!(sent(&order, &capture, &[replied(201, json!({ "id": "3C" }))]).0.starts_with("GET "));
        assert!(sent(&order, &capture, &[issue(422, "AUTHORIZATION_ALREADY_CAPTURED")]).0.starts_with("GET "));
        assert_eq!(sent(&order, &ask(Verb::Cancel), &[]).0, "POST /v2/payments/authorizations/0AW2184448108334S/void");
        let voided = Reply::Body { status: 204, body: Bytes::new() };
        assert!(sent(&order, &ask(Verb::Cancel), &[voided]).0.starts_with("GET "));
        let id = RefundId::new();
        let verb = Verb::Refund { id, amount: 300 };
        let (request, body) = sent(&order, &ask(verb), &[]);
        assert_eq!(request, "POST /v2/payments/captures/3C679366HH908993F/refund");
        assert_eq!((&body["custom_id"], &body["amount"]["value"]), (&json!(id), &json!("3.00")));
        for (status, state) in [
            ("COMPLETED", refund::State::Succeeded),
            ("PENDING", refund::State::Pending),
            ("FAILED", refund::State::Failed),
            ("CANCELLED", refund::State::Canceled),
        ] {
            let wire = json!({ "id": "1JU", "status": status, "amount": { "currency_code": "USD", "value": "3.00" } });
            let report = reported(&order, &ask(verb), &[replied(201, wire)]);
            assert_eq!(
                (report.refunds[0].id, report.refunds[0].state, report.refunds[0].amount),
                (Some(id), state, 300),
                "{status}"
            );
        }
        let failure = Failure::new(FailureCode::Refused, Some("CAPTURE_FULLY_REFUNDED"));
        assert_eq!(done(&order, &ask(verb), &[issue(422, "CAPTURE_FULLY_REFUNDED")]), Outcome::Refused(failure));
        for reply in [issue(422, "PREVIOUS_REQUEST_IN_PROGRESS"), issue(500, "INTERNAL_SERVER_ERROR"), Reply::Lost] {
            assert_eq!(done(&order, &ask(verb), &[reply]), Outcome::Unknown);
        }
        let throttled = Failure::new(FailureCode::Throttled, Some("RATE_LIMIT_REACHED"));
        assert_eq!(done(&order, &ask(verb), &[issue(429, "RATE_LIMIT_REACHED")]), Outcome::NotSent(throttled));
    }

    const BODY: &str = r#"{"id":"WH-TESTVECTOR-0001","event_version":"1.0","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"3C679366HH908993F","custom_id":"pay_0001","supplementary_data":{"related_ids":{"order_id":"5O190127TN364715T"}}}}"#;

    fn headers(certificate: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-cert-url", certificate),
            ("paypal-transmission-id", "69cd13f0-d67a-11e5-baa3-778b53f4ae55"),
            ("paypal-transmission-time", "2026-01-01T00:00:01Z"),
            ("paypal-transmission-sig", "c2ln"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_message_must_look_like_paypals_before_paypal_is_asked() {
        const GOOD: &str = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1";
        let read = |mode, headers: &HeaderMap| read_webhook(mode, headers, BODY.as_bytes());
        let webhook = read(Mode::Test, &headers(GOOD)).unwrap();
        assert_eq!(webhook.refs, ["3C679366HH908993F", "5O190127TN364715T"]);
        assert!(webhook.dedupe_key.starts_with("WH-TESTVECTOR-0001:"));
        assert_eq!(read(Mode::Live, &headers(GOOD)), Err(WebhookRefusal::OtherMode));
        for wrong in [
            "https://evil.example/v1/notifications/certs/CERT-1",
            "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
            "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            "https://user@api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.sandbox.paypal.com/elsewhere/CERT-1",
        ] {
            assert_eq!(read(Mode::Test, &headers(wrong)), Err(WebhookRefusal::NotSigned), "{wrong}");
        }
        for name in
            ["paypal-transmission-sig", "paypal-transmission-id", "paypal-transmission-time", "paypal-auth-algo"]
        {
            let mut headers = headers(GOOD);
            headers.remove(name);
            assert_eq!(read(Mode::Test, &headers), Err(WebhookRefusal::NotSigned), "{name}");
        }
    }

    #[test]
    fn paypal_is_asked_with_the_bytes_as_they_came() {
        // Another writer of JSON would change all of this.
        let body = b"{ \"id\":\"WH-1\", \"n\": 1.0, \"o\":{ }, \"s\":\"\\u00e9\" }";
        let headers = headers("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1");
        let postback = Postback { headers: &headers, body };
        let VerifyStep::Send(request) = verify_step(&ours(Some("kept")), ORIGIN, &postback, &[]) else {
            panic!("a request")
        };
        assert_eq!(request.uri().path(), "/v1/notifications/verify-webhook-signature");
        let sent = String::from_utf8(request.body().to_vec()).unwrap();
        let spliced = format!(",\"webhook_event\":{}}}", str::from_utf8(body).unwrap());
        assert!(sent.ends_with(&spliced), "{sent}");
        let read: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!((&read["webhook_id"], &read["transmission_sig"]), (&json!("1JE4291016473214C"), &json!("c2ln")));
        let verdict = |reply| match verify_step(&ours(Some("kept")), ORIGIN, &postback, &[reply]) {
            VerifyStep::Genuine => "genuine",
            VerifyStep::Forged => "forged",
            VerifyStep::Unknown => "unknown",
            VerifyStep::Send(_) => "sent",
        };
        assert_eq!(verdict(replied(200, json!({ "verification_status": "SUCCESS" }))), "genuine");
        assert_eq!(verdict(replied(200, json!({ "verification_status": "FAILURE" }))), "forged");
        assert_eq!(verdict(replied(400, json!({ "name": "VALIDATION_ERROR" }))), "forged");
        assert_eq!((verdict(replied(503, json!({}))), verdict(Reply::Lost)), ("unknown", "unknown"));
        assert_eq!(verdict(replied(200, json!({}))), "unknown");
    }

    #[test]
    fn credentials_show_their_ends_alone() {
        assert!(!format!("{:?}", ours(Some("planted_token"))).contains("planted"));
        let sealed = serde_json::to_string(&ours(Some("planted_token"))).unwrap();
        assert!(!sealed.contains("planted_token"), "a token is kept apart");
        let wrong =
            json!({ "client_id": "planted_client", "client_secret": "planted_secret", "webhook_id": "WEBHOOK/ID" });
        assert_eq!(credentials(wrong).unwrap_err().name, "webhook_id");
    }
}
