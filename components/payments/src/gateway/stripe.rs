//! Stripe: Checkout Sessions for the payer who is sent away, PaymentIntents for the payer who stays.
//!
//! - API version 2026-10-28.endive, sent with each request (docs.stripe.com/api/versioning). Forms out, JSON in.
//! - Amounts: whole numbers of "the smallest currency unit", with exceptions (docs.stripe.com/currencies): see [`form_of`].
//! - Idempotency: a key for each POST, kept 24 hours at least (docs.stripe.com/api/idempotent_requests). The first answer is
//!   replayed, also a 500, so what is older than 23 hours is looked up instead of asked again.
//! - Webhooks: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 over `t.body` under the whole secret, 300 s of tolerance
//!   (docs.stripe.com/webhooks/signature). What they say is never applied: it is a reason to look, because their order is not
//!   promised and their shape follows the endpoint's version, not ours.
//!
//! Long because it is all of one gateway: calls, answers, webhooks and their tests side by side.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, Mac};
use http::{HeaderMap, Request};
use ids::{PaymentId, RefundId};
use money::{Currency, Form, Money};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use super::{
    Ask, Capabilities, CaptureMethod, CredentialError, Dispute, DisputeState, Failure, FailureCode, Flow, ListPage,
    Mode, NextAction, Order, Outcome, Refs, RefundReport, Reply, Report, Secret, Step, Verb, Webhook, WebhookRefusal,
    Window, form_request, hex, is_name, read_json,
};
use crate::domain::{payment::Phase, reconciliation::Listed, refund};

const VERSION: &str = "2026-10-28.endive";
/// For so long a key surely stands for the request that it came with.
const KEY_LIFE: TimeDelta = TimeDelta::hours(23);
/// How old, and how far ahead, a signed message may be.
const TOLERANCE_SECONDS: i64 = 300;
/// Intent, its charge, and what the charge left on the balance.
const OF_INTENT: &str = "latest_charge.balance_transaction";

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    flows: &[Flow::Redirect, Flow::Sdk],
    manual_capture: &[Flow::Redirect, Flow::Sdk],
    partial_capture: true,
    cancel_authorized: true,
    cancel_unpaid: true,
    partial_refund: true,
    lists_payments: true,
    needs_account: true,
    customer: &[],
};

pub(super) const CREDENTIAL_NAMES: &[&str] = &["secret_key", "webhook_secret"];

/// What a tenant is to Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    secret_key: Secret,
    pub(super) webhook_secret: Secret,
}

impl Credentials {
    pub(super) fn hints(&self) -> Vec<(&'static str, String)> {
        vec![("secret_key", self.secret_key.hint()), ("webhook_secret", self.webhook_secret.hint())]
    }
}

/// Reads credentials; the key's beginning says of which mode it is.
pub(super) fn credentials(mode: Mode, json: serde_json::Value) -> Result<Credentials, CredentialError> {
    let credentials: Credentials = serde_json::from_value(json).map_err(|_| CredentialError {
        name: "credentials",
        problem: "must have `secret_key` and `webhook_secret`, texts",
    })?;
    let is_of_mode = [format!("sk_{}_", mode.as_str()), format!("rk_{}_", mode.as_str())]
        .iter()
        .any(|start| credentials.secret_key.reveal().starts_with(start));
    if !is_of_mode || !credentials.secret_key.is_plausible() {
        let problem = "must begin with sk_ or rk_ and the mode, such as sk_test_";
        return Err(CredentialError { name: "secret_key", problem });
    }
    if !credentials.webhook_secret.reveal().starts_with("whsec_") || !credentials.webhook_secret.is_plausible() {
        return Err(CredentialError { name: "webhook_secret", problem: "must begin with whsec_" });
    }
    Ok(credentials)
}

/// How Stripe writes a currency; none for what it does not take, or where its manual contradicts itself (UGX).
fn form_of(currency: Currency) -> Option<Form> {
    match currency.as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "JPY" | "KMF" | "KRW" | "MGA" | "PYG" | "RWF" | "VND" | "VUV" | "XAF"
        | "XOF" | "XPF" => Some(Form::plain(0)),
        "ISK" => Some(Form { exponent: 2, decimals: 0 }),
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Some(Form { exponent: 3, decimals: 2 }),
        "CLF" | "IQD" | "LYD" | "UGX" | "UYI" | "UYW" => None,
        _ => Some(Form::plain(2)),
    }
}

/// Whether Stripe takes the amount: docs.stripe.com/currencies, "Minimum and maximum charge amounts".
pub(super) fn accepts(money: Money) -> Result<(), &'static str> {
    let units = form_of(money.currency()).ok_or("does not take this currency")?;
    let units = units.units(money).map_err(|_| "takes fewer decimals in this currency")?;
    let least = match money.currency().as_str() {
        "USD" | "EUR" | "INR" | "AUD" | "CAD" | "SGD" | "JPY" => 50,
        "GBP" => 30,
        _ => 1,
    };
    match units {
        units if units < least => Err("takes no amount as small as this in this currency"),
        units if units > 99_999_999 => Err("takes no amount as large as this"),
        _ => Ok(()),
    }
}

