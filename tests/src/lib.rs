//! What the end-to-end tests stand on: the app as a user runs it, and people who use it.
//!
//! - [`App`] is the host with the real components on a database and a store of its own. [`App::shared`] is one for all
//!   tests of a binary; a test that breaks something starts its own.
//! - [`personas`] are people with verbs; each test makes fresh ones, so tests run in any order and at once.
//! - [`mailbox`] is where the app's messages go; [`gateways`] are whom it pays with.
//! - [`database`] and [`host`] hold the little that HTTP cannot do: roles are planted, rows are aged, processes die.
#![allow(
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    reason = "test support: it waits for processes, and a test that cannot go on panics"
)]

pub mod answer;
pub mod app;
pub mod database;
mod described;
pub mod host;
pub mod mail_tokens;
pub mod mailbox;
pub mod personas;
pub mod totp;

pub use answer::Answer;
pub use app::App;
pub use gateways;
pub use host::HostOptions;
pub use mailbox::{Mailbox, Manner};
pub use personas::{Anonymous, Member};
