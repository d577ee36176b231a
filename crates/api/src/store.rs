//! The Redis-compatible store: rate limits, throttles, caches; what may be lost.
//!
//! One connection for an instance, opened on first use and shared by its requests (commands are multiplexed and
//! each is a single atomic script, so nothing of one request can reach another). What must stay true: a request
//! waits for the store 150 ms at most; after a failure of the store's it is left alone for 5 s (the breaker); time in which
//! hashes held the instance or its host up is not the store's, or who makes the app hash could turn its limits off; whoever
//! asks must say what happens when the store is away.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

use crate::{SettingError, Settings};

/// The store's 150 ms are counted in steps. One that is heard late counts no more than others: meanwhile nobody here was
/// polled, and a command's replies each waited in the same queue.
const STEP: Duration = Duration::from_millis(15);
const STEPS: u32 = 10;
const BREAKER: Duration = Duration::from_secs(5);

/// The store gave no answer in time, or is being left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreAway;

/// The store, as one instance sees it.
pub struct Store {
    address: Result<String, SettingError>,
    link: Mutex<Link>,
}

/// The connection, or until when not to try.
#[derive(Default)]
struct Link {
    connection: Option<Arc<Connection>>,
    left_alone_until: Option<Instant>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Reads the settings; connects to nothing yet.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { address: address(settings), link: Mutex::default() }
    }

    /// What is wrong with the settings, if anything.
    pub fn misconfigured(&self) -> Option<&SettingError> {
        self.address.as_ref().err()
    }

    /// Runs a Lua script atomically and gives the whole numbers that it answers; any other answer is as none.
    pub async fn eval(&self, script: &str, keys: &[&str], args: &[i64]) -> Result<Vec<i64>, StoreAway> {
        let mut parameters = vec![binary(script), binary(&keys.len().to_string())];
        parameters.extend(keys.iter().copied().map(binary));
        parameters.extend(args.iter().map(|arg| binary(&arg.to_string())));
        let number = |value| match value {
            RedisResult::Int64(number) => Ok(number),
            _ => Err(StoreAway),
        };
        self.execute("EVAL", parameters).await?.into_iter().map(number).collect()
    }

    /// The text at a key, if there is one.
    pub async fn text(&self, key: &str) -> Result<Option<String>, StoreAway> {
        let reply = self.execute("GET", vec![binary(key)]).await?;
        match reply.into_iter().next() {
            Some(RedisResult::Binary(text)) => Ok(String::from_utf8(text).ok()),
            _ => Ok(None),
        }
    }

    /// Keeps a text at a key for a time.
    pub async fn keep_text(&self, key: &str, text: &str, seconds: u32) -> Result<(), StoreAway> {
        let parameters = vec![binary(key), binary(text), binary("EX"), binary(&seconds.to_string())];
        self.execute("SET", parameters).await.map(|_| ())
    }

    /// Deletes a key.
    pub async fn delete(&self, key: &str) -> Result<(), StoreAway> {
        self.execute("DEL", vec![binary(key)]).await.map(|_| ())
    }

    /// Whether the store answers, asked past the breaker: this is what finds it well again.
    pub async fn ping(&self) -> Result<(), StoreAway> {
        self.execute_now("PING", Vec::new()).await.map(|_| ())
    }

    /// Runs a command, unless the store is being left alone.
    async fn execute(&self, command: &str, parameters: Vec<RedisParameter>) -> Result<Vec<RedisResult>, StoreAway> {
        if self.link().left_alone_until.is_some_and(|until| now() < until) {
            return Err(StoreAway);
        }
        self.execute_now(command, parameters).await
    }

    /// Runs a command within the time limit; a broken connection is opened anew once.
    async fn execute_now(&self, command: &str, parameters: Vec<RedisParameter>) -> Result<Vec<RedisResult>, StoreAway> {
        let trying = async {
            let kept = self.link().connection.clone();
            if let Some(kept) = kept
                && let Ok(reply) = kept.execute(command, parameters.clone()).await
            {
                return Ok(reply);
            }
            // A handle only errors once its server went away: open a new one.
            let fresh = Arc::new(self.open().await?);
            let reply = fresh.execute(command, parameters).await.map_err(|_| StoreAway)?;
            self.link().connection = Some(fresh);
            Ok(reply)
        };
        let mut trying = pin!(trying);
        for _ in 0..STEPS {
            match db::within(STEP, trying.as_mut()).await {
                Some(Ok(reply)) => {
                    self.link().left_alone_until = None;
                    return Ok(reply);
                }
                Some(Err(StoreAway)) => break,
                None => {}
            }
        }
        *self.link() = Link { connection: None, left_alone_until: Some(now() + BREAKER) };
        Err(StoreAway)
    }

    async fn open(&self) -> Result<Connection, StoreAway> {
        let address = self.address.as_ref().map_err(|_| StoreAway)?;
        #[expect(clippy::disallowed_methods, reason = "the one place that opens a connection to the store")]
        Connection::open(address).await.map_err(|_| StoreAway)
    }

    fn link(&self) -> std::sync::MutexGuard<'_, Link> {
        // One thread runs an instance, and a panic ends it: the lock is never contended or poisoned.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn binary(text: &str) -> RedisParameter {
    RedisParameter::Binary(text.as_bytes().to_vec())
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the breaker measures time that no rule depends on")]
    Instant::now()
}

fn address(settings: &Settings) -> Result<String, SettingError> {
    let host = settings.required("redis_host")?;
    let port: u16 = settings.number("redis_port")?;
    let user = match settings.text("redis_password") {
        "" => String::new(),
        password => format!(":{}@", percent_encoded(password)),
    };
    Ok(format!("redis://{user}{host}:{port}"))
}

/// A password inside a URL: everything but unreserved characters as %XX (RFC 3986, 2.1).
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_cannot_leave_its_place_in_the_url() {
        let settings = |password| {
            Settings::from_values([("redis_host", "dragonfly"), ("redis_port", "6379"), ("redis_password", password)])
        };
        assert_eq!(address(&settings("")).unwrap(), "redis://dragonfly:6379");
        assert_eq!(address(&settings("a@b/c:d")).unwrap(), "redis://:a%40b%2Fc%3Ad@dragonfly:6379");
        assert!(!format!("{:?}", Store::new(&settings("secret"))).contains("secret"));
    }
}