pub(super) fn step(credentials: &Credentials, origin: &str, order: &Order, ask: &Ask, replies: &[Reply]) -> Step {
    let call = Call { credentials, origin, ask };
    let is_old = ask.age.is_some_and(|age| age > KEY_LIFE);
    match ask.verb {
        // A session lives 24 hours: one that was lost so long ago can no longer be paid.
        Verb::Create if is_old => Step::Done(Outcome::NotFound),
        Verb::Create => match order.flow {
            Flow::Redirect => {
                call.once(replies, create_session(order), |session: Session| session.report(order, false))
            }
            Flow::Sdk => call.once(replies, create_intent(order), |intent: Intent| Some(intent.report(order))),
        },
        Verb::Capture { amount } => match &order.refs.payment {
            None => Step::Done(Outcome::NotFound),
            Some(_) if is_old => look(&call, order, replies),
            Some(intent) => {
                let Some(units) = units(order, amount) else { return refused("amount") };
                let form = vec![pair("amount_to_capture", units), pair("expand[]", OF_INTENT)];
                let path = format!("/v1/payment_intents/{intent}/capture");
                call.once(replies, Some((path, form)), |intent: Intent| Some(intent.report(order)))
            }
        },
        Verb::Cancel => match (&order.refs.payment, &order.refs.order) {
            _ if is_old => look(&call, order, replies),
            // Before it holds money an intent that a session made is ended with its session.
            (_, Some(session)) if order.standing.authorized == 0 && order.flow == Flow::Redirect => {
                let path = format!("/v1/checkout/sessions/{session}/expire");
                call.once(replies, Some((path, Vec::new())), |session: Session| session.report(order, true))
            }
            (Some(intent), _) => {
                let form = vec![pair("cancellation_reason", "requested_by_customer")];
                let path = format!("/v1/payment_intents/{intent}/cancel");
                call.once(replies, Some((path, form)), |intent: Intent| Some(intent.report(order)))
            }
            (None, _) => Step::Done(Outcome::NotFound),
        },
        Verb::Refund { id, amount } => match &order.refs.payment {
            None => Step::Done(Outcome::NotFound),
            Some(intent) if is_old => match call.read(replies, 0, &refunds_of(intent)) {
                Err(step) => step,
                Ok(list) => {
                    let list: List<Refund> = list;
                    match list.data.iter().find(|refund| refund.id_of_ours() == Some(id)) {
                        None => Step::Done(Outcome::NotFound),
                        Some(refund) => with_refunds(order, vec![refund]),
                    }
                }
            },
            Some(intent) => {
                let Some(units) = units(order, amount) else { return refused("amount") };
                let form = vec![
                    pair("payment_intent", intent),
                    pair("amount", units),
                    pair("metadata[refund_id]", id),
                    pair("metadata[payment_id]", order.id),
                ];
                match call.read_once(replies, Some(("/v1/refunds".to_owned(), form))) {
                    Err(step) => step,
                    Ok(refund) => with_refunds(order, vec![&refund]),
                }
            }
        },
        Verb::Look => look(&call, order, replies),
        Verb::Check => match call.read::<serde_json::Value>(replies, 0, "/v1/balance") {
            Err(step) => step,
            Ok(_) => Report::of(order).done(),
        },
    }
}

fn create_session(order: &Order) -> Option<(String, Vec<(String, String)>)> {
    let units = units(order, order.money.minor())?;
    let separator = if order.return_address.contains('?') { '&' } else { '?' };
    let mut form = vec![
        pair("mode", "payment"),
        pair("success_url", &order.return_address),
        pair("cancel_url", format!("{}{separator}canceled=1", order.return_address)),
        pair("client_reference_id", order.id),
        pair("metadata[payment_id]", order.id),
        pair("payment_intent_data[metadata][payment_id]", order.id),
        pair("line_items[0][quantity]", 1),
        pair("line_items[0][price_data][currency]", lower(order)),
        pair("line_items[0][price_data][unit_amount]", units),
        pair("line_items[0][price_data][product_data][name]", order.description.as_deref().unwrap_or("Payment")),
        pair("expires_at", order.expires_at.timestamp()),
    ];
    if order.capture_method == CaptureMethod::Manual {
        form.push(pair("payment_intent_data[capture_method]", "manual"));
    }
    form.extend(order.customer.email.as_ref().map(|email| pair("customer_email", email)));
    Some(("/v1/checkout/sessions".to_owned(), form))
}

fn create_intent(order: &Order) -> Option<(String, Vec<(String, String)>)> {
    let capture_method = match order.capture_method {
        CaptureMethod::Automatic => "automatic",
        CaptureMethod::Manual => "manual",
    };
    let mut form = vec![
        pair("amount", units(order, order.money.minor())?),
        pair("currency", lower(order)),
        pair("automatic_payment_methods[enabled]", true),
        pair("capture_method", capture_method),
        pair("metadata[payment_id]", order.id),
    ];
    form.extend(order.description.as_ref().map(|text| pair("description", text)));
    form.extend(order.customer.email.as_ref().map(|email| pair("receipt_email", email)));
    Some(("/v1/payment_intents".to_owned(), form))
}

/// How the payment is: the session or the intent with its charge, then its refunds and disputes where there are any.
fn look(call: &Call<'_>, order: &Order, replies: &[Reply]) -> Step {
    let mut report = match (&order.refs.payment, &order.refs.order) {
        (Some(intent), _) => match call.read(replies, 0, &format!("/v1/payment_intents/{intent}?expand[]={OF_INTENT}"))
        {
            Err(step) => return step,
            Ok(intent) => {
                (Intent::report(&intent, order), intent.charge().map(|charge| (intent.id.clone(), charge.clone())))
            }
        },
        (None, Some(session)) => {
            let path = format!("/v1/checkout/sessions/{session}?expand[]=payment_intent.{OF_INTENT}");
            match call.read::<Session>(replies, 0, &path) {
                Err(step) => return step,
                Ok(session) => {
                    let Some(report) = session.report(order, false) else { return Step::Done(Outcome::Unknown) };
                    let charge =
                        session.intent().and_then(|intent| Some((intent.id.clone(), intent.charge()?.clone())));
                    (report, charge)
                }
            }
        }
        (None, None) => return Step::Done(Outcome::NotFound),
    };
    let Some((intent, charge)) = report.1 else { return report.0.done() };
    let mut next = 1;
    if charge.amount_refunded > 0 || !order.refunds.is_empty() {
        match call.read::<List<Refund>>(replies, next, &refunds_of(&intent)) {
            Err(step) => return step,
            Ok(list) => report.0.refunds = list.data.iter().filter_map(|refund| refund.report(order)).collect(),
        }
        next += 1;
    }
    if charge.disputed {
        match call.read::<List<WireDispute>>(replies, next, &format!("/v1/disputes?payment_intent={intent}&limit=10")) {
            Err(step) => return step,
            Ok(list) => report.0.dispute = list.data.first().and_then(|dispute| dispute.report(order)),
        }
    }
    report.0.done()
}

