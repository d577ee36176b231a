//! The contract of the routes that the benchmark compares: what every implementation of them must answer, so that it
//! compares equal things. `$BIZO_HOST_BIN` names the one under test: the app's own host, or `bench/fastapi/serve`.
#![allow(clippy::disallowed_methods, reason = "tests make their own randomness")]

mod accounts;
mod analytics;
mod headers;
mod leads;
mod limits;
mod lists;
mod log;
mod refusals;
mod tenancy;
mod tokens;
