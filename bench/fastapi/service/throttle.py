"""Counts log-ins that fail, in the store: components/auth/src/store/log_in_attempts.rs and domain/throttle.rs.

The two scripts are copies of the ones there. The database, which counts there while the store is away, is left out.
"""

import time

from .problems import Problem
from .store import StoreAway, store

_TRY = """
local now = tonumber(ARGV[1])
local failures = tonumber(redis.call('HGET', KEYS[1], 'failures') or '0')
local wait = 0
if failures > 0 then
    local delay = tonumber(ARGV[4 + math.min(failures, #ARGV - 4)])
    -- A free try is free also for a request that came before the last one that was counted.
    if delay > 0 then
        wait = tonumber(redis.call('HGET', KEYS[1], 'last')) + delay - now
    end
end
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[2]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[2]))
end
if wait > 0 then
    return wait
end
redis.call('HSET', KEYS[1], 'failures', failures + 1, 'last', now)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if redis.call('INCR', KEYS[2]) == 1 then
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 0"""

_SUCCEEDED = """
redis.call('DEL', KEYS[1])
if tonumber(redis.call('GET', KEYS[2]) or '0') > 0 then
    redis.call('DECR', KEYS[2])
end
return 0"""

_ADDRESS_FAILURES_MAX = 100
_ADDRESS_WINDOW_MS = 60 * 60 * 1000
_FORGOTTEN_AFTER_MS = 24 * 60 * 60 * 1000
# The waits after the first, second, … failure: four are free, then 1 s, doubled up to 5 minutes.
_SCHEDULE_MS = [0] * 4 + [min(2**doublings, 300) * 1000 for doublings in range(10)]


class Attempt:
    """A try to log in to an account (a digest, in hex) from an address."""

    def __init__(self, account: str, address: str) -> None:
        self._keys = [f"bizo:log-in:account:{account}", f"bizo:log-in:address:{address}"]

    async def begin(self) -> None:
        """Counts the try as failed until it has succeeded, or refuses it."""
        now_ms = time.time_ns() // 1_000_000
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

    async def succeeded(self) -> None:
        try:
            await store.eval(_SUCCEEDED, self._keys, [])
        except StoreAway:
            pass