/// A page of PaymentIntents (docs.stripe.com/api/payment_intents/list), the newest first; a page is named by the last intent of the
/// one before.
pub(super) fn list_request(
    credentials: &Credentials,
    origin: &str,
    window: Window,
    page: Option<&str>,
) -> Option<Request<Bytes>> {
    let ask = Ask { verb: Verb::Look, key: Uuid::nil(), age: None };
    let (from, to) = (window.after.timestamp(), window.before.timestamp());
    let behind = page.map(|last| format!("&starting_after={last}")).unwrap_or_default();
    let path = format!(
        "/v1/payment_intents?limit=100&created[gte]={from}&created[lt]={to}&expand[]=data.latest_charge{behind}"
    );
    Call { credentials, origin, ask: &ask }.request("GET", &path, &[])
}

pub(super) fn read_list(reply: &Reply) -> Result<ListPage, Outcome> {
    let list: Page = read(reply)?;
    let next = list.data.last().filter(|_| list.has_more).map(|intent| intent.id.clone());
    if next.as_deref().is_some_and(|next| !is_name(next)) {
        return Err(Outcome::Unknown);
    }
    let data = list.data.iter().map(Intent::listed).collect::<Option<Vec<_>>>().ok_or(Outcome::Unknown)?;
    Ok(ListPage { data, next })
}

fn refunds_of(intent: &str) -> String {
    format!("/v1/refunds?payment_intent={intent}&limit=100")
}

fn with_refunds(order: &Order, refunds: Vec<&Refund>) -> Step {
    match refunds.iter().map(|refund| refund.report(order)).collect::<Option<Vec<_>>>() {
        Some(refunds) => Report { refunds, ..Report::of(order) }.done(),
        None => Step::Done(Outcome::Unknown),
    }
}

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn lower(order: &Order) -> String {
    order.money.currency().as_str().to_ascii_lowercase()
}

fn units(order: &Order, minor: i64) -> Option<i64> {
    let money = Money::new(minor, order.money.currency())?;
    form_of(order.money.currency())?.units(money).ok()
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
    /// A POST and what its answer makes of the payment.
    fn once<T: for<'de> Deserialize<'de>>(
        &self,
        replies: &[Reply],
        request: Option<(String, Vec<(String, String)>)>,
        report: impl FnOnce(T) -> Option<Report>,
    ) -> Step {
        match self.read_once(replies, request) {
            Err(step) => step,
            Ok(wire) => report(wire).map_or(Step::Done(Outcome::Unknown), Report::done),
        }
    }

    /// A POST under the attempt's key: the request itself first, its answer afterwards.
    fn read_once<T: for<'de> Deserialize<'de>>(
        &self,
        replies: &[Reply],
        request: Option<(String, Vec<(String, String)>)>,
    ) -> Result<T, Step> {
        let Some((path, form)) = request else { return Err(refused("amount")) };
        match replies.first() {
            Some(reply) => read(reply).map_err(Step::Done),
            None => Err(self
                .request("POST", &path, &form)
                .map_or_else(|| refused("request"), |request| Step::Send(Box::new(request)))),
        }
    }

    /// The answer to the GET that is number `index`, or the request for it.
    fn read<T: for<'de> Deserialize<'de>>(&self, replies: &[Reply], index: usize, path: &str) -> Result<T, Step> {
        match replies.get(index) {
            Some(reply) => read(reply).map_err(Step::Done),
            None => Err(self
                .request("GET", path, &[])
                .map_or_else(|| refused("request"), |request| Step::Send(Box::new(request)))),
        }
    }

    fn request(&self, method: &str, path: &str, form: &[(String, String)]) -> Option<Request<Bytes>> {
        let authorization = format!("Bearer {}", self.credentials.secret_key.reveal());
        let mut request = form_request(method, &format!("{}{path}", self.origin), &authorization, form)?;
        let headers = request.headers_mut();
        headers.insert("stripe-version", http::HeaderValue::from_static(VERSION));
        if method == "POST" {
            let key = format!("bizo-{}", self.ask.key.simple());
            headers.insert("idempotency-key", http::HeaderValue::from_str(&key).ok()?);
        }
        Some(request)
    }
}

/// Reads an answer. Total: every reply, and none, is something.
fn read<T: for<'de> Deserialize<'de>>(reply: &Reply) -> Result<T, Outcome> {
    let (status, body) = match reply {
        Reply::NotSent => return Err(Outcome::NotSent(Failure::new(FailureCode::Unreachable, None))),
        Reply::Lost => return Err(Outcome::Unknown),
        Reply::Body { status, body } => (*status, body),
    };
    if (200..300).contains(&status) {
        return read_json(body).ok_or(Outcome::Unknown);
    }
    let error = read_json::<ErrorBody>(body).map(|body| body.error).unwrap_or_default();
    let code = error.decline_code.as_deref().or(error.code.as_deref()).or(error.kind.as_deref());
    Err(match status {
        401 | 403 => Outcome::Refused(Failure::new(FailureCode::CredentialsRefused, code)),
        402 => Outcome::Declined(Failure::new(decline(code), code)),
        404 => Outcome::NotFound,
        // Too many requests, or somebody else has the object: not done, and no key is used up.
        429 => Outcome::NotSent(Failure::new(FailureCode::Throttled, code)),
        // The first request with this key is still under way, or was another one.
        409 => Outcome::Unknown,
        400 if error.kind.as_deref() == Some("idempotency_error") => Outcome::Unknown,
        400..=499 => Outcome::Refused(Failure::new(FailureCode::Refused, code)),
        _ => Outcome::Unknown,
    })
}

/// docs.stripe.com/declines/codes, in our few words.
fn decline(code: Option<&str>) -> FailureCode {
    match code {
        Some("insufficient_funds") => FailureCode::InsufficientFunds,
        Some("expired_card") => FailureCode::ExpiredCard,
        Some("authentication_required" | "authentication_failure" | "payment_intent_authentication_failure") => {
            FailureCode::AuthenticationFailed
        }
        Some("fraudulent" | "stolen_card" | "lost_card" | "pickup_card" | "merchant_blacklist") => {
            FailureCode::SuspectedFraud
        }
        _ => FailureCode::Declined,
    }
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    error: WireError,
}

