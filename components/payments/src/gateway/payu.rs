//! PayU India: the payer's browser posts a signed form, and a command interface says what became of it.
//!
//! - Creating is a computation, no request: a form with a hash (docs.payu.in, "PayU Hosted Checkout", "Generate hash").
//! - Commands are forms to `/merchant/postservice.php?form=2`, answers JSON. Their hash covers the command and its first
//!   argument alone; the rest is TLS's to protect.
//! - Amounts: rupees as a decimal text with two places.
//! - Idempotency: `txnid` for a payment (25 characters, ours is the payment's id in base62), a token for each capture and refund
//!   (23 characters, ours is the attempt's or the refund's id). A capture or refund is only queued by its answer; what became of
//!   it is looked up by its token.
//! - Webhooks about payments are signed like the form's answer: SHA-512 over the fields in reverse order, with the salt. Those about
//!   refunds are not signed at all. So neither is applied: both are reasons to look.
//! - The separator of what is hashed is not escaped: no field of ours ever holds a `|`.
//!
//! Long because it is all of one gateway: calls, answers, webhooks and their tests side by side.

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use ids::{PaymentId, RefundId};
use money::{Currency, Form, Money, read_decimal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use super::{
    Ask, Capabilities, CaptureMethod, CredentialError, Failure, FailureCode, Flow, Hosts, NextAction, Order, Outcome,
    Refs, RefundReport, Reply, Report, Secret, Step, Verb, Webhook, WebhookRefusal, read_json,
};
use crate::domain::{payment::Phase, refund};

const COMMANDS: &str = "/merchant/postservice.php?form=2";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(super) const CAPABILITIES: Capabilities = Capabilities {
    flows: &[Flow::Redirect],
    manual_capture: &[Flow::Redirect],
    partial_capture: false,
    cancel_authorized: true,
    cancel_unpaid: true,
    partial_refund: true,
    lists_payments: false,
    needs_account: true,
    customer: &["name", "email", "phone"],
};

pub(super) const CREDENTIAL_NAMES: &[&str] = &["merchant_key", "salt"];

/// What a tenant is to PayU. The key is no secret: it stands in the payer's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    merchant_key: String,
    pub(super) salt: Secret,
}

impl Credentials {
    pub(super) fn hints(&self) -> Vec<(&'static str, String)> {
        let shown = self.merchant_key.chars().skip(self.merchant_key.chars().count().saturating_sub(4)).collect();
        vec![("merchant_key", shown), ("salt", self.salt.hint())]
    }
}

/// Reads credentials. Nothing in them says of which mode they are.
pub(super) fn credentials(json: Value) -> Result<Credentials, CredentialError> {
    let problem = "must have `merchant_key` and `salt`, texts";
    let credentials: Credentials =
        serde_json::from_value(json).map_err(|_| CredentialError { name: "credentials", problem })?;
    let key = &credentials.merchant_key;
    if !(4..=40).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(CredentialError { name: "merchant_key", problem: "must be 4 to 40 letters and digits" });
    }
    if !credentials.salt.is_plausible() || credentials.salt.reveal().contains('|') {
        return Err(CredentialError { name: "salt", problem: "must be 8 to 300 visible characters, without |" });
    }
    Ok(credentials)
}

pub(super) fn accepts(money: Money) -> Result<(), &'static str> {
    match (money.currency().as_str(), money.minor()) {
        ("INR", 100..) => Ok(()),
        ("INR", _) => Err("takes no amount as small as this in this currency"),
        _ => Err("takes rupees alone"),
    }
}

pub(super) fn step(credentials: &Credentials, hosts: Hosts<'_>, order: &Order, ask: &Ask, replies: &[Reply]) -> Step {
    let call = Call { credentials, origin: hosts.api };
    match ask.verb {
        Verb::Create => created(credentials, hosts.checkout, order),
        Verb::Capture { amount } => act(&call, order, ask, replies, "capture_transaction", amount),
        Verb::Cancel if order.standing.authorized > 0 => {
            act(&call, order, ask, replies, "cancel_refund_transaction", order.standing.authorized)
        }
        // The form is only not shown any more.
        Verb::Cancel => Report { phase: Some(Phase::Canceled), ..Report::of(order) }.done(),
        Verb::Refund { id, amount } => refund(&call, order, ask, replies, id, amount),
        Verb::Look => look(&call, order, replies, 0),
        Verb::Check => match call.read(replies, 0, "verify_payment", "check", &[]) {
            Err(step) => *step,
            // Whom it does not know it tells nothing of any transaction, not even that there is none.
            Ok(answer) if answer.transaction_details.is_some() => Report::of(order).done(),
            Ok(answer) => {
                Step::Done(Outcome::Refused(Failure::new(FailureCode::CredentialsRefused, answer.msg.as_deref())))
            }
        },
    }
}

