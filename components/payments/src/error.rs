//! Every way payments says no.
//!
//! What must stay true: each variant is one kind of problem with a code of its own, listed in `docs/errors.md`; another
//! tenant's payment is no payment; what a gateway said is told by its code alone.

use api::{FieldError, Problem};
use axum::response::{IntoResponse, Response};
use db::DbError;
use http::StatusCode;

use crate::{
    domain::payment::{Refusal, State},
    gateway::{CredentialError, Failure, Gateway},
};

/// A refusal of payments; what all components share is a [`Problem`] already.
#[derive(Debug)]
pub(crate) enum PaymentError {
    /// The tenant has no such payment.
    PaymentNotFound,
    /// There is no such gateway.
    GatewayNotFound,
    /// The tenant has no account with the gateway, in this mode.
    GatewayAccountNotFound,
    /// A payment needs an account that the tenant does not have.
    GatewayAccountMissing { gateway: Gateway },
    /// Where money moves a key is needed.
    IdempotencyKeyRequired,
    /// The gateway cannot do it at all.
    NotSupported { gateway: Gateway, what: &'static str },
    /// The tenant's routing knows no gateway for the payment: those of the rule that is for it, each with its refusal's code.
    NoGatewayFits { tried: Vec<(Gateway, &'static str)> },
    /// The gateway cannot be asked what it took.
    NotListed { gateway: Gateway },
    /// More lies in the window than one report is made of.
    WindowTooWide,
    /// The gateway did not answer a question that changes nothing.
    GatewayUnanswered,
    /// The gateway cannot take the amount.
    AmountNotAccepted { gateway: Gateway, why: &'static str },
    /// The address is on none of the tenant's origins.
    ReturnUrlNotAllowed { field: &'static str },
    /// The payment's amounts do not allow it.
    Amounts(Refusal),
    /// The tenant does not let members return money.
    RefundsNotAllowed,
    /// The gateway would not, for a reason that has to do with the payer's means.
    GatewayDeclined(Failure),
    /// The gateway would not.
    GatewayRefused(Failure),
    /// Credentials that cannot be any.
    Credentials(CredentialError),
    /// A webhook that is not this account's gateway's, or too old.
    WebhookNotSigned,
    /// A webhook whose gateway could not be asked whether it is its own.
    WebhookNotVerified,
    /// A webhook that says nothing.
    WebhookUnreadable,
    /// A webhook of the other mode.
    WebhookOtherMode,
    /// The tenant's rules changed since the version that `If-Match` names.
    SettingsStale,
    /// What every component may answer.
    Shared(Problem),
}

/// The codes that only payments gives.
pub const CODES: [&str; 26] = [
    "payment_not_found",
    "gateway_not_found",
    "gateway_account_not_found",
    "gateway_account_missing",
    "idempotency_key_required",
    "operation_not_supported",
    "amount_not_accepted",
    "no_gateway_fits",
    "window_too_wide",
    "gateway_unanswered",
    "return_url_not_allowed",
    "payment_not_capturable",
    "amount_exceeds_capturable",
    "partial_capture_not_supported",
    "payment_not_cancelable",
    "payment_not_refundable",
    "amount_exceeds_refundable",
    "refunds_not_allowed",
    "gateway_declined",
    "gateway_refused",
    "invalid_credentials",
    "webhook_not_signed",
    "webhook_not_verified",
    "webhook_unreadable",
    "webhook_other_mode",
    "return_not_found",
];

impl From<DbError> for PaymentError {
    fn from(error: DbError) -> Self {
        Self::Shared(error.into())
    }
}

impl From<Problem> for PaymentError {
    fn from(problem: Problem) -> Self {
        Self::Shared(problem)
    }
}

impl From<Refusal> for PaymentError {
    fn from(refusal: Refusal) -> Self {
        Self::Amounts(refusal)
    }
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        let name = Gateway::as_str;
        match error {
            PaymentError::PaymentNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "payment_not_found",
                "There is no such payment",
                "The tenant has no payment with this id.",
            ),
            PaymentError::GatewayNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "gateway_not_found",
                "There is no such gateway",
                "`GET /gateways` lists those that there are.",
            ),
            PaymentError::GatewayAccountNotFound => Self::new(
                StatusCode::NOT_FOUND,
                "gateway_account_not_found",
                "There is no such gateway account",
                "The tenant has no account with this gateway in this mode.",
            ),
            PaymentError::GatewayAccountMissing { gateway } => Self::new(
                StatusCode::CONFLICT,
                "gateway_account_missing",
                "The gateway account is missing",
                format!("Save the credentials first: PUT /gateways/{}/account.", name(gateway)),
            ),
            PaymentError::IdempotencyKeyRequired => Self::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_required",
                "An Idempotency-Key is needed",
                "Where money moves, send an `Idempotency-Key` such as a UUID, and the same one with every repeat.",
            ),
            PaymentError::NotSupported { gateway, what } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "operation_not_supported",
                "The gateway cannot do that",
                format!("The gateway {} has no {what}; `GET /gateways` says what it can do.", name(gateway)),
            ),
            PaymentError::NoGatewayFits { tried } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "no_gateway_fits",
                "No gateway fits",
                if tried.is_empty() {
                    "No rule is for this payment: name a `gateway`, or add a rule with PUT /payments/routing."
                        .to_owned()
                } else {
                    let each: Vec<_> =
                        tried.iter().map(|(gateway, code)| format!("{} ({code})", name(*gateway))).collect();
                    format!("None of the rule's gateways can take it: {}.", each.join(", "))
                },
            ),
            PaymentError::NotListed { gateway } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "operation_not_supported",
                "The gateway cannot do that",
                format!(
                    "The gateway {} lists no payments; POST /payments/{{id}}/sync compares one with it.",
                    name(gateway)
                ),
            ),
            PaymentError::WindowTooWide => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "window_too_wide",
                "There is too much for one report",
                "More than 1,000 payments lie between the two moments: choose them nearer to each other.",
            ),
            PaymentError::GatewayUnanswered => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "gateway_unanswered",
                "The gateway did not answer",
                "Nothing was changed. Try again.",
            )
            .retry_after(60),
            PaymentError::AmountNotAccepted { gateway, why } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "amount_not_accepted",
                "The gateway does not take this amount",
                format!("The gateway {} {why}.", name(gateway)),
            ),
            PaymentError::ReturnUrlNotAllowed { field } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "return_url_not_allowed",
                "Payers may not be sent there",
                "Add the origin of the address to `return_origins` with PUT /payments/settings first.",
            )
            .with_errors(vec![FieldError::in_body(
                format!("/{field}"),
                "its origin is not among the tenant's `return_origins`",
            )]),
            PaymentError::Amounts(refusal) => of_refusal(refusal),
            PaymentError::RefundsNotAllowed => Self::new(
                StatusCode::FORBIDDEN,
                "refunds_not_allowed",
                "Members may not return money",
                "An owner or admin may refund, or allow members to with PUT /payments/settings.",
            ),
            PaymentError::GatewayDeclined(failure) => Self::new(
                StatusCode::CONFLICT,
                "gateway_declined",
                "The gateway declined",
                format!("Nothing was done. The gateway's reason: {}.", reason(&failure)),
            ),
            PaymentError::GatewayRefused(failure) => Self::new(
                StatusCode::CONFLICT,
                "gateway_refused",
                "The gateway refused",
                format!("Nothing was done. The gateway's reason: {}.", reason(&failure)),
            ),
            PaymentError::Credentials(CredentialError { name, problem }) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_credentials",
                "The credentials are not valid",
                format!("`{name}` {problem}."),
            )
            .with_errors(vec![FieldError::in_body(pointer_of(name), problem)]),
            PaymentError::WebhookNotSigned => Self::new(
                StatusCode::UNAUTHORIZED,
                "webhook_not_signed",
                "The message is not signed",
                "Its signature is missing, is not of this account's webhook secret, or is too old.",
            ),
            PaymentError::WebhookNotVerified => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "webhook_not_verified",
                "The message could not be verified",
                "The gateway did not say whether the message is its own. Send it again.",
            )
            .retry_after(60),
            PaymentError::WebhookUnreadable => Self::new(
                StatusCode::BAD_REQUEST,
                "webhook_unreadable",
                "The message cannot be read",
                "It is signed, and is no message that this gateway sends.",
            ),
            PaymentError::WebhookOtherMode => Self::new(
                StatusCode::CONFLICT,
                "webhook_other_mode",
                "The message is of the other mode",
                "A test message came to a live account, or the other way round.",
            ),
            PaymentError::SettingsStale => Self::version_mismatch(),
            PaymentError::Shared(problem) => problem,
        }
    }
}

