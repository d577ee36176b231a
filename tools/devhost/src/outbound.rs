//! What a component can reach outside itself: other hosts over HTTP, Postgres, Redis; and its variables.
//!
//! Every way out asks `OutboundHosts` first. Nothing here caches or repairs what Spin does not: one `open` in the guest is
//! one `open` here.

pub(crate) mod connect;
pub(crate) mod http;
pub(crate) mod postgres;
pub(crate) mod postgres_pool;
pub(crate) mod postgres_query;
mod postgres_tls;
pub(crate) mod postgres_types;
pub(crate) mod postgres_values;
pub(crate) mod redis;
pub(crate) mod rows;
pub(crate) mod variables;

/// Bytes of one reply that the host is willing to hold for a guest.
pub(crate) const REPLY_BYTES_MAX: usize = 128 << 20;

/// Connections, of each kind, that an instance may have open.
pub(crate) const CONNECTIONS_MAX: usize = 1024;
