//! One Postgres connection a request, and the one form of a unit of work: a call of an SQL function whose first
//! argument opens the tenant, answered by one JSON value (ADR 0001).
//!
//! ```sql
//! select crm.create_lead(app.enter($1, $2, $3, $4), $5)::text
//! ```
//!
//! What must stay true: a call is one statement, and so one transaction; nothing here or above ever sends BEGIN,
//! because the host hands an open transaction to the next request. A connection is opened for one request and given
//! back when it is dropped; it is never kept in a static. Every wait has an end: opening, and a statement.

mod config;
mod connection;
mod entry;
mod error;
mod once;

pub use config::Config;
pub use connection::{Answer, Args, Db, Effect, within};
pub use entry::Entry;
pub use error::DbError;
pub use once::{Claim, Once};