#[derive(Clone, Default, Deserialize)]
struct WireError {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Intent>,
    has_more: bool,
}

/// What is either named or, where asked for, there as a whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Expandable<T> {
    Whole(Box<T>),
    Named(#[expect(dead_code, reason = "read to tell the two apart")] String),
}

impl<T> Expandable<T> {
    fn whole(&self) -> Option<&T> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Named(_) => None,
        }
    }
}

#[derive(Deserialize)]
struct Session {
    id: String,
    url: Option<String>,
    status: Option<SessionStatus>,
    payment_intent: Option<Expandable<Intent>>,
    amount_total: Option<i64>,
    currency: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SessionStatus {
    Open,
    Complete,
    Expired,
    #[serde(other)]
    Unlisted,
}

impl Session {
    fn intent(&self) -> Option<&Intent> {
        self.payment_intent.as_ref().and_then(Expandable::whole)
    }

    /// What it says; nothing if it names another currency than any.
    fn report(&self, order: &Order, by_us: bool) -> Option<Report> {
        let mut report = match self.intent() {
            // While the session is open the payer may try again, whatever its intent says.
            Some(intent) => Intent::report(intent, order),
            None => Report::of(order),
        };
        if let Some(currency) = &self.currency {
            report.currency = currency.to_ascii_uppercase().parse().ok()?;
        }
        report.amount = match self.amount_total {
            Some(units) => Some(minor(units, report.currency)),
            None => report.amount,
        };
        report.refs.order = Some(self.id.clone());
        report.next_action = self.url.clone().map(|url| NextAction::Redirect { url });
        let ended = if by_us { Phase::Canceled } else { Phase::Expired };
        report.phase = match self.status {
            Some(SessionStatus::Open) => Some(Phase::RequiresAction),
            Some(SessionStatus::Expired) => Some(ended),
            // It is complete without its money where a bank debit is under way: the intent says so.
            Some(SessionStatus::Complete | SessionStatus::Unlisted) | None => report.phase,
        };
        Some(report)
    }
}

#[derive(Deserialize)]
struct Intent {
    id: String,
    client_secret: Option<String>,
    status: IntentStatus,
    amount: i64,
    #[serde(default)]
    amount_capturable: i64,
    #[serde(default)]
    amount_received: i64,
    currency: String,
    latest_charge: Option<Expandable<Charge>>,
    last_payment_error: Option<WireError>,
    cancellation_reason: Option<String>,
    created: Option<i64>,
    #[serde(default)]
    metadata: serde_json::Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
    #[serde(other)]
    Unlisted,
}

#[derive(Clone, Deserialize)]
struct Charge {
    #[serde(default)]
    amount_refunded: i64,
    #[serde(default)]
    disputed: bool,
    balance_transaction: Option<serde_json::Value>,
}

impl Intent {
    fn charge(&self) -> Option<&Charge> {
        self.latest_charge.as_ref().and_then(Expandable::whole)
    }

    /// As a line of a list; none where it says no time, or a currency that is none.
    fn listed(&self) -> Option<Listed> {
        let currency: Currency = self.currency.to_ascii_uppercase().parse().ok()?;
        Some(Listed {
            gateway_ref: self.id.clone(),
            payment: self.metadata["payment_id"].as_str().and_then(|id| id.parse().ok()),
            currency,
            captured: minor(self.amount_received, currency),
            refunded: minor(self.charge().map_or(0, |charge| charge.amount_refunded), currency),
            created_at: DateTime::from_timestamp(self.created?, 0)?,
        })
    }