fn pointer_of(name: &str) -> String {
    if name == "credentials" { "/credentials".to_owned() } else { format!("/credentials/{name}") }
}

fn reason(failure: &Failure) -> String {
    let code = serde_json::to_value(failure.code).ok();
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("refused").to_owned();
    match &failure.gateway_code {
        Some(gateway_code) => format!("{code} ({gateway_code})"),
        None => code,
    }
}

fn of_refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotCapturable { state } => Problem::new(
            StatusCode::CONFLICT,
            "payment_not_capturable",
            "Nothing can be captured",
            format!("The payment is {}: nothing of it is held.", word(state)),
        ),
        Refusal::AboveCapturable { asked, left } => Problem::new(
            StatusCode::CONFLICT,
            "amount_exceeds_capturable",
            "More than can be captured",
            format!("{asked} were asked for, {left} can be captured."),
        ),
        Refusal::PartialCapture { authorized } => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "partial_capture_not_supported",
            "The gateway captures all or nothing",
            format!("Capture the whole authorization of {authorized}, or cancel it."),
        ),
        Refusal::NotCancelable { state } => Problem::new(
            StatusCode::CONFLICT,
            "payment_not_cancelable",
            "The payment cannot be canceled",
            format!("The payment is {}: refund what was captured.", word(state)),
        ),
        Refusal::NotRefundable { state } => Problem::new(
            StatusCode::CONFLICT,
            "payment_not_refundable",
            "Nothing can be refunded",
            format!("The payment is {}: nothing of it is left to be refunded.", word(state)),
        ),
        Refusal::AboveRefundable { asked, left } => Problem::new(
            StatusCode::CONFLICT,
            "amount_exceeds_refundable",
            "More than can be refunded",
            format!("{asked} were asked for, {left} can be refunded; refunds under way count."),
        ),
    }
}

