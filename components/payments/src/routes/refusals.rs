//! What the routes of payments may refuse beyond what all routes do, for the API description.

pub(crate) use api::refusals::{JsonBody, Reading, Writing};

api::refusals! {
    /// Routes of one payment.
    OnePayment {
        "404": "`payment_not_found`, `tenant_not_found`",
    }
    /// Routes of all of the tenant's.
    TenantWide {
        "404": "`tenant_not_found`",
    }
    /// Routes that take `If-Match`.
    Versioned {
        "412": "`version_mismatch`",
    }
    /// Creating a payment.
    Creating {
        "400": "`malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required`",
        "409": "`conflict_in_flight`, `gateway_account_missing`",
        "422": "`validation_failed`, `idempotency_key_reused`, `operation_not_supported`, `amount_not_accepted`, `no_gateway_fits`, `return_url_not_allowed`",
    }
    /// Capturing.
    Capturing {
        "400": "`malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required`",
        "409": "`conflict_in_flight`, `payment_not_capturable`, `amount_exceeds_capturable`, `gateway_account_missing`, `gateway_declined`, `gateway_refused`",
        "422": "`validation_failed`, `idempotency_key_reused`, `operation_not_supported`, `partial_capture_not_supported`",
    }
    /// Canceling.
    Canceling {
        "400": "`malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required`",
        "409": "`conflict_in_flight`, `payment_not_cancelable`, `gateway_account_missing`, `gateway_declined`, `gateway_refused`",
        "422": "`validation_failed`, `idempotency_key_reused`, `operation_not_supported`",
    }
    /// Refunding.
    Refunding {
        "400": "`malformed_id`, `malformed_json`, `unreadable_body`, `invalid_idempotency_key`, `idempotency_key_required`",
        "403": "`forbidden`, `mfa_required`, `refunds_not_allowed`",
        "409": "`conflict_in_flight`, `payment_not_refundable`, `amount_exceeds_refundable`, `gateway_account_missing`",
        "422": "`validation_failed`, `idempotency_key_reused`",
    }
    /// Asking the gateway.
    Syncing {
        "409": "`conflict_in_flight`, `gateway_account_missing`",
    }
    /// Comparing with the gateway.
    Reconciling {
        "409": "`gateway_account_missing`, `gateway_refused`, `conflict_in_flight`",
        "422": "`operation_not_supported`, `window_too_wide`",
        "503": "`gateway_unanswered`, `saturated`, `database_unavailable`, `database_interrupted`, `request_timed_out`, `misconfigured`",
    }
    /// Routes of a gateway account.
    OneAccount {
        "404": "`gateway_not_found`, `gateway_account_not_found`, `tenant_not_found`",
    }
    /// Removing one, of the mode that the query names.
    RemovingAccount {
        "400": "`invalid_parameter`, `unknown_parameter`",
    }
    /// Saving one.
    SavingAccount {
        "404": "`gateway_not_found`, `tenant_not_found`",
        "422": "`validation_failed`, `invalid_credentials`",
    }
    /// Messages of gateways.
    Receiving {
        "400": "`malformed_id`, `webhook_unreadable`, `unreadable_body`",
        "401": "`webhook_not_signed`",
        "404": "`gateway_not_found`, `gateway_account_not_found`",
        "408": "`body_timed_out`",
        "409": "`webhook_other_mode`, `conflict_in_flight`",
        "413": "`body_too_large`",
        "429": "`rate_limited`",
        "503": "`webhook_not_verified`, `saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `misconfigured`",
    }
    /// Returning payers.
    Returning {
        "400": "`unreadable_body`",
        "404": "`return_not_found`",
        "408": "`body_timed_out`",
        "409": "`conflict_in_flight`",
        "413": "`body_too_large`",
        "429": "`rate_limited`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured`",
    }
    /// The sweep.
    Sweeping {
        "404": "`route_not_found`: the service token is missing or wrong",
        "409": "`conflict_in_flight`",
        "503": "`saturated`, `database_unavailable`, `database_interrupted`, `outcome_unknown`, `request_timed_out`, `misconfigured`",
    }
}
