//! The routes of payments, one file a resource, and their API description.

pub(crate) mod analytics;
pub(crate) mod gateway_accounts;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod operations;
pub(crate) mod payment_events;
pub(crate) mod payments;
pub(crate) mod reconciliation;
pub(crate) mod refunds;
mod refusals;
pub(crate) mod reseal;
pub(crate) mod returns;
pub(crate) mod routing;
pub(crate) mod settings;
pub(crate) mod sweep;
pub(crate) mod webhooks;

use std::sync::Arc;

use api::{Problem, SettingError};

use crate::settings::Gateways;

/// The API description of this component.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    paths(
        payments::create_payment,
        payments::list_payments,
        payments::find_payment,
        payment_events::list_payment_events,
        operations::capture_payment,
        operations::cancel_payment,
        operations::sync_payment,
        refunds::create_refund,
        refunds::list_refunds,
        gateway_accounts::list_gateways,
        gateway_accounts::put_gateway_account,
        gateway_accounts::find_gateway_account,
        gateway_accounts::remove_gateway_account,
        settings::find_payment_settings,
        settings::put_payment_settings,
        routing::find_payment_routing,
        routing::put_payment_routing,
        webhooks::receive_webhook,
        webhooks::receive_bare_webhook,
        returns::return_payer,
        returns::return_payer_by_form,
        ledger::list_ledger_balances,
        ledger::list_ledger_entries,
        reconciliation::reconcile,
        analytics::summarize_payments,
        sweep::sweep_payments,
        reseal::reseal_accounts,
        metrics::read_metrics, healthz,
        readyz,
    ),
    components(schemas(api::ProblemBody)),
    tags((name = "payments", description = "What was to be paid, and what became of it"),
         (name = "gateways", description = "Who takes the money, and the tenant's accounts there"),
         (name = "ledger", description = "Where the money is"))
)]
pub struct ApiDoc;

/// The settings, or what is wrong with them.
fn configured(gateways: &Arc<Result<Gateways, SettingError>>) -> Result<&Gateways, Problem> {
    gateways.as_ref().as_ref().map_err(|error| error.clone().into())
}

/// Says that the process answers.
#[utoipa::path(get, path = "/payments/healthz", operation_id = "payments_healthz", tag = "health",
    responses((status = 200, description = "The process answers", body = api::Health)))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn healthz() {}

/// Says whether the component can do its work, and what it lacks if not.
#[utoipa::path(get, path = "/payments/readyz", operation_id = "payments_readyz", tag = "health",
    responses((status = 200, description = "Ready, or degraded without the store", body = api::Readiness),
              (status = 503, description = "`not_ready`, `misconfigured`", body = api::ProblemBody,
               content_type = "application/problem+json")))]
#[expect(dead_code, reason = "describes the shared route of this component")]
fn readyz() {}