fn word(state: State) -> String {
    serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A token that no payer was given.
pub(crate) fn return_not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "return_not_found",
        "There is no such payment",
        "The address is not complete, or not one that a payment has.",
    )
}

impl IntoResponse for PaymentError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::FailureCode;

    #[track_caller]
    fn check(error: PaymentError, status: u16, code: &str, detail: &str) {
        let problem = Problem::from(error);
        assert_eq!((problem.status().as_u16(), problem.code()), (status, code));
        assert!(CODES.contains(&code), "{code}");
        assert!(format!("{problem:?}").contains(detail), "{problem:?}");
    }

    #[test]
    fn each_refusal_has_its_status_and_code() {
        check(PaymentError::PaymentNotFound, 404, "payment_not_found", "no payment with this id");
        check(PaymentError::IdempotencyKeyRequired, 400, "idempotency_key_required", "Idempotency-Key");
        check(
            PaymentError::NotSupported { gateway: Gateway::Stripe, what: "flow `sdk`" },
            422,
            "operation_not_supported",
            "The gateway stripe has no flow `sdk`",
        );
        check(
            Refusal::AboveRefundable { asked: 701, left: 700 }.into(),
            409,
            "amount_exceeds_refundable",
            "701 were asked for, 700 can be refunded",
        );
        check(
            Refusal::NotCancelable { state: State::PartiallyCaptured }.into(),
            409,
            "payment_not_cancelable",
            "The payment is partially_captured",
        );
        let failure = Failure::new(FailureCode::InsufficientFunds, Some("do_not_honor"));
        check(PaymentError::GatewayDeclined(failure), 409, "gateway_declined", "insufficient_funds (do_not_honor)");
        let error = CredentialError { name: "secret_key", problem: "must begin with sk_" };
        check(PaymentError::Credentials(error), 422, "invalid_credentials", "/credentials/secret_key");
    }
}