/// The form that the payer's browser posts.
fn created(credentials: &Credentials, checkout: &str, order: &Order) -> Step {
    let Some(amount) = amount_text(order.money) else { return refused("amount") };
    let said = Said::of(order);
    let txnid = base62(order.id.uuid());
    let hash = sha512(&request_string(credentials, &txnid, &amount, &said, &order.id.to_string()));
    let mut fields = vec![
        pair("key", &credentials.merchant_key),
        pair("txnid", &txnid),
        pair("amount", &amount),
        pair("productinfo", &said.product),
        pair("firstname", &said.name),
        pair("email", &said.email),
        pair("phone", &said.phone),
        pair("udf1", order.id),
        pair("surl", &order.return_address),
        pair("furl", &order.return_address),
        pair("hash", hash),
    ];
    if order.capture_method == CaptureMethod::Manual {
        fields.push(pair("pre_authorize", 1));
    }
    Report {
        phase: Some(Phase::RequiresAction),
        refs: Refs { order: Some(txnid), ..Refs::default() },
        next_action: Some(NextAction::FormPost { url: format!("{checkout}/_payment"), fields }),
        ..Report::of(order)
    }
    .done()
}

/// What PayU is told of the payer and the payment: only characters that it keeps as they are, because a changed one would make
/// the hash of its answer another.
struct Said {
    product: String,
    name: String,
    email: String,
    phone: String,
}

impl Said {
    fn of(order: &Order) -> Self {
        let plain = |text: &str, otherwise: &str| {
            let kept: String =
                text.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_ ".contains(c) { c } else { ' ' }).collect();
            let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
            if kept.is_empty() { otherwise.to_owned() } else { kept }
        };
        let customer = &order.customer;
        Self {
            product: plain(order.description.as_deref().unwrap_or_default(), "Payment"),
            name: plain(customer.name.as_deref().unwrap_or_default(), "Customer"),
            email: customer.email.clone().unwrap_or_default().replace('|', ""),
            phone: customer.phone.clone().unwrap_or_default(),
        }
    }
}

/// `key|txnid|amount|productinfo|firstname|email|udf1|…|udf5||||||SALT`, with the first of the five fields of our own in use.
fn request_string(credentials: &Credentials, txnid: &str, amount: &str, said: &Said, udf1: &str) -> String {
    let Said { product, name, email, .. } = said;
    let (key, salt) = (&credentials.merchant_key, credentials.salt.reveal());
    format!("{key}|{txnid}|{amount}|{product}|{name}|{email}|{udf1}||||||||||{salt}")
}

/// Captures or lets go, all of what is held. Its answer only says that it is queued; a later try looks first.
fn act(call: &Call<'_>, order: &Order, ask: &Ask, replies: &[Reply], command: &str, amount: i64) -> Step {
    let Some(payment) = &order.refs.payment else { return Step::Done(Outcome::NotFound) };
    let Some(amount) = Money::new(amount, order.money.currency()).and_then(amount_text) else {
        return refused("amount");
    };
    let token = base62(ask.key);
    let mut next = 0;
    if ask.age.is_some() {
        match actions(call, replies, 0, payment) {
            Err(step) => return *step,
            // It was heard: how far it is, the look says.
            Ok(actions) if actions.iter().any(|action| action.token == token) => return look(call, order, replies, 1),
            Ok(_) => next = 1,
        }
    }
    match call.read(replies, next, command, payment, &[&token, &amount]) {
        Err(step) => *step,
        Ok(answer) if answer.is_good() => look(call, order, replies, next + 1),
        Ok(answer) => Step::Done(Outcome::Refused(answer.failure())),
    }
}

/// Asks for a refund under its own name, after a look for it: PayU refuses a token that it has seen.
fn refund(call: &Call<'_>, order: &Order, ask: &Ask, replies: &[Reply], id: RefundId, amount: i64) -> Step {
    let Some(payment) = &order.refs.payment else { return Step::Done(Outcome::NotFound) };
    let Some(text) = Money::new(amount, order.money.currency()).and_then(amount_text) else { return refused("amount") };
    let token = base62(id.uuid());
    let found = |actions: &[Action]| {
        let action = actions.iter().find(|action| action.token == token)?.refund(order)?;
        Some(Report { refunds: vec![action], ..Report::of(order) }.done())
    };
    let mut next = 0;
    if ask.age.is_some() {
        match actions(call, replies, 0, payment) {
            Err(step) => return *step,
            Ok(actions) => match found(&actions) {
                Some(step) => return step,
                None => next = 1,
            },
        }
    }
    match call.read(replies, next, "cancel_refund_transaction", payment, &[&token, &text]) {
        Err(step) => *step,
        Ok(answer) if answer.is_good() => {
            let gateway_ref = answer.request_id.as_ref().or(answer.txn_update_id.as_ref()).map(text_of);
            let Some(gateway_ref) = gateway_ref.filter(|name| !name.is_empty()) else {
                return Step::Done(Outcome::Unknown);
            };
            let refund =
                RefundReport { id: Some(id), gateway_ref, amount, state: refund::State::Pending, failure: None };
            Report { refunds: vec![refund], ..Report::of(order) }.done()
        }
        // It may have been asked for before.
        Ok(answer) => match actions(call, replies, next + 1, payment) {
            Err(step) => *step,
            Ok(actions) => found(&actions).unwrap_or(Step::Done(Outcome::Refused(answer.failure()))),
        },
    }
}

