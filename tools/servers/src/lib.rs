//! Private Postgres and Redis servers: under `.local/` for development, throw-away ones for tests.
//!
//! What stays true: they listen on 127.0.0.1 only, ask for a password that was made for them, never hold a terminal and
//! live in their own session, so that Ctrl-C reaches the program in front of them first. A throw-away server is stopped
//! when its value is dropped; a durable one runs until somebody stops it.
#![allow(
    clippy::disallowed_methods,
    reason = "a native tool that waits for processes: it needs the clock and to sleep"
)]

mod account;
mod binaries;
mod certificate;
mod local;
mod ports;
mod postgres;
mod redis;
mod throwaway;

pub use local::Local;
pub use ports::free_port;
pub use postgres::Postgres;
pub use redis::Redis;
pub use throwaway::ThrowAway;

/// Where a program that belongs to Postgres is, such as `pg_dump`.
pub fn postgres_program(name: &str) -> anyhow::Result<std::path::PathBuf> {
    Ok(binaries::postgres(None)?.join(name))
}

/// Whether a server keeps what it was told when it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// For development: data is written to disk, the server outlives the program that started it.
    Durable,
    /// For tests: as fast as it goes, and stopped with the value that stands for it.
    ThrowAway,
}
