//! What both ends of the outbox must agree on: the types of events, the tokens that messages carry, and how a message is
//! signed. Whoever emits, whoever delivers and whoever receives reads it here.
//!
//! What must stay true: everything here is pure; an event's token is always the same, so that nobody has to keep it; no
//! secret and no token has a `Debug`.

pub mod event_type;
mod mail_token;
mod signature;

pub use mail_token::{MailToken, MailTokenKey};
pub use signature::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, Refusal, Signed, SigningSecrets};