/// How the payment is, and what was done with it. `first`: which reply is the first of the look.
fn look(call: &Call<'_>, order: &Order, replies: &[Reply], first: usize) -> Step {
    let Some(txnid) = &order.refs.order else { return Step::Done(Outcome::NotFound) };
    let answer = match call.read(replies, first, "verify_payment", txnid, &[]) {
        Err(step) => return *step,
        Ok(answer) => answer,
    };
    let details = answer.transaction_details.as_ref().map(|details| &details[txnid.as_str()]);
    let Some(wire) = details.and_then(|details| serde_json::from_value::<Transaction>(details.clone()).ok()) else {
        return Step::Done(Outcome::Unknown);
    };
    let mut report = wire.report(order);
    let Some(payment) = report.refs.payment.clone() else { return report.done() };
    if report.authorized == 0 {
        return report.done();
    }
    match actions(call, replies, first + 1, &payment) {
        Err(step) => *step,
        Ok(actions) => {
            let is_let_go =
                actions.iter().any(|action| action.kind == "cancel" && action.state() == refund::State::Succeeded);
            if is_let_go && report.captured == 0 {
                (report.authorized, report.phase) = (0, Some(Phase::Canceled));
            }
            report.refunds = actions.iter().filter_map(|action| action.refund(order)).collect();
            report.done()
        }
    }
}

/// Everything that was done with a payment, by the tokens of whoever asked for it.
fn actions(call: &Call<'_>, replies: &[Reply], index: usize, payment: &str) -> Result<Vec<Action>, Box<Step>> {
    let answer = call.read(replies, index, "check_action_status", payment, &["payuid"])?;
    // Where nothing was done a sentence stands in the place of the object.
    let of_payment = answer.transaction_details.as_ref().map(|details| &details[payment]).and_then(Value::as_object);
    Ok(of_payment.into_iter().flatten().filter_map(|(name, wire)| Action::read(name, wire)).collect())
}

/// Something that was done with a payment.
struct Action {
    request_id: String,
    kind: String,
    token: String,
    amount: String,
    status: String,
}

impl Action {
    fn read(name: &str, wire: &Value) -> Option<Self> {
        Some(Self {
            request_id: name.to_owned(),
            kind: wire["action"].as_str()?.to_ascii_lowercase(),
            token: text_of(&wire["token"]),
            amount: text_of(&wire["amt"]),
            // Its letters are now large, now small.
            status: wire["status"].as_str()?.to_ascii_lowercase(),
        })
    }

    fn state(&self) -> refund::State {
        match self.status.as_str() {
            "success" => refund::State::Succeeded,
            "failure" | "failed" => refund::State::Failed,
            _ => refund::State::Pending,
        }
    }

    fn refund(&self, order: &Order) -> Option<RefundReport> {
        let amount = read_decimal(&self.amount, order.money.currency())?.minor();
        let state = self.state();
        let failure = (state == refund::State::Failed).then(|| Failure::new(FailureCode::Refused, Some(&self.status)));
        let id = from_base62(&self.token).map(RefundId::from);
        // One that was made in PayU's own pages has a token of theirs.
        let id = id.filter(|id| order.refunds.iter().any(|known| known.id == *id));
        (self.kind == "refund").then(|| RefundReport {
            id,
            gateway_ref: self.request_id.clone(),
            amount,
            state,
            failure,
        })
    }
}

#[derive(Deserialize)]
struct Transaction {
    mihpayid: Option<Value>,
    status: Option<String>,
    unmappedstatus: Option<String>,
    amt: Option<Value>,
    transaction_amount: Option<Value>,
    error_code: Option<String>,
}

impl Transaction {
    fn report(&self, order: &Order) -> Report {
        let currency = order.money.currency();
        let decimal =
            |value: &Option<Value>| value.as_ref().map(text_of).and_then(|text| read_decimal(&text, currency));
        let amount = decimal(&self.amt).or_else(|| decimal(&self.transaction_amount)).map(Money::minor);
        let whole = amount.unwrap_or(order.money.minor());
        let (authorized, captured, phase) = match self.unmappedstatus.as_deref().map(str::to_ascii_lowercase).as_deref()
        {
            Some("initiated" | "in progress" | "pending") => (0, 0, Some(Phase::Processing)),
            Some("auth") => (whole, 0, None),
            Some("captured") => (whole, whole, None),
            Some("usercancelled") => (0, 0, Some(Phase::Canceled)),
            Some("bounced" | "dropped" | "failed" | "autorefund") => (0, 0, Some(Phase::Failed)),
            Some(_) => (0, 0, None),
            // The payer has not come to PayU's page.
            None if self.status.as_deref() == Some("Not Found") => (0, 0, Some(Phase::RequiresAction)),
            None => (0, 0, None),
        };
        let payment = self.mihpayid.as_ref().map(text_of).filter(|name| is_number(name));
        let failure =
            (phase == Some(Phase::Failed)).then(|| Failure::new(FailureCode::Declined, self.error_code.as_deref()));
        Report {
            amount,
            authorized,
            captured,
            phase,
            refs: Refs { payment, ..Refs::default() },
            failure,
            ..Report::of(order)
        }
    }
}

/// One account's commands.
struct Call<'a> {
    credentials: &'a Credentials,
    origin: &'a str,
}

