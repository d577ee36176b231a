"""Postgres: a pool for each role, and what a failed statement means to a client (crates/db/src/error.rs)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from . import settings
from .problems import Problem, internal, outcome_unknown, unauthenticated, unavailable

_OPEN_SECONDS_MAX = 2
_STATEMENT_SECONDS_MAX = 6


class _Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        # Nothing outlives a statement or a transaction here (settings are local, no listen, no advisory locks), so the
        # round trip of `reset all` at every release is spared.
        return ""


async def _init(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("json", encoder=_dumps, decoder=orjson.loads, schema="pg_catalog")


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """The pool of one role."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._pool: asyncpg.Pool

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            host=settings.DB_HOST,
            port=settings.DB_PORT,
            database=settings.DB_NAME,
            user=self._user,
            password=self._password,
            ssl=settings.DB_SSLMODE,
            min_size=min(2, settings.POOL),
            max_size=settings.POOL,
            timeout=_OPEN_SECONDS_MAX,
            command_timeout=_STATEMENT_SECONDS_MAX,
            connection_class=_Connection,
            init=_init if settings.STATEMENTS == "plain" else None,
        )

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection; waiting for one ends after 2 s."""
        try:
            connection = await self._pool.acquire(timeout=_OPEN_SECONDS_MAX)
        except TimeoutError:
            detail = "Too many requests are under way; nothing was done. Try again."
            cause = "no database connection became free in time"
            raise unavailable("saturated", "The service is busy", detail, 1, cause) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            raise _database_unavailable() from None
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def text(self, statement: str, *args: Any, writes: bool) -> str | None:
        """Runs a statement that answers one text."""
        async with self.connection() as connection:
            try:
                return await connection.fetchval(statement, *args)
            except _FAILURES as error:
                raise of_failure(error, writes) from None


_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@asynccontextmanager
async def told(writes: bool) -> AsyncIterator[None]:
    """Turns failures of the statements inside into problems."""
    try:
        yield
    except _FAILURES as error:
        raise of_failure(error, writes) from None


def _database_unavailable() -> Problem:
    detail = "The database cannot be reached; nothing was done. Try again."
    cause = "the database cannot be reached"
    return unavailable("database_unavailable", "The database is unavailable", detail, 2, cause)


def _interrupted(cause: str) -> Problem:
    detail = "The database did not answer in time; nothing was changed. Try again."
    return unavailable("database_interrupted", "The database did not answer in time", detail, 1, cause)


def of_failure(error: Exception, writes: bool) -> Problem:
    """What a failed statement means; never the server's own text, which quotes the row."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None:
        if writes:
            return outcome_unknown("a write was interrupted; it may have been done")
        return _interrupted("a read was interrupted")
    match sqlstate:
        case "BZ401":
            detail = "The session was ended, or is not valid in this tenant: log in again."
            return unauthenticated(detail, "the session is revoked")
        case "BZ403":
            detail = "Your role in this tenant does not hold the right for this."
            cause = "the caller's role does not hold the right"
            return Problem(403, "forbidden", "The right is missing", detail, cause=cause)
        case "BZ404":
            detail = "The tenant was deleted."
            return Problem(404, "tenant_not_found", "There is no such tenant", detail, cause="the tenant is gone")
        case "55P03" | "40P01" | "40001":
            detail = "Another request holds this resource or this Idempotency-Key; nothing was done. Try again."
            title = "Another request is in flight"
            headers = {"retry-after": "1"}
            return Problem(409, "conflict_in_flight", title, detail, headers=headers, cause="a row stayed locked")
        case "57014":
            return _interrupted("a read was interrupted")
        case "57P01" | "57P02" | "57P03":
            return _database_unavailable()
        case _:
            cause = f"the database refused: sqlstate {sqlstate}"
            for name in ("constraint", "table"):
                value = getattr(error, f"{name}_name", None)
                cause += f", {name} {value}" if value else ""
            return internal(cause)


auth_database = Database(settings.DB_USER_AUTH, settings.DB_PASSWORD_AUTH)
crm_database = Database(settings.DB_USER_CRM, settings.DB_PASSWORD_CRM)
