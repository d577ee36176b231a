//! The suite against one running app: contracts, tenancy, and what the database itself refuses.
#![allow(clippy::disallowed_methods, reason = "tests make their own randomness")]

mod accounts;
mod fastapi_users;
mod http;
mod leads;
mod leads_list;
mod mfa;
mod openapi;
mod refresh;
mod sql_isolation;
mod tenancy;
mod throttle;