impl Call<'_> {
    /// The answer to command number `index`, or the request.
    fn read(
        &self,
        replies: &[Reply],
        index: usize,
        command: &str,
        var1: &str,
        vars: &[&str],
    ) -> Result<Answer, Box<Step>> {
        match replies.get(index) {
            Some(reply) => read(reply).map_err(|outcome| Box::new(Step::Done(outcome))),
            None => {
                let request = self.request(command, var1, vars);
                Err(Box::new(request.map_or_else(|| refused("request"), |request| Step::Send(Box::new(request)))))
            }
        }
    }

    fn request(&self, command: &str, var1: &str, vars: &[&str]) -> Option<Request<Bytes>> {
        let (key, salt) = (&self.credentials.merchant_key, self.credentials.salt.reveal());
        let hash = sha512(&format!("{key}|{command}|{var1}|{salt}"));
        let mut form = vec![pair("key", key), pair("command", command), pair("var1", var1), pair("hash", hash)];
        form.extend(vars.iter().zip(2..).map(|(value, number)| (format!("var{number}"), (*value).to_owned())));
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        Request::post(format!("{}{COMMANDS}", self.origin))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .ok()
    }
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Value>,
    msg: Option<String>,
    error_code: Option<Value>,
    request_id: Option<Value>,
    txn_update_id: Option<Value>,
    transaction_details: Option<Value>,
}

impl Answer {
    fn is_good(&self) -> bool {
        self.status.as_ref().is_some_and(|status| text_of(status) == "1")
    }

    fn failure(&self) -> Failure {
        let code = self.error_code.as_ref().map(text_of).or(self.msg.clone());
        Failure::new(FailureCode::Refused, code.as_deref())
    }
}

/// Reads an answer. Total: every reply, and none, is something.
fn read(reply: &Reply) -> Result<Answer, Outcome> {
    let (status, body) = match reply {
        Reply::NotSent => return Err(Outcome::NotSent(Failure::new(FailureCode::Unreachable, None))),
        Reply::Lost => return Err(Outcome::Unknown),
        Reply::Body { status, body } => (*status, body),
    };
    let throttled = || Outcome::NotSent(Failure::new(FailureCode::Throttled, None));
    match status {
        200..=299 => {
            let answer: Answer = read_json(body).ok_or(Outcome::Unknown)?;
            let is_throttled =
                answer.msg.as_deref().is_some_and(|msg| msg.to_ascii_lowercase().contains("too many requests"));
            if is_throttled { Err(throttled()) } else { Ok(answer) }
        }
        401 | 403 => Err(Outcome::Refused(Failure::new(FailureCode::CredentialsRefused, None))),
        429 => Err(throttled()),
        400..=499 => Err(Outcome::Refused(Failure::new(FailureCode::Refused, None))),
        _ => Err(Outcome::Unknown),
    }
}

/// Verifies what a message says of itself where it is signed. One about a refund is not, and is only believed to be a reason to
/// look if it names our key.
pub(super) fn read_webhook(
    credentials: &Credentials,
    salts: &[&str],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Webhook, WebhookRefusal> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fields = fields_of(media_type, body).ok_or(WebhookRefusal::Unreadable)?;
    let value = |name: &str| value_of(&fields, name);
    if value("key") != credentials.merchant_key {
        return Err(WebhookRefusal::NotSigned);
    }
    let about_action = matches!(value("action").to_ascii_lowercase().as_str(), "refund" | "cancel" | "capture");
    if !about_action && !salts.iter().any(|salt| is_signed(&credentials.merchant_key, salt, &fields)) {
        return Err(WebhookRefusal::NotSigned);
    }
    let refs = ["txnid", "merchantTxnId", "mihpayid"].map(value).into_iter().filter(|name| !name.is_empty());
    let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    let event_type =
        if about_action { format!("{}.{}", value("action"), value("status")) } else { value("status").to_owned() };
    Ok(Webhook {
        dedupe_key: format!("{digest}:{}", value("mihpayid")).chars().take(200).collect(),
        event_type: event_type.chars().take(100).collect(),
        payment: payment_in(&fields),
        refs: refs.map(str::to_owned).collect(),
    })
}

/// The payment that a message names, unverified.
pub(super) fn payment_named_in(body: &[u8]) -> Option<PaymentId> {
    let media_type = if body.first() == Some(&b'{') { "application/json" } else { "" };
    payment_in(&fields_of(media_type, body)?)
}

fn payment_in(fields: &[(String, String)]) -> Option<PaymentId> {
    let txnid =
        [value_of(fields, "txnid"), value_of(fields, "merchantTxnId")].into_iter().find(|name| !name.is_empty())?;
    from_base62(txnid).map(PaymentId::from)
}

/// The payment's name, from the form that PayU lets the payer's browser post, if it is signed and of our payment.
pub(super) fn returned(credentials: &Credentials, order: &Order, parameters: &[(String, String)]) -> Option<Refs> {
    let name = value_of(parameters, "mihpayid");
    let is_ours = order.refs.order.as_deref() == Some(value_of(parameters, "txnid"))
        && is_signed(&credentials.merchant_key, credentials.salt.reveal(), parameters);
    (is_ours && is_number(name)).then(|| Refs { payment: Some(name.to_owned()), ..Refs::default() })
}