    fn report(&self, order: &Order) -> Report {
        let Ok(currency) = self.currency.to_ascii_uppercase().parse::<Currency>() else { return Report::of(order) };
        let amount = |units| minor(units, currency);
        let (authorized, captured, phase) = match self.status {
            IntentStatus::RequiresPaymentMethod | IntentStatus::RequiresConfirmation | IntentStatus::RequiresAction => {
                (0, 0, Some(Phase::RequiresAction))
            }
            IntentStatus::Processing => (0, 0, Some(Phase::Processing)),
            IntentStatus::RequiresCapture => (amount(self.amount_capturable), 0, None),
            IntentStatus::Succeeded => (amount(self.amount_received), amount(self.amount_received), None),
            IntentStatus::Canceled if self.cancellation_reason.as_deref() == Some("automatic") => {
                (0, 0, Some(Phase::Expired))
            }
            IntentStatus::Canceled => (0, 0, Some(Phase::Canceled)),
            IntentStatus::Unlisted => (0, 0, None),
        };
        let next_action = self.client_secret.clone().filter(|_| order.flow == Flow::Sdk).map(|secret| {
            NextAction::ClientSdk { parameters: vec![pair("client_secret", secret), pair("payment_intent", &self.id)] }
        });
        let failure = self.last_payment_error.as_ref().map(|error| {
            let code = error.decline_code.as_deref().or(error.code.as_deref());
            Failure::new(decline(code), code)
        });
        let fee = self.charge().and_then(|charge| {
            let left = charge.balance_transaction.as_ref()?;
            // A fee in the currency of the account, where that is another, belongs into no ledger of this payment.
            (left["currency"].as_str()? == self.currency).then(|| left["fee"].as_i64().map(amount))?
        });
        Report {
            currency,
            amount: Some(amount(self.amount)),
            authorized,
            captured,
            phase,
            refs: Refs { payment: Some(self.id.clone()), ..Refs::default() },
            next_action,
            failure,
            fee,
            ..Report::of(order)
        }
    }
}

/// An amount of Stripe's in minor units; −1, which fits no payment, where it is none.
fn minor(units: i64, currency: Currency) -> i64 {
    form_of(currency).and_then(|form| form.from_units(units, currency)).map_or(-1, Money::minor)
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    amount: i64,
    currency: String,
    status: Option<RefundStatus>,
    #[serde(default)]
    metadata: serde_json::Value,
    failure_reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundStatus {
    Pending,
    RequiresAction,
    Succeeded,
    Failed,
    Canceled,
    #[serde(other)]
    Unlisted,
}

impl Refund {
    fn id_of_ours(&self) -> Option<RefundId> {
        self.metadata["refund_id"].as_str()?.parse().ok()
    }

    fn report(&self, order: &Order) -> Option<RefundReport> {
        let currency: Currency = self.currency.to_ascii_uppercase().parse().ok()?;
        let state = match self.status {
            Some(RefundStatus::Pending | RefundStatus::RequiresAction | RefundStatus::Unlisted) | None => {
                refund::State::Pending
            }
            Some(RefundStatus::Succeeded) => refund::State::Succeeded,
            Some(RefundStatus::Failed) => refund::State::Failed,
            Some(RefundStatus::Canceled) => refund::State::Canceled,
        };
        let failure = self.failure_reason.as_deref().map(|reason| Failure::new(FailureCode::Refused, Some(reason)));
        (currency == order.money.currency()).then(|| RefundReport {
            id: self.id_of_ours(),
            gateway_ref: self.id.clone(),
            amount: minor(self.amount, currency),
            state,
            failure,
        })
    }
}

#[derive(Deserialize)]
struct WireDispute {
    amount: i64,
    currency: String,
    status: String,
}

impl WireDispute {
    fn report(&self, order: &Order) -> Option<Dispute> {
        let currency: Currency = self.currency.to_ascii_uppercase().parse().ok()?;
        let state = match self.status.as_str() {
            "won" | "prevented" | "warning_closed" => DisputeState::Won,
            "lost" => DisputeState::Lost,
            // An inquiry takes no money yet.
            "warning_needs_response" | "warning_under_review" => return None,
            _ => DisputeState::Open,
        };
        (currency == order.money.currency()).then(|| Dispute { amount: minor(self.amount, currency), state })
    }
}

#[derive(Deserialize)]
struct Event {
    id: String,
    object: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    livemode: Option<bool>,
    data: EventData,
}

impl Event {
    /// The payment that we told Stripe of.
    fn payment(&self) -> Option<PaymentId> {
        let object = &self.data.object;
        object["metadata"]["payment_id"].as_str().or(object["client_reference_id"].as_str())?.parse().ok()
    }
}

#[derive(Deserialize)]
struct EventData {
    object: serde_json::Value,
}

/// Verifies the signature over the raw bytes, then reads what the message is about.
pub(super) fn read_webhook(
    mode: Mode,
    secrets: &[&str],
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Webhook, WebhookRefusal> {
    let header =
        headers.get("stripe-signature").and_then(|value| value.to_str().ok()).ok_or(WebhookRefusal::NotSigned)?;
    if !secrets.iter().any(|secret| is_signed(secret, header, body, now)) {
        return Err(WebhookRefusal::NotSigned);
    }
    let event: Event = read_json(body).ok_or(WebhookRefusal::Unreadable)?;
    if event.object.as_deref() == Some("v2.core.event") {
        return Err(WebhookRefusal::Unreadable);
    }
    if event.livemode.is_some_and(|is_live| is_live != (mode == Mode::Live)) {
        return Err(WebhookRefusal::OtherMode);
    }
    let payment = event.payment();
    let object = &event.data.object;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let refs = [text(&object["id"]), text(&object["payment_intent"])].into_iter().flatten().collect();
    Ok(Webhook { dedupe_key: event.id, event_type: event.kind, payment, refs })
}

/// The payment that a message names, unverified.
pub(super) fn payment_named_in(body: &[u8]) -> Option<PaymentId> {
    read_json::<Event>(body)?.payment()
}

fn is_signed(secret: &str, header: &str, body: &[u8], now: DateTime<Utc>) -> bool {
    // A key of nothing would verify what anybody computes.
    if secret.is_empty() {
        return false;
    }
    let values = |name: &'static str| {
        header
            .split(',')
            .filter_map(move |part| part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
    };
    let Some(time) = values("t").next() else { return false };
    let Some(age) = time.parse::<i64>().ok().and_then(|second| now.timestamp().checked_sub(second)) else {
        return false;
    };
    if !(-TOLERANCE_SECONDS..=TOLERANCE_SECONDS).contains(&age) {
        return false;
    }
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    let mac = mac.chain_update(time).chain_update(b".").chain_update(body);
    values("v1").any(|digest| hex(digest).is_some_and(|digest| mac.clone().verify_slice(&digest).is_ok()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gateway::fixture::{ask, later, order};

    const ORIGIN: &str = "https://api.stripe.com";

    fn ours() -> Credentials {
        credentials(Mode::Test, json!({ "secret_key": "sk_test_planted", "webhook_secret": "whsec_planted" })).unwrap()
    }

    fn replied(status: u16, body: serde_json::Value) -> Reply {
        Reply::Body { status, body: Bytes::from(body.to_string()) }
    }

    /// The request as text: method, address, key, form.
    fn sent(order: &Order, ask: &Ask, replies: &[Reply]) -> (String, Vec<(String, String)>) {
        let Step::Send(request) = step(&ours(), ORIGIN, order, ask, replies) else { panic!("a request is wanted") };
        assert_eq!(request.headers()["authorization"], "Bearer sk_test_planted");
        assert_eq!(request.headers()["stripe-version"], VERSION);
        assert_eq!(request.headers().contains_key("idempotency-key"), request.method() == "POST");
        let form = form_urlencoded::parse(request.body()).into_owned().collect();
        (format!("{} {}", request.method(), request.uri()), form)
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

    fn value<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
        form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn amounts_are_written_as_stripe_counts() {
        for (minor, code, units) in [
            (1099, "USD", Some(1099)),
            (49900, "INR", Some(49900)),
            (500, "JPY", Some(500)),
            (100_000, "HUF", Some(100_000)),
            (100_050, "HUF", Some(100_050)),
            (5, "ISK", Some(500)),
            (500, "MGA", Some(5)),
            (550, "MGA", None),
            (5120, "KWD", Some(5120)),
            (5124, "KWD", None),
            (500, "UGX", None),
        ] {
            assert_eq!(units, super::units(&order(code, minor), minor), "{minor} {code}");
        }
        let accepts = |minor, code: &str| accepts(Money::new(minor, code.parse().unwrap()).unwrap());
        assert_eq!(accepts(5, "USD"), Err("takes no amount as small as this in this currency"));
        assert_eq!(accepts(5124, "KWD"), Err("takes fewer decimals in this currency"));
        assert_eq!(accepts(500, "UGX"), Err("does not take this currency"));
        assert_eq!(accepts(100_000_000, "USD"), Err("takes no amount as large as this"));
        assert_eq!(accepts(1099, "USD"), Ok(()));
    }

    #[test]
    fn what_was_taken_is_listed_page_by_page() {
        let window = Window { after: DateTime::UNIX_EPOCH, before: DateTime::UNIX_EPOCH + TimeDelta::hours(1) };
        let path = |page| list_request(&ours(), ORIGIN, window, page).unwrap().uri().to_string();
        let first = "https://api.stripe.com/v1/payment_intents?limit=100&created[gte]=0&created[lt]=3600&expand[]=data.latest_charge";
        assert_eq!(path(None), first);
        assert_eq!(path(Some("pi_2")), format!("{first}&starting_after=pi_2"));

        let id = order("USD", 1099).id;
        let intent = |more: serde_json::Value| {
            let mut intent = json!({ "id": "pi_1", "status": "succeeded", "amount": 1099, "amount_received": 1099, "currency": "usd",
                "latest_charge": { "amount_refunded": 99 }, "created": 60, "metadata": { "payment_id": id } });
            intent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            intent
        };
        let page =
            |data: serde_json::Value, has_more: bool| replied(200, json!({ "data": data, "has_more": has_more }));
        let listed = read_list(&page(json!([intent(json!({}))]), false)).unwrap();
        let created_at = DateTime::UNIX_EPOCH + TimeDelta::minutes(1);
        let currency = "USD".parse().unwrap();
        let wanted = Listed {
            gateway_ref: "pi_1".into(),
            payment: Some(id),
            currency,
            captured: 1099,
            refunded: 99,
            created_at,
        };
        assert_eq!(listed, ListPage { data: vec![wanted], next: None });
        let unpaid = json!({ "amount_received": 0, "latest_charge": null, "metadata": {} });
        let listed = read_list(&page(json!([intent(unpaid)]), true)).unwrap();
        assert_eq!((listed.data[0].captured, listed.data[0].payment), (0, None));
        assert_eq!(listed.next.as_deref(), Some("pi_1"));
        assert_eq!(read_list(&page(json!([intent(json!({ "id": "pi/../x" }))]), true)), Err(Outcome::Unknown));
        assert_eq!(read_list(&page(json!([intent(json!({ "created": null }))]), false)), Err(Outcome::Unknown));
        assert_eq!(read_list(&Reply::Lost), Err(Outcome::Unknown));
        assert!(matches!(read_list(&replied(401, json!({}))), Err(Outcome::Refused(_))));
    }

    #[test]
    fn a_session_is_made_for_a_payer_who_is_sent_away() {
        let mut order = order("USD", 1099);
        order.capture_method = CaptureMethod::Manual;
        let (request, form) = sent(&order, &ask(Verb::Create), &[]);
        assert_eq!(request, "POST https://api.stripe.com/v1/checkout/sessions");
        for (name, wanted) in [
            ("mode", "payment"),
            ("success_url", "https://api.example.com/payments/return/token"),
            ("cancel_url", "https://api.example.com/payments/return/token?canceled=1"),
            ("client_reference_id", &order.id.to_string()),
            ("payment_intent_data[metadata][payment_id]", &order.id.to_string()),
            ("payment_intent_data[capture_method]", "manual"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "usd"),
            ("line_items[0][price_data][unit_amount]", "1099"),
            ("line_items[0][price_data][product_data][name]", "Pro plan"),
            ("expires_at", "1767312000"),
        ] {
            assert_eq!(value(&form, name), Some(wanted), "{name}");
        }
        let session = json!({ "id": "cs_1", "url": "https://checkout.stripe.com/c/1", "status": "open", "payment_status": "unpaid",
            "payment_intent": null, "amount_total": 1099, "currency": "usd" });
        let report = reported(&order, &ask(Verb::Create), &[replied(200, session)]);
        assert_eq!((report.phase, report.amount), (Some(Phase::RequiresAction), Some(1099)));
        assert_eq!(report.refs.order.as_deref(), Some("cs_1"));
        assert_eq!(
            report.next_action,
            Some(NextAction::Redirect { url: "https://checkout.stripe.com/c/1".to_owned() })
        );
    }

    #[test]
    fn each_answer_is_something() {
        let outcome = |reply| done(&order("USD", 1099), &ask(Verb::Create), &[reply]);
        let error = |status, error: serde_json::Value| outcome(replied(status, json!({ "error": error })));
        let failure = |code, word| Failure::new(code, Some(word));
        assert_eq!(
            error(402, json!({ "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds" })),
            Outcome::Declined(failure(FailureCode::InsufficientFunds, "insufficient_funds"))
        );
        assert_eq!(
            error(400, json!({ "type": "invalid_request_error", "code": "amount_too_small" })),
            Outcome::Refused(failure(FailureCode::Refused, "amount_too_small"))
        );
        assert_eq!(error(400, json!({ "type": "idempotency_error" })), Outcome::Unknown);
        assert_eq!(
            error(401, json!({ "type": "invalid_request_error" })),
            Outcome::Refused(failure(FailureCode::CredentialsRefused, "invalid_request_error"))
        );
        assert_eq!(
            error(429, json!({ "code": "lock_timeout" })),
            Outcome::NotSent(failure(FailureCode::Throttled, "lock_timeout"))
        );
        for status in [301, 409, 500, 502, 503] {
            assert_eq!(error(status, json!({})), Outcome::Unknown, "{status}");
        }
        assert_eq!(outcome(Reply::Lost), Outcome::Unknown);
        assert_eq!(outcome(Reply::NotSent), Outcome::NotSent(Failure::new(FailureCode::Unreachable, None)));
        assert_eq!(
            outcome(Reply::Body { status: 200, body: Bytes::from_static(b"{\"id\":\"cs_1\"") }),
            Outcome::Unknown
        );
        assert_eq!(outcome(Reply::Body { status: 502, body: Bytes::from_static(b"<html>") }), Outcome::Unknown);
    }

    fn intent(status: &str, more: serde_json::Value) -> serde_json::Value {
        let mut intent = json!({ "id": "pi_1", "status": status, "amount": 1099, "currency": "usd", "client_secret": "pi_1_secret" });
        intent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        intent
    }

    #[test]
    fn every_status_of_an_intent_is_something() {
        let mut order = order("USD", 1099);
        order.refs.payment = Some("pi_1".to_owned());
        for (status, more, wanted) in [
            ("requires_payment_method", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("requires_confirmation", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("requires_action", json!({}), (0, 0, Some(Phase::RequiresAction))),
            ("processing", json!({}), (0, 0, Some(Phase::Processing))),
            ("requires_capture", json!({ "amount_capturable": 1099 }), (1099, 0, None)),
            ("succeeded", json!({ "amount_received": 1099 }), (1099, 1099, None)),
            ("succeeded", json!({ "amount_received": 600 }), (600, 600, None)),
            ("canceled", json!({ "cancellation_reason": "automatic" }), (0, 0, Some(Phase::Expired))),
            ("canceled", json!({ "cancellation_reason": "duplicate" }), (0, 0, Some(Phase::Canceled))),
            ("a_new_word", json!({}), (0, 0, None)),
        ] {
            let report = reported(&order, &ask(Verb::Look), &[replied(200, intent(status, more))]);
            assert_eq!((report.authorized, report.captured, report.phase), wanted, "{status}");
        }
    }

    #[test]
    fn a_look_goes_on_to_refunds_and_disputes() {
        let mut order = order("USD", 1099);
        order.refs.order = Some("cs_1".to_owned());
        let (request, _) = sent(&order, &ask(Verb::Look), &[]);
        let expand = "expand[]=payment_intent.latest_charge.balance_transaction";
        assert_eq!(request, format!("GET https://api.stripe.com/v1/checkout/sessions/cs_1?{expand}"));
        let charge = json!({ "amount_refunded": 300, "disputed": true, "balance_transaction": { "fee": 62, "currency": "usd" } });
        let session = replied(
            200,
            json!({ "id": "cs_1", "status": "complete", "amount_total": 1099, "currency": "usd",
            "payment_intent": intent("succeeded", json!({ "amount_received": 1099, "latest_charge": charge })) }),
        );
        let (request, _) = sent(&order, &ask(Verb::Look), std::slice::from_ref(&session));
        assert_eq!(request, "GET https://api.stripe.com/v1/refunds?payment_intent=pi_1&limit=100");
        let refunds = replied(
            200,
            json!({ "data": [
            { "id": "re_1", "amount": 300, "currency": "usd", "status": "succeeded", "metadata": {} }] }),
        );
        let (request, _) = sent(&order, &ask(Verb::Look), &[session.clone(), refunds.clone()]);
        assert_eq!(request, "GET https://api.stripe.com/v1/disputes?payment_intent=pi_1&limit=10");
        let disputes =
            replied(200, json!({ "data": [{ "amount": 1099, "currency": "usd", "status": "needs_response" }] }));
        let report = reported(&order, &ask(Verb::Look), &[session.clone(), refunds, disputes]);
        assert_eq!((report.captured, report.fee, report.refs.payment.as_deref()), (1099, Some(62), Some("pi_1")));
        assert_eq!(report.refunds[0].state, refund::State::Succeeded);
        assert_eq!(report.dispute, Some(Dispute { amount: 1099, state: DisputeState::Open }));
        // Half a look is none.
        assert_eq!(done(&order, &ask(Verb::Look), &[session, Reply::Lost]), Outcome::Unknown);
    }

    #[test]
    fn captures_cancels_and_refunds_name_the_intent() {
        let mut order = order("USD", 1099);
        order.refs = Refs { order: Some("cs_1".to_owned()), payment: Some("pi_1".to_owned()), capture: None };
        let (request, _) = sent(&order, &ask(Verb::Cancel), &[]);
        assert_eq!(request, "POST https://api.stripe.com/v1/checkout/sessions/cs_1/expire");
        order.standing.authorized = 1099;
        let (request, form) = sent(&order, &ask(Verb::Capture { amount: 600 }), &[]);
        assert_eq!(request, "POST https://api.stripe.com/v1/payment_intents/pi_1/capture");
        assert_eq!(value(&form, "amount_to_capture"), Some("600"));
        let (request, _) = sent(&order, &ask(Verb::Cancel), &[]);
        assert_eq!(request, "POST https://api.stripe.com/v1/payment_intents/pi_1/cancel");
        let id = RefundId::new();
        let verb = Verb::Refund { id, amount: 300 };
        let (request, form) = sent(&order, &ask(verb), &[]);
        assert_eq!(request, "POST https://api.stripe.com/v1/refunds");
        assert_eq!((value(&form, "payment_intent"), value(&form, "amount")), (Some("pi_1"), Some("300")));
        assert_eq!(value(&form, "metadata[refund_id]"), Some(id.to_string().as_str()));
        let wire = json!({ "id": "re_1", "amount": 300, "currency": "usd", "status": "pending", "metadata": { "refund_id": id } });
        let report = reported(&order, &ask(verb), &[replied(200, wire.clone())]);
        assert_eq!((report.refunds[0].id, report.refunds[0].state), (Some(id), refund::State::Pending));

        // The same again under the same key; after a day it is looked for instead.
        assert_eq!(sent(&order, &later(verb), &[]).0, "POST https://api.stripe.com/v1/refunds");
        let old = Ask { age: Some(TimeDelta::hours(24)), ..ask(verb) };
        assert_eq!(sent(&order, &old, &[]).0, "GET https://api.stripe.com/v1/refunds?payment_intent=pi_1&limit=100");
        assert_eq!(done(&order, &old, &[replied(200, json!({ "data": [] }))]), Outcome::NotFound);
        assert_eq!(reported(&order, &old, &[replied(200, json!({ "data": [wire] }))]).refunds.len(), 1);
    }

    #[test]
    fn another_currency_is_told_apart() {
        let order = order("USD", 1099);
        let session = json!({ "id": "cs_1", "status": "open", "amount_total": 1099, "currency": "eur" });
        assert_eq!(reported(&order, &ask(Verb::Create), &[replied(200, session)]).currency.as_str(), "EUR");
    }

    #[test]
    fn credentials_are_of_their_mode() {
        let read = |mode, key: &str, secret: &str| {
            credentials(mode, json!({ "secret_key": key, "webhook_secret": secret })).map_err(|error| error.name)
        };
        assert!(read(Mode::Test, "sk_test_12345", "whsec_12345").is_ok());
        assert!(read(Mode::Live, "rk_live_12345", "whsec_12345").is_ok());
        assert_eq!(read(Mode::Live, "sk_test_12345", "whsec_12345"), Err("secret_key"));
        assert_eq!(read(Mode::Test, "sk_test_12 45", "whsec_12345"), Err("secret_key"));
        assert_eq!(read(Mode::Test, "sk_test_12345", "12345678"), Err("webhook_secret"));
        assert_eq!(read(Mode::Test, "sk_test_12345", ""), Err("webhook_secret"));
        assert!(credentials(Mode::Test, json!({ "secret_key": "sk_test_12345" })).is_err());
        assert!(!format!("{:?}", ours()).contains("planted"));
    }

    const SECRET: &str = "whsec_c0ffee00c0ffee00c0ffee00c0ffee00";
    const BODY: &str = r#"{"id":"evt_1TestVector0001","object":"event","api_version":"2026-10-28.endive","created":1767225600,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1TestVector0001","object":"payment_intent","amount":1099,"amount_received":1099,"currency":"usd","status":"succeeded"}}}"#;
    const DIGEST: &str = "979984276fdc17da31b44c6e3b771a90963d82ee61520042323c8fca60d751fc";
    const OLD_DIGEST: &str = "f302a9b1395ed6053000f4ff909cc7a68086b828d8b5c7df9f9839ecb9b1755c";
    const TIME: i64 = 1_767_225_600;

    #[track_caller]
    fn check(secret: &str, header: &str, body: &str, now: i64, expected: bool) {
        let now = DateTime::from_timestamp(now, 0).unwrap();
        assert_eq!(is_signed(secret, header, body.as_bytes(), now), expected, "{header}");
    }

    /// The vectors were made with Stripe's own SDK.
    #[test]
    fn signatures_agree_with_stripes_sdk() {
        let good = format!("t={TIME},v1={DIGEST}");
        check(SECRET, &good, BODY, TIME, true);
        check(SECRET, &good, BODY, TIME + 300, true);
        check(SECRET, &good, BODY, TIME - 300, true);
        check(SECRET, &format!("t={TIME},v1={OLD_DIGEST},v1={DIGEST}"), BODY, TIME, true);
        check(SECRET, &format!("v0={OLD_DIGEST},v1={DIGEST},t={TIME}"), BODY, TIME, true);
        let utf8 = "{\"id\":\"evt_utf8\",\"note\":\"caf\u{e9} \u{20b9} \u{1f4b3}\"}";
        let digest = "23a10140fe63a80395fb1d2f0ca2f5bfd80b01d02e5d6f1204e880032f34a300";
        check(SECRET, &format!("t=1767225601,v1={digest}"), utf8, TIME, true);
    }

    #[test]
    fn what_is_not_signed_is_refused() {
        let good = format!("t={TIME},v1={DIGEST}");
        check(SECRET, &good, BODY, TIME + 301, false);
        check(SECRET, &good, BODY, TIME - 301, false);
        check("", &good, BODY, TIME, false);
        check("whsec_other", &good, BODY, TIME, false);
        check(SECRET, &good, &format!("{BODY} "), TIME, false);
        for header in [
            "",
            &format!("t={TIME}"),
            &format!("v1={DIGEST}"),
            &format!("t={TIME},v0={DIGEST}"),
            &format!("t={TIME},v1={OLD_DIGEST}"),
            &format!("t={TIME},v1={}", DIGEST.to_ascii_uppercase()),
            &format!("t={TIME}, v1={DIGEST}"),
            &format!("t={},v1={DIGEST}", TIME + 1),
            &format!("t=x,v1={DIGEST}"),
            &format!("t={},v1={DIGEST}", i64::MIN),
        ] {
            check(SECRET, header, BODY, TIME, false);
        }
    }

    #[test]
    fn a_message_names_what_it_is_about() {
        let now = DateTime::from_timestamp(TIME, 0).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("stripe-signature", format!("t={TIME},v1={DIGEST}").parse().unwrap());
        let read = |mode, body: &str| read_webhook(mode, &["whsec_new", SECRET], &headers, body.as_bytes(), now);
        let webhook = read(Mode::Test, BODY).unwrap();
        assert_eq!(
            (webhook.dedupe_key.as_str(), webhook.event_type.as_str()),
            ("evt_1TestVector0001", "payment_intent.succeeded")
        );
        assert_eq!((webhook.refs, webhook.payment), (vec!["pi_1TestVector0001".to_owned()], None));
        assert_eq!(read(Mode::Test, "{}"), Err(WebhookRefusal::NotSigned));
        assert_eq!(read_webhook(Mode::Test, &[], &headers, BODY.as_bytes(), now), Err(WebhookRefusal::NotSigned));
        assert_eq!(
            read_webhook(Mode::Test, &[SECRET], &HeaderMap::new(), BODY.as_bytes(), now),
            Err(WebhookRefusal::NotSigned)
        );
    }
}
