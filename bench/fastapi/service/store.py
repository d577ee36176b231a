"""The Redis-compatible store, as crates/api/src/store.rs has it: 150 ms for an answer, and left alone for 5 s after a
failure."""

import asyncio
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from . import settings

_ANSWER_SECONDS_MAX = 0.15
_BREAKER_SECONDS = 5


class StoreAway(Exception):
    """The store gave no answer in time, or is being left alone."""


class Store:
    def __init__(self) -> None:
        self._redis = Redis(
            host=settings.REDIS_HOST, port=settings.REDIS_PORT, password=settings.REDIS_PASSWORD or None, protocol=2
        )
        self._left_alone_until = 0.0

    async def eval(self, script: str, keys: list[str], args: list[int]) -> Any:
        """Runs a Lua script atomically and gives its reply."""
        if time.monotonic() < self._left_alone_until:
            raise StoreAway
        try:
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                return await self._redis.execute_command("EVAL", script, len(keys), *keys, *args)
        except (TimeoutError, OSError, RedisError) as error:
            self._left_alone_until = time.monotonic() + _BREAKER_SECONDS
            raise StoreAway from error

    async def close(self) -> None:
        await self._redis.aclose()


store = Store()
