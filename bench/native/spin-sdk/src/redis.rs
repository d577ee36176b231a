//! The Redis-compatible store: every open is a connection of its own, multiplexed, without reconnecting. Replies are
//! flattened, as the real host does it: a nested array loses its structure.

use std::fmt;

use redis::{Client, Value, aio::MultiplexedConnection};

/// What an argument or a reply holds.
pub type Payload = Vec<u8>;

/// An argument of a command.
#[derive(Debug, Clone)]
pub enum RedisParameter {
    /// A number, sent as its digits.
    Int64(i64),
    /// Bytes.
    Binary(Payload),
}

/// One value of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RedisResult {
    /// No value.
    Nil,
    /// A status such as `OK`.
    Status(String),
    /// A number.
    Int64(i64),
    /// Bytes.
    Binary(Payload),
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The address cannot be read.
    InvalidAddress,
    /// Anything else, in words.
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAddress => f.write_str("the address is invalid"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        Self::Other(error.to_string())
    }
}

/// An open connection.
pub struct Connection(MultiplexedConnection);

impl Connection {
    /// Connects.
    pub async fn open(address: impl AsRef<str>) -> Result<Self, Error> {
        let client = Client::open(address.as_ref()).map_err(|_| Error::InvalidAddress)?;
        Ok(Self(client.get_multiplexed_async_connection().await?))
    }

    /// Runs any command.
    pub async fn execute(
        &self,
        command: impl AsRef<str>,
        arguments: impl IntoIterator<Item = RedisParameter>,
    ) -> Result<Vec<RedisResult>, Error> {
        let mut command = redis::cmd(command.as_ref());
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let reply: Value = command.query_async(&mut self.0.clone()).await?;
        let mut results = Vec::new();
        flatten(reply, &mut results)?;
        Ok(results)
    }
}

fn flatten(value: Value, results: &mut Vec<RedisResult>) -> Result<(), Error> {
    results.push(match value {
        Value::Array(items) | Value::Set(items) => {
            return items.into_iter().try_for_each(|item| flatten(item, results));
        }
        Value::Nil => RedisResult::Nil,
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(yes) => RedisResult::Int64(i64::from(yes)),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        _ => return Err(Error::Other("a reply of this kind is not supported".to_owned())),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_loses_its_structure() {
        let reply = Value::Array(vec![Value::Int(1), Value::Array(vec![Value::Okay, Value::Nil])]);
        let mut results = Vec::new();
        flatten(reply, &mut results).unwrap();
        assert_eq!(results, [RedisResult::Int64(1), RedisResult::Status("OK".to_owned()), RedisResult::Nil]);
    }
}
