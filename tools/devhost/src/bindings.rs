//! Rust types and traits of the host interfaces in `wit/`.
//!
//! Generated at compile time; nothing here is written by hand but the options. The errors of the three interfaces are
//! values for the guest: a host function traps only when the host itself is broken.

#![allow(missing_docs, unreachable_pub, reason = "generated")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "imports",
    imports: { default: async | trappable },
    trappable_error_type: {
        "spin:postgres/postgres@4.2.0.error" => spin::postgres::postgres::Error,
        "spin:redis/redis@3.0.0.error" => spin::redis::redis::Error,
        "spin:variables/variables@3.0.0.error" => spin::variables::variables::Error,
    },
    with: {
        "spin:postgres/postgres@4.2.0.connection": crate::outbound::postgres::Connection,
        "spin:postgres/postgres@4.2.0.connection-builder": crate::outbound::postgres::ConnectionBuilder,
        "spin:redis/redis@3.0.0.connection": crate::outbound::redis::Connection,
    },
});

pub(crate) use spin::{postgres::postgres, redis::redis, variables::variables};
