//! Asking gateways and writing down what they say: the one way in which anything becomes of a payment.
//!
//! An operation is three steps: an attempt is written, the gateway is asked, the answer is written ([`settle`]). Whatever dies
//! in between leaves the attempt behind, and a repeat of the request, a webhook, a returning payer or the sweep goes on with it
//! under the same key ([`sync`]). What must stay true: no connection is held while a gateway is asked; whoever asks has taken
//! the attempt, so that no two do at once.

use std::time::Duration;

use api::{Clock, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use db::DbError;
use identity::Caller;
use ids::{EventId, PaymentId};
use uuid::Uuid;

use crate::{
    domain::timetable,
    error::PaymentError,
    gateway::{self, Ask, Credentials, Gateway, Minted, Outcome, Verb, send},
    settings::Gateways,
    settlement::{self, Asked, Settlement, Source},
    store::{
        self,
        attempts::{self, AttemptRow, Kind},
        gateway_accounts::KeysRow,
        payments::{FoundRow, PaymentRow, Settled},
        refunds::RefundRow,
        routing::{FailOver, FailedOver},
    },
};

/// Longer than a request takes: nobody else gets at an attempt that somebody alive works on.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How often an answer is written anew when the payment changed between reading and writing.
const WRITE_TRIES: usize = 16;

/// A payment and what its gateway is asked with.
pub(crate) struct Work<'a> {
    pub(crate) gateways: &'a Gateways,
    pub(crate) caller: &'a Caller,
    pub(crate) source: Source,
    /// How long the gateway may take, in all.
    pub(crate) limit: Duration,
}

/// An account at a gateway, open for use.
pub(crate) struct Account {
    pub(crate) credentials: Credentials,
    /// Its id and its tenant; none for `test`.
    pub(crate) of: Option<(Uuid, Uuid)>,
}

/// A payment that went on to another gateway.
struct NextTry {
    payment: Box<PaymentRow>,
    account: Option<KeysRow>,
    attempt: AttemptRow,
}

/// How an attempt went.
pub(crate) struct Done {
    pub(crate) payment: Box<PaymentRow>,
    pub(crate) state: attempts::State,
    pub(crate) failure: Option<gateway::Failure>,
}

