//! What all gateways have in common: the words in which we ask and they answer, and the one table of who is who.
//!
//! Each gateway is one pure file in `gateway/`: its credentials, what it can do, and [`Gateway::step`], which from an order,
//! what is asked of it ([`Ask`]) and the replies so far says what to send next, or what came of it ([`Outcome`]). So a call
//! that takes three requests is a value that tests take apart; `gateway/send.rs` alone talks to anybody.
//!
//! What can never happen: an answer that was lost, or that cannot be read, is taken for a failure ([`Outcome::Unknown`] is
//! asked about again, under the same idempotency key); a word of a gateway that we do not know changes a payment.
//!
//! Long because the words and the one table of who is who belong together: a new gateway is told here what to fill in.

#[cfg(test)]
mod fixture;
mod paypal;
mod payu;
mod razorpay;
pub(crate) mod send;
mod stripe;
mod test;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Request};
use ids::{PaymentId, RefundId};
use money::{Currency, Money};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::domain::{
    customer::Customer,
    payment::{Phase, Standing},
    reconciliation::Listed,
    refund,
};

/// Who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gateway {
    /// PayPal's own wallet, and cards, worldwide.
    Paypal,
    /// Cards, UPI and net banking, in India.
    Payu,
    /// Cards, UPI, net banking and wallets, from India.
    Razorpay,
    /// Cards and wallets, worldwide.
    Stripe,
    /// Nobody: moves no money and needs no account; amounts decide what happens. See docs/payments.md.
    Test,
}

/// Whether money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// At the gateway's sandbox.
    Test,
    Live,
}

/// Whether the money is taken with the payer's consent, or only held until a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CaptureMethod {
    Automatic,
    Manual,
}

/// Where the payer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Flow {
    /// On a page of the gateway's.
    Redirect,
    /// On the tenant's own page, with the gateway's script.
    Sdk,
}

/// What the payer's browser must do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum NextAction {
    /// Go to this page.
    Redirect { url: String },
    /// Post this form, as it is.
    FormPost {
        url: String,
        /// In this order.
        #[schema(value_type = std::collections::BTreeMap<String, String>)]
        fields: Vec<(String, String)>,
    },
    /// Give these to the gateway's script.
    ClientSdk {
        /// By the names that the script knows them by.
        #[schema(value_type = std::collections::BTreeMap<String, String>)]
        parameters: Vec<(String, String)>,
    },
}

/// What a gateway can do; what it cannot is refused before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Capabilities {
    pub(crate) flows: &'static [Flow],
    /// The flows in which it can hold the money first and take it later.
    pub(crate) manual_capture: &'static [Flow],
    /// Take less than is held.
    pub(crate) partial_capture: bool,
    /// Let go of what is held.
    pub(crate) cancel_authorized: bool,
    /// Withdraw what nobody has paid yet; without it the payer could still pay, and that would come as a late success.
    pub(crate) cancel_unpaid: bool,
    pub(crate) partial_refund: bool,
    /// Say what it took between two moments, for `GET /ledger/reconciliation`.
    pub(crate) lists_payments: bool,
    /// Whether the tenant needs an account there.
    pub(crate) needs_account: bool,
    /// What it must know of the customer.
    #[schema(value_type = Vec<String>)]
    pub(crate) customer: &'static [&'static str],
}

/// The gateway's names for a payment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refs {
    /// What was made first: a session, an order, a link.
    pub(crate) order: Option<String>,
    /// What the payer's consent made.
    pub(crate) payment: Option<String>,
    /// What took the money, where that is another thing.
    pub(crate) capture: Option<String>,
}

/// A payment, as far as a gateway is told of it and has said of it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: PaymentId,
    pub(crate) money: Money,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) flow: Flow,
    pub(crate) description: Option<String>,
    pub(crate) customer: Customer,
    /// Our own address, to which the payer comes back.
    pub(crate) return_address: String,
    pub(crate) refs: Refs,
    pub(crate) standing: Standing,
    /// Those that we know of.
    pub(crate) refunds: Vec<KnownRefund>,
    pub(crate) expires_at: DateTime<Utc>,
}