/// `[additionalCharges|]SALT|status[|splitInfo]||||||udf5|udf4|udf3|udf2|udf1|email|firstname|productinfo|amount|txnid|key`
fn is_signed(key: &str, salt: &str, fields: &[(String, String)]) -> bool {
    use subtle::ConstantTimeEq;
    if salt.is_empty() || fields.iter().any(|(name, value)| HASHED.contains(&name.as_str()) && value.contains('|')) {
        return false;
    }
    let value = |name: &str| value_of(fields, name);
    let mut text = format!("{salt}|{}", value("status"));
    if !value("splitInfo").is_empty() {
        text = format!("{text}|{}", value("splitInfo"));
    }
    text.push_str("|||||");
    for name in ["udf5", "udf4", "udf3", "udf2", "udf1", "email", "firstname", "productinfo", "amount", "txnid"] {
        text.push('|');
        text.push_str(value(name));
    }
    let text = format!("{text}|{key}");
    // The field is spelt in two ways.
    let charges =
        [value("additionalCharges"), value("additional_charges")].into_iter().find(|charges| !charges.is_empty());
    let text = charges.map_or(text.clone(), |charges| format!("{charges}|{text}"));
    sha512(&text).as_bytes().ct_eq(value("hash").as_bytes()).into()
}

/// The separator is not escaped, so it may stand in none of these.
const HASHED: [&str; 13] = [
    "status",
    "udf1",
    "udf2",
    "udf3",
    "udf4",
    "udf5",
    "email",
    "firstname",
    "productinfo",
    "amount",
    "txnid",
    "additionalCharges",
    "additional_charges",
];

fn fields_of(media_type: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    if media_type.starts_with("application/json") {
        let json: serde_json::Map<String, Value> = read_json(body)?;
        return Some(json.iter().map(|(name, value)| (name.clone(), text_of(value))).collect());
    }
    Some(form_urlencoded::parse(body).into_owned().take(200).collect())
}

