"""Counts log-ins that fail, in the store: components/auth/src/store/log_in_attempts.rs and domain/throttle.rs.

The two scripts are copies of the ones there, and a failure is recorded in the database as it is there. The database's own
count, which decides there while the store is away, is left out.
"""

from datetime import UTC, datetime
from typing import Any

import orjson

from .database import auth_database
from .problems import Problem
from .store import StoreAway, store

_TRY = """
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
return 0"""

_SUCCEEDED = """
redis.call('DEL', redis.call('EXISTS', KEYS[3]) == 1 and KEYS[4] or KEYS[1])
redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
if tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then
    redis.call('DECR', KEYS[2])
end
return 0"""

_ADDRESS_FAILURES_MAX = 100
_ADDRESS_WINDOW_MS = 60 * 60 * 1000
_FORGOTTEN_AFTER_MS = 24 * 60 * 60 * 1000
_KNOWN_FOR_MS = 30 * 24 * 60 * 60 * 1000
# The waits after the first, second, … failure: four are free, then 1 s, doubled up to 5 minutes.
_SCHEDULE_MS = [0] * 4 + [min(2**doublings, 300) * 1000 for doublings in range(10)]


class Attempt:
    """A try to log in to an account (a digest, in hex) from an address."""

    def __init__(self, account: str, address: str) -> None:
        self._account, self._address, self._at = account, address, datetime.now(UTC)
        self._keys = [
            f"bizo:log-in:account:{account}",
            f"bizo:log-in:address:{address}",
            f"bizo:log-in:known:{account}:{address}",
            f"bizo:log-in:from:{account}:{address}",
        ]

    async def begin(self) -> None:
        """Counts the try as failed until it has succeeded, or refuses it."""
        now_ms = int(self._at.timestamp() * 1000)
        args = [now_ms, _ADDRESS_FAILURES_MAX, _ADDRESS_WINDOW_MS, _FORGOTTEN_AFTER_MS, *_SCHEDULE_MS]
        try:
            wait_ms = await store.eval(_TRY, self._keys, args)
        except StoreAway:
            return
        if wait_ms > 0:
            seconds = max(1, -(-wait_ms // 1000))
            detail = f"Too many log-ins failed for this account or from this address: wait {seconds} s."
            headers = {"retry-after": str(seconds)}
            raise Problem(429, "log_in_throttled", "Too many failed log-ins", detail, headers=headers)

    async def failed(self, found: dict[str, Any] | None, origin: dict[str, str | None]) -> None:
        """Records the failure, for the time when the store is away and for the audit log of whoever was meant."""
        failure = {
            "account": self._account,
            "address": self._address,
            "at": self._at,
            "origin": origin,
            "is_counted": False,
            "user_id": found and found["user_id"],
            "tenant_id": found and found["tenant_id"],
        }
        statement = "select auth.record_failed_log_in($1)::text"
        await auth_database.text(statement, orjson.dumps(failure).decode(), writes=True)

    async def succeeded(self) -> None:
        try:
            await store.eval(_SUCCEEDED, self._keys, [_KNOWN_FOR_MS])
        except StoreAway:
            pass
