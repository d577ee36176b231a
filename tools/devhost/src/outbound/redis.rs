//! `spin:redis@3.0.0`: every open is a TCP connection of its own, multiplexed, without pool, reconnect or timeout.
//!
//! Replies are flattened: a nested array loses its structure, a double becomes text, a boolean a number. `rediss://` is refused
//! because this host does no TLS to Redis.

use crate::{
    bindings::redis::{Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult},
    networks::BlockedNetworks,
    outbound::{CONNECTIONS_MAX, REPLY_BYTES_MAX},
    outbound_hosts::HostCheck,
    permits::{Permit, Permits},
};
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, RedisFuture, Value,
    aio::MultiplexedConnection, io::AsyncDNSResolver,
};
use std::net::SocketAddr;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

/// A connection that the guest holds; closed when dropped.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {
    commands: MultiplexedConnection,
    _permit: Permit,
}

/// Redis as one instance sees it.
pub(crate) struct Redis {
    check: HostCheck,
    blocked: BlockedNetworks,
    permits: Permits,
    connections: ResourceTable,
}

impl HasData for Redis {
    type Data<'a> = &'a mut Self;
}

impl Redis {
    /// For a new instance.
    pub(crate) fn new(check: HostCheck, blocked: BlockedNetworks, permits: Permits) -> Self {
        let mut connections = ResourceTable::new();
        connections.set_max_capacity(CONNECTIONS_MAX);
        Self { check, blocked, permits, connections }
    }
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}

fn commands<T: Send>(
    accessor: &Accessor<T, Redis>,
    connection: &Resource<Connection>,
) -> Result<MultiplexedConnection, Error> {
    accessor.with(|mut access| match access.get().connections.get(connection) {
        Ok(connection) => Ok(connection.commands.clone()),
        Err(_) => Err(other("could not find connection for resource")),
    })
}

impl Host for Redis {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<Error> {
        Ok(error)
    }
}

impl HostConnection for Redis {
    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.connections.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for Redis {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Result<Resource<Connection>, Error> {
        let (check, blocked, permits) = accessor.with(|mut access| {
            let redis = access.get();
            (redis.check.clone(), redis.blocked.clone(), redis.permits.clone())
        });
        if !check.allows(&address, "redis").map_err(Error::Other)? {
            return Err(Error::InvalidAddress);
        }
        if address.starts_with("rediss:") {
            return Err(other("devhost does not do TLS to Redis: write redis://, or use spin"));
        }
        let permit = permits.acquire().await;
        let client = Client::open(address).map_err(|_| Error::InvalidAddress)?;
        let config = AsyncConnectionConfig::new().set_dns_resolver(Resolver(blocked));
        let commands = client.get_multiplexed_async_connection_with_config(&config).await.map_err(other)?;
        accessor
            .with(|mut access| access.get().connections.push(Connection { commands, _permit: permit }))
            .map_err(|_| Error::TooManyConnections)
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        commands(accessor, &connection)?.publish(channel, payload).await.map_err(other)
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Option<Vec<u8>>, Error> {
        let value: Option<Vec<u8>> = commands(accessor, &connection)?.get(key).await.map_err(other)?;
        ensure_size(value.as_ref().map_or(0, Vec::len))?;
        Ok(value)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), Error> {
        commands(accessor, &connection)?.set(key, value).await.map_err(other)
    }

    async fn incr(accessor: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Result<i64, Error> {
        commands(accessor, &connection)?.incr(key, 1).await.map_err(other)
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Result<u32, Error> {
        commands(accessor, &connection)?.del(keys).await.map_err(other)
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        commands(accessor, &connection)?.sadd(key, values).await.map_err(|error| match error.kind() {
            ErrorKind::TypeError => Error::TypeError,
            _ => other(error),
        })
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Result<Vec<String>, Error> {
        commands(accessor, &connection)?.smembers(key).await.map_err(other)
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Result<u32, Error> {
        commands(accessor, &connection)?.srem(key, values).await.map_err(other)
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let mut commands = commands(accessor, &connection)?;
        let mut command = redis::cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let Flat(results) = command.query_async(&mut commands).await.map_err(other)?;
        ensure_size(results.iter().map(result_bytes).sum())?;
        Ok(results)
    }
}

fn ensure_size(bytes: usize) -> Result<(), Error> {
    if bytes > REPLY_BYTES_MAX {
        return Err(other(format!("query result exceeds limit of {REPLY_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn result_bytes(result: &RedisResult) -> usize {
    let content = match result {
        RedisResult::Nil | RedisResult::Int64(_) => 0,
        RedisResult::Status(text) => text.len(),
        RedisResult::Binary(bytes) => bytes.len(),
    };
    size_of::<RedisResult>() + content
}

/// A reply without its structure.
struct Flat(Vec<RedisResult>);

impl FromRedisValue for Flat {
    fn from_redis_value(value: &Value) -> Result<Self, RedisError> {
        let mut results = Vec::new();
        flatten(value, &mut results)?;
        Ok(Self(results))
    }
}

fn flatten(value: &Value, results: &mut Vec<RedisResult>) -> Result<(), RedisError> {
    let unsupported = |kind: &str| {
        let detail = format!("Redis {kind} is not supported");
        Err(RedisError::from((ErrorKind::TypeError, "Could not convert Redis response", detail)))
    };
    results.push(match value {
        Value::Array(items) | Value::Set(items) => {
            return items.iter().try_for_each(|item| flatten(item, results));
        }
        Value::Nil => RedisResult::Nil,
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::SimpleString(text) => RedisResult::Status(text.clone()),
        Value::Int(number) => RedisResult::Int64(*number),
        Value::Boolean(yes) => RedisResult::Int64(i64::from(*yes)),
        Value::BulkString(bytes) => RedisResult::Binary(bytes.clone()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::ServerError(error) => {
            return Err(RedisError::from((ErrorKind::ResponseError, "Server error", format!("{error:?}"))));
        }
        Value::Map(_) => return unsupported("Map type"),
        Value::Attribute { .. } => return unsupported("Attribute type"),
        Value::VerbatimString { .. } => return unsupported("string with format attribute"),
        Value::Push { .. } => return unsupported("Pub/Sub types"),
        _ => return unsupported("reply of this type"),
    });
    Ok(())
}

/// Resolves a name without the addresses that the runtime configuration blocks.
struct Resolver(BlockedNetworks);

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let mut addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            if self.0.remove(&mut addresses) {
                tracing::error!(host, "every address is blocked by block_networks");
            }
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: &Value) -> String {
        Flat::from_redis_value(value).map_or_else(|error| error.to_string(), |flat| format!("{:?}", flat.0))
    }

    #[test]
    fn nested_replies_lose_their_structure() {
        let nested = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![Value::Okay, Value::Nil]),
            Value::Boolean(true),
            Value::Double(1.5),
        ]);
        assert_eq!(
            flat(&nested),
            "[RedisResult::Int64(1), RedisResult::Status(\"OK\"), RedisResult::Nil, RedisResult::Int64(1), \
             RedisResult::Binary([49, 46, 53])]"
        );
    }

    #[test]
    fn maps_are_refused() {
        assert!(flat(&Value::Map(Vec::new())).contains("Redis Map type is not supported"));
    }
}
