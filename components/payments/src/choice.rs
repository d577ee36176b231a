//! Which gateway takes a new payment: the one that the client names, or the first of the tenant's routing that can.
//!
//! What must stay true: what a gateway cannot do is refused before it is asked; none is chosen that the tenant has no account
//! with.

use api::{FieldError, Problem};
use identity::Caller;
use money::Money;
use uuid::Uuid;

use crate::{
    domain::{customer::Customer, routing},
    error::PaymentError,
    gateway::{CaptureMethod, Flow, Gateway, Mode},
    store::{self, gateway_accounts::AccountRow},
};

/// What a gateway would have to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) money: Money,
    pub(crate) mode: Mode,
    pub(crate) flow: Flow,
    pub(crate) capture_method: CaptureMethod,
    pub(crate) customer: &'a Customer,
}

/// Who does it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) gateway: Gateway,
    /// None where the gateway needs none.
    pub(crate) account_id: Option<Uuid>,
    /// Who is asked next if that one certainly took nothing.
    pub(crate) fallbacks: Vec<Gateway>,
}

/// Chooses.
pub(crate) async fn choose(
    caller: &Caller,
    named: Option<Gateway>,
    wanted: &Wanted<'_>,
) -> Result<Chosen, PaymentError> {
    let Some(gateway) = named else {
        let rules = store::routing::find(caller).await?.rules;
        let candidates = routing::gateways_for(&rules, wanted.money, wanted.customer.country);
        let accounts = store::gateway_accounts::list(caller).await?;
        return route(candidates, &accounts, wanted);
    };
    wanted.fits(gateway)?;
    let account_id = if gateway.capabilities().needs_account {
        let found = store::gateway_accounts::find(caller, gateway, wanted.mode).await?;
        Some(found.ok_or(PaymentError::GatewayAccountMissing { gateway })?.view.id)
    } else {
        None
    };
    Ok(Chosen { gateway, account_id, fallbacks: Vec::new() })
}

/// The first candidate that can, and those behind it that can too.
fn route(candidates: &[Gateway], accounts: &[AccountRow], wanted: &Wanted<'_>) -> Result<Chosen, PaymentError> {
    let (mut able, mut tried) = (Vec::new(), Vec::new());
    for gateway in candidates.iter().copied() {
        let account = accounts.iter().find(|account| account.gateway == gateway && account.mode == wanted.mode);
        let refusal = match (wanted.fits(gateway), account) {
            (Err(error), _) => error,
            (Ok(()), None) if gateway.capabilities().needs_account => PaymentError::GatewayAccountMissing { gateway },
            (Ok(()), account) => {
                able.push((gateway, account.map(|account| account.id)));
                continue;
            }
        };
        tried.push((gateway, Problem::from(refusal).code()));
    }
    match able.first() {
        None => Err(PaymentError::NoGatewayFits { tried }),
        Some((gateway, account_id)) => Ok(Chosen {
            gateway: *gateway,
            account_id: *account_id,
            fallbacks: able[1..].iter().map(|(gateway, _)| *gateway).collect(),
        }),
    }
}

impl Wanted<'_> {
    /// Whether a gateway can do it, as far as can be told without asking.
    fn fits(&self, gateway: Gateway) -> Result<(), PaymentError> {
        let capabilities = gateway.capabilities();
        let refused = |what| Err(PaymentError::NotSupported { gateway, what });
        if gateway == Gateway::Test && self.mode == Mode::Live {
            return refused("live mode");
        }
        if !capabilities.flows.contains(&self.flow) {
            return refused(match self.flow {
                Flow::Redirect => "flow `redirect`",
                Flow::Sdk => "flow `sdk`",
            });
        }
        if self.capture_method == CaptureMethod::Manual && !capabilities.manual_capture.contains(&self.flow) {
            return refused("manual capture in this flow");
        }
        gateway.accepts(self.money).map_err(|why| PaymentError::AmountNotAccepted { gateway, why })?;
        Ok(check_customer(gateway, self.customer)?)
    }
}

/// What the gateway must know of the customer is there.
fn check_customer(gateway: Gateway, customer: &Customer) -> Result<(), Problem> {
    let missing = gateway.capabilities().customer.iter().filter(|field| match **field {
        "email" => customer.email.is_none(),
        "name" => customer.name.is_none(),
        _ => customer.phone.is_none(),
    });
    let wanted = "the gateway must know this of the customer";
    let errors: Vec<_> = missing.map(|field| FieldError::in_body(format!("/customer/{field}"), wanted)).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation_failed(errors)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn account(gateway: &str, mode: &str, id: u128) -> AccountRow {
        let at = "2026-01-01T00:00:00Z";
        from_value(
            json!({ "id": Uuid::from_u128(id), "gateway": gateway, "mode": mode, "hints": {}, "verified_at": null,
                           "previous_valid_until": null, "created_at": at, "updated_at": at }),
        )
        .unwrap()
    }

    #[test]
    fn those_that_can_are_asked_in_their_order() {
        let customer = Customer::default();
        let wanted = |minor, currency: &str, mode| Wanted {
            money: Money::new(minor, currency.parse().unwrap()).unwrap(),
            mode,
            flow: Flow::Redirect,
            capture_method: CaptureMethod::Automatic,
            customer: &customer,
        };
        let accounts = [account("paypal", "test", 1), account("stripe", "test", 2), account("payu", "test", 3)];
        let all = [Gateway::Razorpay, Gateway::Payu, Gateway::Stripe, Gateway::Paypal, Gateway::Test];
        let chosen = route(&all, &accounts, &wanted(1000, "EUR", Mode::Test)).unwrap();
        let fallbacks = vec![Gateway::Paypal, Gateway::Test];
        assert_eq!(chosen, Chosen { gateway: Gateway::Stripe, account_id: Some(Uuid::from_u128(2)), fallbacks });

        let refused = route(&all, &accounts, &wanted(1000, "INR", Mode::Live)).unwrap_err();
        let PaymentError::NoGatewayFits { tried } = refused else { panic!("{refused:?}") };
        let codes: Vec<_> = tried.iter().map(|(gateway, code)| format!("{} {code}", gateway.as_str())).collect();
        assert_eq!(
            codes,
            [
                "razorpay gateway_account_missing",
                "payu validation_failed",
                "stripe gateway_account_missing",
                "paypal amount_not_accepted",
                "test operation_not_supported"
            ]
        );
        assert!(route(&[], &accounts, &wanted(1000, "EUR", Mode::Test)).is_err());
    }
}