impl Order {
    /// No payment at all, for questions that are about none.
    pub(crate) fn nothing(at: DateTime<Utc>) -> Self {
        let currency: Currency = "EUR".parse().expect("a currency of ISO 4217");
        Self {
            id: PaymentId::from(Uuid::nil()),
            money: Money::new(0, currency).expect("nothing is an amount"),
            capture_method: CaptureMethod::Automatic,
            flow: Flow::Redirect,
            description: None,
            customer: Customer::default(),
            return_address: String::new(),
            refs: Refs::default(),
            standing: Standing {
                amount: 0,
                authorized: 0,
                captured: 0,
                refunded: 0,
                phase: Phase::Created,
                late_success: false,
                reported_at: None,
            },
            refunds: Vec::new(),
            expires_at: at,
        }
    }
}

/// A refund that we know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownRefund {
    pub(crate) id: RefundId,
    pub(crate) gateway_ref: Option<String>,
    pub(crate) amount: i64,
    pub(crate) state: refund::State,
}

/// What is asked of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) verb: Verb,
    /// Names the attempt: the same for every try of it, so that a gateway that knows keys does it once.
    pub(crate) key: Uuid,
    /// How long ago the first try was; none on the first.
    pub(crate) age: Option<TimeDelta>,
}

/// The verbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Capture {
        amount: i64,
    },
    Cancel,
    Refund {
        id: RefundId,
        amount: i64,
    },
    /// How is it? Refunds included, if there may be any.
    Look,
    /// Are the credentials good?
    Check,
}

/// Where a gateway is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hosts<'a> {
    /// Whom we ask.
    pub(crate) api: &'a str,
    /// Where the payer's browser posts to, where we do not ask for an address.
    pub(crate) checkout: &'a str,
}

/// What came back from a host.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// An answer, read to its end.
    Body { status: u16, body: Bytes },
    /// No connection was made: the request was certainly not heard.
    NotSent,
    /// Sent, and no answer, or half of one.
    Lost,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    Send(Box<Request<Bytes>>),
    Done(Outcome),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// How the payment is, in the gateway's own word.
    Reported(Box<Report>),
    /// The payer's means were refused; nothing moved.
    Declined(Failure),
    /// The gateway would not do it; nothing moved.
    Refused(Failure),
    /// It cannot have been heard; nothing moved.
    NotSent(Failure),
    /// The gateway knows no such thing; nothing moved.
    NotFound,
    /// Nobody knows.
    Unknown,
}

/// Why not, in our words, and the gateway's own code beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = PaymentFailure)]
pub(crate) struct Failure {
    pub(crate) code: FailureCode,
    /// As the gateway puts it.
    #[schema(example = "insufficient_funds")]
    pub(crate) gateway_code: Option<String>,
}

/// Our short list of reasons. What a gateway says beyond it is in `gateway_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureCode {
    /// The payer's bank said no, and no more.
    Declined,
    InsufficientFunds,
    ExpiredCard,
    /// The payer could not, or would not, prove who they are.
    AuthenticationFailed,
    /// Somebody thinks it is fraud.
    SuspectedFraud,
    /// The payer gave up.
    Abandoned,
    /// The gateway does not take our credentials.
    CredentialsRefused,
    /// The gateway is asked too often.
    Throttled,
    /// The gateway could not be reached.
    Unreachable,
    /// The gateway would not do it for another reason.
    Refused,
    /// Nobody ever learned what became of it, and there is no sign of it at the gateway.
    NeverConfirmed,
}

impl Failure {
    pub(crate) fn new(code: FailureCode, gateway_code: Option<&str>) -> Self {
        // A gateway's code is a word or two; more would be something else.
        let gateway_code = gateway_code.map(|code| code.chars().filter(|c| !c.is_control()).take(100).collect());
        Self { code, gateway_code }
    }
}

/// How a payment is, in a gateway's own word. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// What it takes the payment to be of.
    pub(crate) currency: Currency,
    /// What it takes to be the whole; none where it does not say.
    pub(crate) amount: Option<i64>,
    pub(crate) authorized: i64,
    pub(crate) captured: i64,
    pub(crate) phase: Option<Phase>,
    pub(crate) refs: Refs,
    pub(crate) next_action: Option<NextAction>,
    pub(crate) failure: Option<Failure>,
    pub(crate) refunds: Vec<RefundReport>,
    /// What it keeps for itself, where it says so.
    pub(crate) fee: Option<i64>,
    pub(crate) dispute: Option<Dispute>,
}

/// How a refund is, in a gateway's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefundReport {
    /// Ours, where the gateway carries our name of it.
    pub(crate) id: Option<RefundId>,
    pub(crate) gateway_ref: String,
    pub(crate) amount: i64,
    pub(crate) state: refund::State,
    pub(crate) failure: Option<Failure>,
}

