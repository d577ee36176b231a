//! Counts log-ins that fail, in the store; in the database while the store is away.
//!
//! A try counts as failed from the moment it is let through until it has succeeded, so that of many at once only as
//! many get through as the rule allows. Both counters are one atomic step each.
//!
//! An address from which the account was logged in to within a month has a counter of its own, so that a stranger who
//! keeps on failing elsewhere cannot make the account's owner wait. (While the store is away all addresses share one.)

use std::time::Duration;

use api::{App, RequestOrigin, Store, StoreAway};
use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::domain::throttle::{ADDRESS_FAILURES_MAX, ADDRESS_WINDOW, FORGOTTEN_AFTER, KNOWN_FOR, schedule_ms};

/// Lets a try through and counts it (0), or says how many milliseconds to wait.
/// KEYS account, address, whether the account knows the address, the account from there; ARGV now, address limit,
/// address window, forgotten after, then the schedule; in ms.
const TRY: &str = "
local now = tonumber(ARGV[1])
local account = redis.call('EXISTS', KEYS[3]) == 1 and KEYS[4] or KEYS[1]
local failures = tonumber(redis.call('HGET', account, 'failures') or '0')
local wait = 0
if failures > 0 then
    local delay = tonumber(ARGV[4 + math.min(failures, #ARGV - 4)])
    -- A free try is free also for a request that came before the last one that was counted.
    if delay > 0 then
        wait = tonumber(redis.call('HGET', account, 'last')) + delay - now
    end
end
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[2]))
end
if wait > 0 then
    return wait
end
redis.call('HSET', account, 'failures', failures + 1, 'last', now)
redis.call('PEXPIRE', account, ARGV[4])
if redis.call('INCR', KEYS[2]) == 1 then
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 0";

/// Takes a try back because it succeeded, and remembers the address. KEYS as above; ARGV how long, in ms. What others
/// failed elsewhere stays counted.
const SUCCEEDED: &str = "
redis.call('DEL', redis.call('EXISTS', KEYS[3]) == 1 and KEYS[4] or KEYS[1])
redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
if tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then
    redis.call('DECR', KEYS[2])
end
return 0";

/// Whose tries are counted.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// A digest of the address that is logged in to, in hex: counters name nobody.
    pub(crate) account: String,
    /// Where the try comes from.
    pub(crate) address: String,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// Who counted the try, and so who has to hear how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedBy {
    /// The store.
    Store,
    /// The database; the failure is recorded already.
    Database,
}

/// What the throttle says to a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Throttle {
    /// Go on.
    LetThrough(CountedBy),
    /// Not before this long.
    Wait(Duration),
}

impl Attempt {
    /// Decides, and counts what is let through. The store is asked before any connection is opened, so that a
    /// throttled try costs none.
    pub(crate) async fn begin(&self, app: &App) -> Result<Throttle, DbError> {
        let (wait_ms, counted_by) = match self.ask_store(&app.store).await {
            Ok(wait_ms) => (wait_ms, CountedBy::Store),
            Err(StoreAway) => (self.ask_database(&app.open_database().await?).await?, CountedBy::Database),
        };
        Ok(match u64::try_from(wait_ms) {
            Ok(0) | Err(_) => Throttle::LetThrough(counted_by),
            Ok(wait_ms) => Throttle::Wait(Duration::from_millis(wait_ms)),
        })
    }

    /// The try failed: the database remembers, for when the store is away, and for the audit log of whoever was meant.
    pub(crate) async fn failed(
        &self,
        db: &Db,
        counted_by: CountedBy,
        meant: Option<(Uuid, Option<Uuid>)>,
        origin: &RequestOrigin,
    ) -> Result<(), DbError> {
        let args = json!({
            "account": self.account, "address": self.address, "at": self.at, "origin": origin,
            "is_counted": counted_by == CountedBy::Database,
            "user_id": meant.map(|(user, _)| user), "tenant_id": meant.and_then(|(_, tenant)| tenant),
        });
        let _: Option<serde::de::IgnoredAny> =
            db.call_unentered(Effect::Writes, "auth.record_failed_log_in", &args).await?;
        Ok(())
    }

    /// The password was right: the store forgets. The database forgets with the statement that begins the session.
    pub(crate) async fn succeeded(&self, store: &Store) {
        // With the store away its counters expire by themselves.
        let _ = store.eval(SUCCEEDED, &self.keys().each_ref().map(String::as_str), &[ms(KNOWN_FOR)]).await;
    }

    async fn ask_store(&self, store: &Store) -> Result<i64, StoreAway> {
        let mut args = vec![self.at.timestamp_millis(), ADDRESS_FAILURES_MAX, ms(ADDRESS_WINDOW), ms(FORGOTTEN_AFTER)];
        args.extend(schedule_ms());
        match store.eval(TRY, &self.keys().each_ref().map(String::as_str), &args).await?.as_slice() {
            [wait_ms] => Ok(*wait_ms),
            _ => Err(StoreAway),
        }
    }

    async fn ask_database(&self, db: &Db) -> Result<i64, DbError> {
        #[derive(Deserialize)]
        struct Answer {
            wait_ms: i64,
        }
        let function = "auth.throttle_log_in";
        let args = json!({
            "account": self.account, "address": self.address, "at": self.at,
            "delays_ms": schedule_ms(), "address_limit": ADDRESS_FAILURES_MAX,
        });
        let answer: Option<Answer> = db.call_unentered(Effect::Writes, function, &args).await?;
        Ok(DbError::answered(function, answer)?.wait_ms)
    }

    fn keys(&self) -> [String; 4] {
        let Self { account, address, .. } = self;
        [
            format!("bizo:log-in:account:{account}"),
            format!("bizo:log-in:address:{address}"),
            format!("bizo:log-in:known:{account}:{address}"),
            format!("bizo:log-in:from:{account}:{address}"),
        ]
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
