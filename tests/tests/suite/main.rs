//! The suite against one running app: contracts, tenancy, and what the database itself refuses.
#![allow(clippy::disallowed_methods, reason = "tests make their own randomness")]

mod accounts;
mod api_keys;
mod audit_log;
mod events;
mod examples;
mod fastapi_users;
mod http;
mod introspection;
mod invitations;
mod leads;
mod leads_list;
mod memberships;
mod metrics;
mod mfa;
mod openapi;
mod passwords;
mod payment_rules;
mod payments;
mod paypal;
mod payu;
mod razorpay;
mod reconciliation;
mod refresh;
mod refunds;
mod routing;
mod sql_isolation;
mod stripe;
mod tenancy;
mod tenants;
mod throttle;