fn value_of<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// A text, or a number as a text: PayU writes either.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn is_number(text: &str) -> bool {
    (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn amount_text(money: Money) -> Option<String> {
    let rupees: Currency = "INR".parse().ok()?;
    if money.currency() == rupees { Form::plain(2).text(money).ok() } else { None }
}

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn refused(code: &str) -> Step {
    Step::Done(Outcome::Refused(Failure::new(FailureCode::Refused, Some(code))))
}

fn sha512(text: &str) -> String {
    Sha512::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id in 22 letters and digits: PayU's names are short.
fn base62(id: Uuid) -> String {
    let mut rest = id.as_u128();
    let mut digits = [0; 22];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

fn from_base62(text: &str) -> Option<Uuid> {
    let value = text.bytes().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value.checked_mul(62)?.checked_add(digit as u128)
    })?;
    (text.len() == 22).then(|| Uuid::from_u128(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::gateway::fixture::{ask, later, order as any_order};

    const HOSTS: Hosts<'static> = Hosts { api: "https://info.payu.in", checkout: "https://secure.payu.in" };

    fn ours() -> Credentials {
        credentials(json!({ "merchant_key": "TestKey1", "salt": "TestSaltVector0001" })).unwrap()
    }

    fn order() -> Order {
        let mut order = any_order("INR", 49900);
        order.customer =
            serde_json::from_value(json!({ "name": "Asha", "email": "asha@example.com", "phone": "9000000000" }))
                .unwrap();
        order
    }

    fn replied(body: Value) -> Reply {
        Reply::Body { status: 200, body: Bytes::from(body.to_string()) }
    }

    /// The command as text: its name, and its arguments.
    fn sent(order: &Order, ask: &Ask, replies: &[Reply]) -> String {
        let Step::Send(request) = step(&ours(), HOSTS, order, ask, replies) else { panic!("a request is wanted") };
        assert_eq!(request.uri(), "https://info.payu.in/merchant/postservice.php?form=2");
        let form: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        let value = |name: &str| value_of(&form, name).to_owned();
        let hashed = format!("TestKey1|{}|{}|TestSaltVector0001", value("command"), value("var1"));
        assert_eq!(value("hash"), sha512(&hashed));
        ["command", "var1", "var2", "var3"].map(value).join(" ").trim_end().to_owned()
    }

    fn done(order: &Order, ask: &Ask, replies: &[Reply]) -> Outcome {
        match step(&ours(), HOSTS, order, ask, replies) {
            Step::Done(outcome) => outcome,
            Step::Send(request) => panic!("{:?} is one request too many", request.body()),
        }
    }

    fn reported(order: &Order, ask: &Ask, replies: &[Reply]) -> Report {
        match done(order, ask, replies) {
            Outcome::Reported(report) => *report,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_rupees_are_taken() {
        let accepts = |minor, code: &str| accepts(Money::new(minor, code.parse().unwrap()).unwrap());
        assert_eq!((accepts(49900, "INR"), accepts(1099, "USD")), (Ok(()), Err("takes rupees alone")));
        assert_eq!(amount_text(order().money).as_deref(), Some("499.00"));
        assert_eq!(amount_text(any_order("USD", 1099).money), None);
    }

    /// Vectors of PayU's own hashers where they have them, else of the documented formula.
    #[test]
    fn the_hash_of_a_form_is_the_documented_one() {
        let said = Said {
            product: "Pro plan".into(),
            name: "Asha".into(),
            email: "asha@example.com".into(),
            phone: String::new(),
        };
        let string = request_string(&ours(), "txn-0001", "499.00", &said, "");
        assert_eq!(string, "TestKey1|txn-0001|499.00|Pro plan|Asha|asha@example.com|||||||||||TestSaltVector0001");
        assert_eq!(
            sha512(&string),
            "6fc7217fe8dc574d14a932531bc9822bc0f973a65262f2d74e4e5635d377eb92d1de86b7e675e6f842545563e9f992691c322b6a37f3b9f30b4551c1b18c2120"
        );
        let string = request_string(&ours(), "txn-0001", "499.00", &said, "tenant-42");
        assert_eq!(string.matches('|').count(), 16);
        for (string, hash) in [
            (
                "TestKey1|verify_payment|txn-0001|TestSaltVector0001",
                "1be31a9903222a6270001e2755a2316bdc5796924757263cf4c8733a03b4f66a28ddef84451bd0204ca6f39e692e60f148a9e2a295886bf902d197da201ed9ad",
            ),
            (
                "TestKey1|cancel_refund_transaction|403993715521889530|TestSaltVector0001",
                "233846571507fdb3f56d407af3a786dbecb428f5eb83c91397dd77b88acf1f190c52dcf41c528e68037aa8710777d54eabe3d80c32d3d3b2c433d6b55772d44d",
            ),
            (
                "TestKey1|capture_transaction|403993715521889530|TestSaltVector0001",
                "7fb0f24721ae2a28f17a2db204ac73952951e812a207c749cb05f89d0e20ed1988e36d4f080649d1e71b0ea5d38c64fd1e189d42432526209b03db7de983202c",
            ),
            (
                "TestKey1|check_action_status|131278422|TestSaltVector0001",
                "ea79a986217566d49038ca4585741427785a25e918f27fba0e650dacbc6813c54a33846cb736c3d30ee7092a4e305222e3b747dac38e7da048e384eddd7adf2e",
            ),
        ] {
            assert_eq!(sha512(string), hash, "{string}");
        }
    }

    fn answered(changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields: Vec<(String, String)> = [
            ("key", "TestKey1"),
            ("txnid", "txn-0001"),
            ("amount", "499.00"),
            ("productinfo", "Pro plan"),
            ("firstname", "Asha"),
            ("email", "asha@example.com"),
            ("udf1", "tenant-42"),
            ("udf5", "inv-7"),
            ("status", "success"),
            ("mihpayid", "403993715521889530"),
        ]
        .map(|(name, value)| pair(name, value))
        .into();
        for (name, value) in changes {
            fields.retain(|(key, _)| key != name);
            fields.push(pair(name, value));
        }
        fields
    }

    #[test]
    fn the_hash_of_an_answer_is_the_documented_one() {
        const SUCCESS: &str = "c3c690b0b605e924ea02de9a7d46262fa39ed834406717fca043431124637a9f1805a41428fc9a8b340576739c8cd7cc26c5fb9546551e4ae6697f6ea9f462f1";
        let split = r#"{"child1":{"aggregatorSubTxnId":"s1"}}"#;
        let check = |changes: &[(&str, &str)]| is_signed("TestKey1", "TestSaltVector0001", &answered(changes));
        assert!(check(&[("hash", SUCCESS)]));
        assert!(check(&[
            ("status", "failure"),
            (
                "hash",
                "16c327e7cb7188ffaeb1b9534b2f75963c3cf1fe9e9b1cf62578df8f42721610bde6a5f18a1f35e6072c0d180b0b3edf486006909a136c7f733d070737d78cc3"
            )
        ]));
        let charged = "bba1003941b1eab18a1c605cacd697d1c2e770c419f47f105247172bc0c47bc1c5213b844f5ae4e1439013bab2730c9f1a1421a7a5690163551703bbe53811a1";
        assert!(check(&[("additionalCharges", "12.50"), ("hash", charged)]));
        assert!(check(&[("additional_charges", "12.50"), ("hash", charged)]));
        assert!(check(&[
            ("splitInfo", split),
            (
                "hash",
                "c6aed2f16e01482d1d64388667cc214d13338439dea467417fda19d53fccc1e5a7b401177d1768723ecd6cc1f1aff137ad65b6f5e58f04403aacd8793d6d9e20"
            )
        ]));
        assert!(check(&[
            ("splitInfo", split),
            ("additionalCharges", "12.50"),
            (
                "hash",
                "4a6f32ed66caac3c591f02f7db6317057d79448d4045be115acff2849b1eb72c670007e60db9711369b8cb958de0431553ba5bd55aabea9d5c566f29f97dfcdc"
            )
        ]));

        for wrong in [
            &[("hash", SUCCESS), ("status", "failure")][..],
            &[("hash", SUCCESS), ("amount", "499.0")],
            &[("hash", SUCCESS), ("udf5", "")],
            &[("hash", SUCCESS), ("productinfo", "Pro plan|"), ("firstname", "Asha")],
            &[("hash", &SUCCESS.to_ascii_uppercase())],
            &[],
        ] {
            assert!(!check(wrong), "{wrong:?}");
        }
        assert!(!is_signed("TestKey1", "", &answered(&[("hash", SUCCESS)])));
        assert!(!is_signed("TestKey1", "AnotherSalt", &answered(&[("hash", SUCCESS)])));
    }

    #[test]
    fn a_form_is_made_without_asking_anybody() {
        let mut order = order();
        order.description = Some("Pro | plan <b>".to_owned());
        order.capture_method = CaptureMethod::Manual;
        let report = reported(&order, &ask(Verb::Create), &[]);
        let Some(NextAction::FormPost { url, fields }) = report.next_action else { panic!("a form") };
        assert_eq!(url, "https://secure.payu.in/_payment");
        let value = |name: &str| value_of(&fields, name);
        assert_eq!((value("amount"), value("productinfo"), value("pre_authorize")), ("499.00", "Pro plan b", "1"));
        assert_eq!((value("txnid").len(), report.refs.order.as_deref()), (22, Some(value("txnid"))));
        let wanted = format!(
            "TestKey1|{}|499.00|Pro plan b|Asha|asha@example.com|{}||||||||||TestSaltVector0001",
            value("txnid"),
            order.id
        );
        assert_eq!(value("hash"), sha512(&wanted));
        assert_eq!(
            fields,
            match reported(&order, &later(Verb::Create), &[]).next_action {
                Some(NextAction::FormPost { fields, .. }) => fields,
                other => panic!("{other:?}"),
            },
            "the same form whenever it is made"
        );
    }

    fn verified(txnid: &str, status: Value) -> Reply {
        let mut details = json!({ "mihpayid": "4039", "amt": "499.00", "status": "success" });
        details.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        replied(json!({ "status": 1, "transaction_details": { txnid: details } }))
    }

    fn with_payment() -> (Order, String) {
        let mut order = order();
        let txnid = base62(order.id.uuid());
        order.refs = Refs { order: Some(txnid.clone()), payment: Some("4039".to_owned()), capture: None };
        (order, txnid)
    }

    #[test]
    fn every_status_is_something() {
        let (order, txnid) = with_payment();
        assert_eq!(sent(&order, &ask(Verb::Look), &[]), format!("verify_payment {txnid}"));
        let nothing = replied(
            json!({ "status": 0, "msg": "No action status found", "transaction_details": "No action status found" }),
        );
        for (status, wanted) in [
            ("initiated", (0, 0, Some(Phase::Processing))),
            ("in progress", (0, 0, Some(Phase::Processing))),
            ("pending", (0, 0, Some(Phase::Processing))),
            ("auth", (49900, 0, None)),
            ("captured", (49900, 49900, None)),
            ("userCancelled", (0, 0, Some(Phase::Canceled))),
            ("bounced", (0, 0, Some(Phase::Failed))),
            ("dropped", (0, 0, Some(Phase::Failed))),
            ("failed", (0, 0, Some(Phase::Failed))),
            ("autoRefund", (0, 0, Some(Phase::Failed))),
            ("a new word", (0, 0, None)),
        ] {
            let replies = [verified(&txnid, json!({ "unmappedstatus": status })), nothing.clone()];
            let report = reported(&order, &ask(Verb::Look), &replies);
            assert_eq!((report.authorized, report.captured, report.phase), wanted, "{status}");
        }
        let unseen = replied(
            json!({ "status": 0, "transaction_details": { (&txnid): { "mihpayid": "Not Found", "status": "Not Found" } } }),
        );
        let report = reported(&order, &ask(Verb::Look), &[unseen]);
        assert_eq!((report.phase, report.refs.payment), (Some(Phase::RequiresAction), None));
        let other = verified(&txnid, json!({ "unmappedstatus": "captured", "amt": "1.00" }));
        assert_eq!(reported(&order, &ask(Verb::Look), &[other, nothing]).amount, Some(100), "another amount is seen");
    }

    #[test]
    fn each_answer_is_something() {
        let (order, _) = with_payment();
        let outcome = |reply| done(&order, &ask(Verb::Look), &[reply]);
        assert_eq!(outcome(Reply::Lost), Outcome::Unknown);
        assert_eq!(outcome(replied(json!({ "status": 0 }))), Outcome::Unknown);
        assert_eq!(
            outcome(replied(json!({ "msg": "Too many Requests" }))),
            Outcome::NotSent(Failure::new(FailureCode::Throttled, None))
        );
        let garbled = Reply::Body { status: 200, body: Bytes::from_static(b"<html>") };
        assert_eq!(outcome(garbled), Outcome::Unknown);
        for status in [500, 502, 503] {
            assert_eq!(outcome(Reply::Body { status, body: Bytes::new() }), Outcome::Unknown);
        }
    }

    fn acted(actions: Value) -> Reply {
        replied(json!({ "status": 1, "transaction_details": { "4039": actions } }))
    }

    #[test]
    fn a_capture_is_queued_and_looked_at() {
        let (order, txnid) = with_payment();
        let capture = ask(Verb::Capture { amount: 49900 });
        let token = base62(capture.key);
        assert_eq!(sent(&order, &capture, &[]), format!("capture_transaction 4039 {token} 499.00"));
        let queued = replied(json!({ "status": 1, "msg": "Capture Request Queued", "request_id": "7" }));
        assert_eq!(sent(&order, &capture, std::slice::from_ref(&queued)), format!("verify_payment {txnid}"));
        let still = verified(&txnid, json!({ "unmappedstatus": "auth" }));
        let actions =
            acted(json!({ "7": { "action": "capture", "token": token, "amt": "499.00", "status": "queued" } }));
        let report = reported(&order, &capture, &[queued, still, actions.clone()]);
        assert_eq!((report.authorized, report.captured), (49900, 0));
        // Asked again it is found by its token, and not asked for twice.
        let again = later(Verb::Capture { amount: 49900 });
        assert_eq!(sent(&order, &again, &[]), "check_action_status 4039 payuid");
        assert_eq!(sent(&order, &again, &[actions]), format!("verify_payment {txnid}"));
        assert!(sent(&order, &again, &[acted(json!({}))]).starts_with("capture_transaction"));
        let refusal = replied(json!({ "status": 0, "error_code": "E1" }));
        assert_eq!(
            done(&order, &capture, &[refusal]),
            Outcome::Refused(Failure::new(FailureCode::Refused, Some("E1")))
        );
    }

    #[test]
    fn a_refund_is_queued_found_by_its_token_and_never_done_by_its_answer() {
        let (mut order, _) = with_payment();
        let id = RefundId::new();
        order.refunds =
            vec![crate::gateway::KnownRefund { id, gateway_ref: None, amount: 100, state: refund::State::Pending }];
        let verb = Verb::Refund { id, amount: 100 };
        let token = base62(id.uuid());
        assert_eq!(sent(&order, &ask(verb), &[]), format!("cancel_refund_transaction 4039 {token} 1.00"));
        let queued = replied(json!({ "status": 1, "request_id": 8, "error_code": 102 }));
        let report = reported(&order, &ask(verb), &[queued]);
        assert_eq!((report.refunds[0].state, report.refunds[0].gateway_ref.as_str()), (refund::State::Pending, "8"));
        let actions = |status: &str| {
            acted(json!({ "8": { "action": "refund", "token": token, "amt": "1.00", "status": status } }))
        };
        for (status, state) in [
            ("queued", refund::State::Pending),
            ("od_hit", refund::State::Pending),
            ("SUCCESS", refund::State::Succeeded),
            ("success", refund::State::Succeeded),
            ("failure", refund::State::Failed),
        ] {
            let report = reported(&order, &later(verb), &[actions(status)]);
            assert_eq!((report.refunds[0].id, report.refunds[0].state), (Some(id), state), "{status}");
        }
        let refusal = replied(json!({ "status": 0, "error_code": "105" }));
        assert_eq!(sent(&order, &ask(verb), std::slice::from_ref(&refusal)), "check_action_status 4039 payuid");
        let nothing = replied(json!({ "status": 0, "transaction_details": "No action status found" }));
        let failure = Failure::new(FailureCode::Refused, Some("105"));
        assert_eq!(done(&order, &ask(verb), &[refusal.clone(), nothing]), Outcome::Refused(failure));
        assert_eq!(reported(&order, &ask(verb), &[refusal, actions("queued")]).refunds.len(), 1);
    }

    #[test]
    fn what_is_held_is_let_go_when_payu_says_so() {
        let (mut order, txnid) = with_payment();
        assert_eq!(reported(&order, &ask(Verb::Cancel), &[]).phase, Some(Phase::Canceled), "nobody has paid");
        order.standing.authorized = 49900;
        let token = base62(ask(Verb::Cancel).key);
        assert_eq!(sent(&order, &ask(Verb::Cancel), &[]), format!("cancel_refund_transaction 4039 {token} 499.00"));
        let still = verified(&txnid, json!({ "unmappedstatus": "auth" }));
        let gone = acted(json!({ "9": { "action": "cancel", "token": token, "amt": "499.00", "status": "SUCCESS" } }));
        let report = reported(&order, &ask(Verb::Look), &[still, gone]);
        assert_eq!((report.authorized, report.phase), (0, Some(Phase::Canceled)));
    }

    #[test]
    fn messages_are_signed_or_name_our_key() {
        let hash = "c3c690b0b605e924ea02de9a7d46262fa39ed834406717fca043431124637a9f1805a41428fc9a8b340576739c8cd7cc26c5fb9546551e4ae6697f6ea9f462f1";
        let form = |changes: &[(&str, &str)]| -> String {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(answered(changes)).finish()
        };
        let read = |media_type: &str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", media_type.parse().unwrap());
            read_webhook(&ours(), &["OldSalt01", "TestSaltVector0001"], &headers, body.as_bytes())
        };
        let webhook = read("application/x-www-form-urlencoded", &form(&[("hash", hash)])).unwrap();
        assert_eq!(
            (webhook.event_type.as_str(), webhook.refs),
            ("success", vec!["txn-0001".to_owned(), "403993715521889530".to_owned()])
        );
        let json: serde_json::Map<String, Value> =
            answered(&[("hash", hash)]).into_iter().map(|(name, value)| (name, value.into())).collect();
        assert!(read("application/json", &Value::Object(json).to_string()).is_ok());
        assert_eq!(read("application/x-www-form-urlencoded", &form(&[])), Err(WebhookRefusal::NotSigned));
        assert_eq!(
            read("application/x-www-form-urlencoded", &form(&[("hash", hash), ("key", "another")])),
            Err(WebhookRefusal::NotSigned)
        );
        assert_eq!(read("application/json", "no"), Err(WebhookRefusal::Unreadable));
        let about_refund = json!({ "key": "TestKey1", "merchantTxnId": "txn-0001", "mihpayid": 4039, "action": "refund", "status": "success" });
        assert_eq!(read("application/json", &about_refund.to_string()).unwrap().event_type, "refund.success");
    }

    proptest! {
        #[test]
        fn an_id_reads_back(bits: u128) {
            let id = Uuid::from_u128(bits);
            prop_assert_eq!(base62(id).len(), 22);
            prop_assert_eq!(from_base62(&base62(id)), Some(id));
        }

        #[test]
        fn any_message_is_read_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_webhook(&ours(), &["TestSaltVector0001"], &HeaderMap::new(), &body);
            let _ = payment_named_in(&body);
        }
    }
}
