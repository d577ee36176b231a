//! The suite against one running app: contracts, tenancy, and what the database itself refuses.
#![allow(clippy::disallowed_methods, reason = "tests make their own randomness")]

mod accounts;
mod http;
mod leads;
mod leads_list;
mod openapi;
mod sql_isolation;
mod tenancy;
mod throttle;