impl Work<'_> {
    /// Opens an account; that of `test` is nothing.
    pub(crate) fn account(&self, gateway: Gateway, keys: Option<&KeysRow>) -> Result<Account, PaymentError> {
        match (gateway, keys) {
            (Gateway::Test, _) => Ok(Account { credentials: Credentials::Test, of: None }),
            (_, None) => Err(PaymentError::GatewayAccountMissing { gateway }),
            (_, Some(keys)) => {
                let credentials = self.gateways.open_credentials(keys, Clock::read().now())?;
                Ok(Account { credentials, of: Some((keys.id, keys.tenant_id)) })
            }
        }
    }

    /// Asks the gateway for what an attempt wants, and writes down what it says.
    pub(crate) async fn attempt(
        &self,
        payment: Box<PaymentRow>,
        refunds: Vec<RefundRow>,
        account: &Account,
        attempt: &AttemptRow,
        again: bool,
    ) -> Result<Done, PaymentError> {
        let asked_at = Clock::read().now();
        let verb = match (attempt.kind, attempt.refund_id) {
            (Kind::Create, _) => Verb::Create,
            (Kind::Capture, _) => Verb::Capture { amount: attempt.amount },
            (Kind::Cancel, _) => Verb::Cancel,
            (Kind::Refund, Some(id)) => Verb::Refund { id: id.into(), amount: attempt.amount },
            (Kind::Refund, None) => return Err(Problem::internal("a refund's attempt without its refund").into()),
        };
        let ask = Ask { verb, key: attempt.id, age: again.then(|| asked_at - attempt.asked_at) };
        let outcome = self.ask(&payment, &refunds, account, &ask).await?;
        if let Some(next) = self.fail_over(&payment, attempt, again, &outcome).await? {
            let account = self.account(next.payment.gateway, next.account.as_ref())?;
            return Box::pin(self.attempt(next.payment, refunds, &account, &next.attempt, false)).await;
        }
        let (payment, settlement) = self.settle(payment, refunds, Some(attempt), again, asked_at, &outcome).await?;
        let state = settlement.attempt_state().unwrap_or(attempts::State::Unknown);
        Ok(Done { payment, state, failure: settlement.attempt_failure().cloned() })
    }

    /// Goes on to the next gateway of the payment's rule, if this one certainly took nothing. Only on the first try: whoever asks
    /// again cannot know what the first came to. A payer's means that were declined are declined.
    async fn fail_over(
        &self,
        payment: &PaymentRow,
        attempt: &AttemptRow,
        again: bool,
        outcome: &Outcome,
    ) -> Result<Option<NextTry>, PaymentError> {
        let (Outcome::Refused(failure) | Outcome::NotSent(failure)) = outcome else { return Ok(None) };
        if attempt.kind != Kind::Create || again || payment.fallbacks.is_empty() {
            return Ok(None);
        }
        let now = Clock::read().now();
        let change = FailOver {
            id: payment.id,
            attempt: attempt.id,
            failure,
            next_attempt: EventId::new().uuid(),
            without_account: Gateway::ALL.into_iter().filter(|gateway| !gateway.capabilities().needs_account).collect(),
            leased_until: now + LEASE,
            next_look_at: now + timetable::next_look(0).unwrap_or(LEASE),
            at: now,
        };
        let Some(FailedOver { payment, attempt }) = store::routing::fail_over(self.caller, &change).await? else {
            return Ok(None);
        };
        let found =
            store::payments::find(self.caller, payment.id.into()).await?.ok_or(PaymentError::PaymentNotFound)?;
        Ok(Some(NextTry { payment, account: found.account, attempt }))
    }

    /// Goes on with what is open of a payment, then asks how it is. Whoever finds that somebody is at it leaves that to them.
    pub(crate) async fn sync(&self, id: PaymentId) -> Result<Option<Box<PaymentRow>>, PaymentError> {
        let Some(FoundRow { payment, account }) = store::payments::find(self.caller, id).await? else {
            return Ok(None);
        };
        let mut payment = Box::new(payment);
        let account = self.account(payment.gateway, account.as_ref())?;
        let now = Clock::read().now();
        let open = store::attempts::list_open(self.caller, id, now).await?;
        let mut refunds = open.refunds;
        for attempt in open.attempts {
            let now = Clock::read().now();
            let taken = store::attempts::take(self.caller, attempt.id, now, now + LEASE).await?;
            let Some(attempt) = taken.filter(|attempt| attempt.taken) else { continue };
            payment = self.attempt(payment, refunds, &account, &attempt, true).await?.payment;
            refunds = store::attempts::list_open(self.caller, id, now).await?.refunds;
        }
        let asked_at = Clock::read().now();
        let look = Ask { verb: Verb::Look, key: payment.id, age: None };
        let outcome = self.ask(&payment, &refunds, &account, &look).await?;
        let was_answered = matches!(outcome, Outcome::Reported(_) | Outcome::Declined(_) | Outcome::NotFound);
        let (payment, settlement) = self.settle(payment, refunds, None, false, asked_at, &outcome).await?;
        if was_answered {
            let now = Clock::read().now();
            store::work::settle_webhooks(self.caller, id, settlement.fits, asked_at, now).await?;
        }
        Ok(Some(payment))
    }

    async fn ask(
        &self,
        payment: &PaymentRow,
        refunds: &[RefundRow],
        account: &Account,
        ask: &Ask,
    ) -> Result<Outcome, PaymentError> {
        let order = payment
            .order(&self.gateways.public_origin, refunds)
            .ok_or_else(|| Problem::internal(format!("payments.payments {} has an amount that is none", payment.id)))?;
        self.caller.without_connection().await;
        let hosts = self.gateways.hosts(payment.gateway, payment.mode);
        let asked = send::ask(&account.credentials, hosts, &order, ask, self.limit).await;
        if let (Some(minted), Some((id, tenant))) = (asked.minted, account.of) {
            keep_token(self.gateways, self.caller, id, tenant, &minted).await;
        }
        Ok(asked.outcome)
    }

    /// Writes down what the gateway said, over the payment as it is then.
    async fn settle(
        &self,
        mut payment: Box<PaymentRow>,
        mut refunds: Vec<RefundRow>,
        attempt: Option<&AttemptRow>,
        again: bool,
        asked_at: DateTime<Utc>,
        outcome: &Outcome,
    ) -> Result<(Box<PaymentRow>, Settlement), PaymentError> {
        let id = PaymentId::from(payment.id);
        for _ in 0..WRITE_TRIES {
            let at = Clock::read().now();
            let asked =
                Asked { payment: &payment, refunds: &refunds, attempt, again, source: self.source, asked_at, at };
            let settlement = settlement::settle(&asked, outcome);
            match store::payments::settle(self.caller, &settlement).await? {
                None => return Err(PaymentError::PaymentNotFound),
                Some(Settled::Settled(row)) => return Ok((row.payment, settlement)),
                Some(Settled::Stale) => {
                    let found = store::payments::find(self.caller, id).await?.ok_or(PaymentError::PaymentNotFound)?;
                    *payment = found.payment;
                    refunds = store::attempts::list_open(self.caller, id, at).await?.refunds;
                }
            }
        }
        // The attempt is still there, and whoever comes next goes on with it.
        Err(PaymentError::Shared(DbError::Locked.into()))
    }
}

/// Keeps a token that a gateway lent; where that fails the next question borrows another.
pub(crate) async fn keep_token(gateways: &Gateways, caller: &Caller, account: Uuid, tenant: Uuid, minted: &Minted) {
    let until = Clock::read().now() + TimeDelta::seconds(minted.life_seconds);
    if let Ok(sealed) = gateways.seal_access_token(tenant, minted.token.reveal()) {
        let _ = store::gateway_accounts::keep_access_token(caller, account, &sealed, until).await;
    }
}