/// A payer's complaint with their bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dispute {
    pub(crate) amount: i64,
    pub(crate) state: DisputeState,
}

/// How a dispute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeState {
    Open,
    Won,
    Lost,
}

impl Report {
    /// An answer that says nothing of the amounts.
    fn of(order: &Order) -> Self {
        Self {
            currency: order.money.currency(),
            amount: None,
            authorized: 0,
            captured: 0,
            phase: None,
            refs: Refs::default(),
            next_action: None,
            failure: None,
            refunds: Vec::new(),
            fee: None,
            dispute: None,
        }
    }

    fn done(self) -> Step {
        Step::Done(Outcome::Reported(Box::new(self)))
    }
}

/// What a webhook says before anything is believed: what it is about, and what names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Webhook {
    /// The same for every delivery of the same message.
    pub(crate) dedupe_key: String,
    pub(crate) event_type: String,
    /// Our own name of the payment, where the message carries it.
    pub(crate) payment: Option<PaymentId>,
    /// The gateway's names in it that may be a payment's.
    pub(crate) refs: Vec<String>,
}

/// Between two moments: from `after` to before `before`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) after: DateTime<Utc>,
    pub(crate) before: DateTime<Utc>,
}

/// A page of a gateway's list of payments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListPage {
    pub(crate) data: Vec<Listed>,
    /// Where the next page begins, in the gateway's own words; none on the last.
    pub(crate) next: Option<String>,
}

/// A message that its gateway is to be asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Postback<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// As it came.
    pub(crate) body: &'a [u8],
}

/// What to do next to know whether a message is its gateway's own.
#[derive(Debug)]
pub(crate) enum VerifyStep {
    Send(Box<Request<Bytes>>),
    Genuine,
    Forged,
    /// Nobody said: the gateway is to send it again.
    Unknown,
}

/// A token that a gateway lent, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Minted {
    pub(crate) token: Secret,
    /// For so long it is good.
    pub(crate) life_seconds: i64,
}

/// Why a webhook is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookRefusal {
    /// It is not signed, or not with this account's secret, or long ago.
    NotSigned,
    /// It is signed, and nothing that we can read.
    Unreadable,
    /// It is of the other mode.
    OtherMode,
}

/// A secret of a tenant's: never shown but for its end.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// The last four characters of one that is long enough to have some to spare.
    fn hint(&self) -> String {
        let characters = self.0.chars().count();
        if characters < 8 { String::new() } else { self.0.chars().skip(characters - 4).collect() }
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    fn is_plausible(&self) -> bool {
        (8..=300).contains(&self.0.len()) && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a tenant is to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    Paypal(paypal::Credentials),
    Payu(payu::Credentials),
    Razorpay(razorpay::Credentials),
    Stripe(stripe::Credentials),
    Test,
}

/// Credentials that do not look like any; completes the sentence "`name` …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialError {
    pub(crate) name: &'static str,
    pub(crate) problem: &'static str,
}

impl Gateway {
    /// Every gateway.
    pub(crate) const ALL: [Self; 5] = [Self::Paypal, Self::Payu, Self::Razorpay, Self::Stripe, Self::Test];

    /// As the database, addresses and the API write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Paypal => "paypal",
            Self::Payu => "payu",
            Self::Razorpay => "razorpay",
            Self::Stripe => "stripe",
            Self::Test => "test",
        }
    }

    /// Reads a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gateway| gateway.as_str() == name)
    }

    /// What it can do.
    pub(crate) const fn capabilities(self) -> Capabilities {
        match self {
            Self::Paypal => paypal::CAPABILITIES,
            Self::Payu => payu::CAPABILITIES,
            Self::Razorpay => razorpay::CAPABILITIES,
            Self::Stripe => stripe::CAPABILITIES,
            Self::Test => test::CAPABILITIES,
        }
    }

    /// The names of its credentials.
    pub(crate) const fn credential_names(self) -> &'static [&'static str] {
        match self {
            Self::Paypal => paypal::CREDENTIAL_NAMES,
            Self::Payu => payu::CREDENTIAL_NAMES,
            Self::Razorpay => razorpay::CREDENTIAL_NAMES,
            Self::Stripe => stripe::CREDENTIAL_NAMES,
            Self::Test => &[],
        }
    }

    /// Whether it can take this amount; the reason completes the sentence "The gateway …".
    pub(crate) fn accepts(self, money: Money) -> Result<(), &'static str> {
        match self {
            Self::Paypal => paypal::accepts(money),
            Self::Payu => payu::accepts(money),
            Self::Razorpay => razorpay::accepts(money),
            Self::Stripe => stripe::accepts(money),
            Self::Test => Ok(()),
        }
    }

    /// The payment that a message names, before anything of it is verified: it only finds the secret to verify it with.
    pub(crate) fn payment_named_in(self, body: &[u8]) -> Option<PaymentId> {
        match self {
            Self::Paypal => paypal::payment_named_in(body),
            Self::Payu => payu::payment_named_in(body),
            Self::Razorpay => razorpay::payment_named_in(body),
            Self::Stripe => stripe::payment_named_in(body),
            Self::Test => None,
        }
    }

    /// Reads credentials as clients give them, or as they were sealed.
    pub(crate) fn credentials(self, mode: Mode, json: serde_json::Value) -> Result<Credentials, CredentialError> {
        match self {
            Self::Paypal => paypal::credentials(json).map(Credentials::Paypal),
            Self::Payu => payu::credentials(json).map(Credentials::Payu),
            Self::Razorpay => razorpay::credentials(mode, json).map(Credentials::Razorpay),
            Self::Stripe => stripe::credentials(mode, json).map(Credentials::Stripe),
            Self::Test => Err(CredentialError { name: "gateway", problem: "`test` needs no account" }),
        }
    }
}

impl Mode {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl Credentials {
    /// What is sealed.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        match self {
            // Our own structs of texts: nothing in them that JSON cannot say.
            Self::Paypal(credentials) => serde_json::to_vec(credentials).unwrap_or_default(),
            Self::Payu(credentials) => serde_json::to_vec(credentials).unwrap_or_default(),
            Self::Razorpay(credentials) => serde_json::to_vec(credentials).unwrap_or_default(),
            Self::Stripe(credentials) => serde_json::to_vec(credentials).unwrap_or_default(),
            Self::Test => Vec::new(),
        }
    }

    /// The end of each, by its name.
    pub(crate) fn hints(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Paypal(credentials) => credentials.hints(),
            Self::Payu(credentials) => credentials.hints(),
            Self::Razorpay(credentials) => credentials.hints(),
            Self::Stripe(credentials) => credentials.hints(),
            Self::Test => Vec::new(),
        }
    }

    /// The secret that signs webhooks, where there is one of its own.
    pub(crate) fn webhook_secret(&self) -> Option<&str> {
        match self {
            // PayPal signs with a key of its own.
            Self::Paypal(_) => None,
            Self::Payu(credentials) => Some(credentials.salt.reveal()),
            Self::Razorpay(credentials) => Some(credentials.webhook_secret.reveal()),
            Self::Stripe(credentials) => Some(credentials.webhook_secret.reveal()),
            Self::Test => None,
        }
    }

    /// What to send next, or what came of it.
    pub(crate) fn step(&self, hosts: Hosts<'_>, order: &Order, ask: &Ask, replies: &[Reply]) -> Step {
        match self {
            Self::Paypal(credentials) => paypal::step(credentials, hosts.api, order, ask, replies),
            Self::Payu(credentials) => payu::step(credentials, hosts, order, ask, replies),
            Self::Razorpay(credentials) => razorpay::step(credentials, hosts.api, order, ask, replies),
            Self::Stripe(credentials) => stripe::step(credentials, hosts.api, order, ask, replies),
            Self::Test => test::step(order, ask),
        }
    }

    /// The request for a page of what was taken in a window, the first page if none is named; none where the gateway lists nothing.
    pub(crate) fn list_request(&self, hosts: Hosts<'_>, window: Window, page: Option<&str>) -> Option<Request<Bytes>> {
        match self {
            Self::Razorpay(credentials) => razorpay::list_request(credentials, hosts.api, window, page),
            Self::Stripe(credentials) => stripe::list_request(credentials, hosts.api, window, page),
            Self::Paypal(_) | Self::Payu(_) | Self::Test => None,
        }
    }

    /// Reads the answer to it; what is no such page is what came of asking.
    pub(crate) fn read_list(&self, page: Option<&str>, reply: &Reply) -> Result<ListPage, Outcome> {
        match self {
            Self::Razorpay(_) => razorpay::read_list(page, reply),
            Self::Stripe(_) => stripe::read_list(reply),
            Self::Paypal(_) | Self::Payu(_) | Self::Test => Err(Outcome::Unknown),
        }
    }

    /// Whether a webhook is the gateway's, and what it is about. `secrets`: the present one, and perhaps the one before.
    pub(crate) fn read_webhook(
        &self,
        mode: Mode,
        secrets: &[&str],
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Webhook, WebhookRefusal> {
        match self {
            Self::Paypal(_) => paypal::read_webhook(mode, headers, body),
            Self::Payu(credentials) => payu::read_webhook(credentials, secrets, headers, body),
            Self::Razorpay(_) => razorpay::read_webhook(secrets, headers, body),
            Self::Stripe(_) => stripe::read_webhook(mode, secrets, headers, body, now),
            Self::Test => Err(WebhookRefusal::NotSigned),
        }
    }

    /// The next step to know whether a message that reads well is the gateway's own: for those whose signature says it, none.
    pub(crate) fn verify_step(&self, hosts: Hosts<'_>, postback: &Postback<'_>, replies: &[Reply]) -> VerifyStep {
        match self {
            Self::Paypal(credentials) => paypal::verify_step(credentials, hosts.api, postback, replies),
            Self::Payu(_) | Self::Razorpay(_) | Self::Stripe(_) | Self::Test => VerifyStep::Genuine,
        }
    }

    /// The token that a gateway lent in these replies, if it lends any.
    pub(crate) fn minted(&self, replies: &[Reply]) -> Option<Minted> {
        match self {
            Self::Paypal(_) => paypal::minted(replies),
            Self::Payu(_) | Self::Razorpay(_) | Self::Stripe(_) | Self::Test => None,
        }
    }

    /// Uses a token that was kept.
    pub(crate) fn use_token(&mut self, token: String) {
        match self {
            Self::Paypal(credentials) => credentials.access_token = Some(Secret(token)),
            Self::Payu(_) | Self::Razorpay(_) | Self::Stripe(_) | Self::Test => {}
        }
    }

    /// What a returning payer's parameters tell of the payment's names, checked where they can be.
    pub(crate) fn returned(&self, order: &Order, parameters: &[(String, String)]) -> Option<Refs> {
        match self {
            Self::Paypal(_) => None,
            Self::Payu(credentials) => payu::returned(credentials, order, parameters),
            Self::Razorpay(credentials) => razorpay::returned(credentials, order, parameters),
            Self::Stripe(_) => None,
            Self::Test => test::returned(order, parameters),
        }
    }
}

/// Reads a gateway's JSON; what does not fit is nothing that we know.
fn read_json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// A request with JSON in its body, or none.
fn json_request(
    method: &str,
    address: &str,
    authorization: &str,
    body: Option<&serde_json::Value>,
) -> Option<Request<Bytes>> {
    let mut value = http::HeaderValue::from_str(authorization).ok()?;
    value.set_sensitive(true);
    let request = Request::builder().method(method).uri(address).header(http::header::AUTHORIZATION, value);
    match body {
        Some(body) => {
            request.header(http::header::CONTENT_TYPE, "application/json").body(Bytes::from(body.to_string())).ok()
        }
        None => request.body(Bytes::new()).ok(),
    }
}

/// Reads lower-case hexadecimal.
fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// A name of a gateway's that may stand in a path: what else it is would lead elsewhere.
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A request with a form in its body.
fn form_request(method: &str, address: &str, authorization: &str, form: &[(String, String)]) -> Option<Request<Bytes>> {
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut value = http::HeaderValue::from_str(authorization).ok()?;
    value.set_sensitive(true);
    Request::builder()
        .method(method)
        .uri(address)
        .header(http::header::AUTHORIZATION, value)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for gateway in Gateway::ALL {
            assert_eq!(Gateway::named(gateway.as_str()), Some(gateway));
            assert_eq!(serde_json::to_value(gateway).unwrap(), gateway.as_str());
        }
        assert_eq!(Gateway::named("Stripe"), None);
    }

    #[test]
    fn secrets_show_their_end_alone() {
        let secret = Secret("sk_test_planted_1234".to_owned());
        assert_eq!((secret.hint().as_str(), format!("{secret:?}").as_str()), ("1234", "Secret(..)"));
        assert_eq!(Secret("short".to_owned()).hint(), "");
    }

    #[test]
    fn a_gateways_code_stays_a_word() {
        let failure = Failure::new(FailureCode::Declined, Some(&format!("a\nb{}", "x".repeat(500))));
        assert_eq!(failure.gateway_code.unwrap().len(), 100);
    }
}
