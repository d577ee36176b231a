"""The way of every request through the service: request id, time limit, security and limit headers, one log line.

A plain ASGI middleware, because Starlette's BaseHTTPMiddleware costs a task and a queue for each request.
"""

import asyncio
import os
import re
import time

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import ids
from .problems import Problem, internal, outcome_unknown, unavailable

_REQUEST_SECONDS_MAX = 30
_LINE_BYTES_MAX = 4096
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_UNREACHED = {"route_not_found", "method_not_allowed", "request_timed_out"}
_SECURITY_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
]


class Notes:
    """What a request notes on its way for those who finish its answer."""

    __slots__ = ("request_id", "tenant", "standing", "problem")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.tenant: str | None = None
        self.standing: list[tuple[bytes, bytes]] | None = None
        self.problem: Problem | None = None


def _request_id(scope: Scope) -> str:
    sent = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(sent) == 1:
        text = sent[0].decode("latin-1")
        if _WELL_FORMED.match(text):
            return text
    return ids.render("req", ids.uuid7())


class Frame:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The host answers its own paths itself; they have no line.
        if scope["type"] != "http" or scope["path"].startswith("/.well-known/spin/"):
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        notes = scope["notes"] = Notes(_request_id(scope))
        status = 0

        async def finish(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                headers.extend(_SECURITY_HEADERS)
                headers.append((b"x-request-id", notes.request_id.encode()))
                if notes.standing is not None:
                    headers.extend(notes.standing)
                self.log(scope, notes, status, started)
            await send(message)

        try:
            async with asyncio.timeout(_REQUEST_SECONDS_MAX):
                await self.app(scope, receive, finish)
        except Exception as error:
            if status:
                raise
            await self.refuse(scope, notes, error, finish)

    async def refuse(self, scope: Scope, notes: Notes, error: Exception, send: Send) -> None:
        """What no handler answered: a mistake of ours, or the time limit."""
        if not isinstance(error, TimeoutError):
            problem = internal(f"{type(error).__name__}")
        elif scope["method"] in ("GET", "HEAD", "OPTIONS", "TRACE"):
            detail = "The request was given up after 30 seconds; nothing was changed. Try again."
            title = "The request took too long"
            problem = unavailable("request_timed_out", title, detail, 1, "the request took longer than 30 s")
        else:
            problem = outcome_unknown("the request took longer than 30 s")
        notes.problem = problem
        body = problem.render(notes.request_id)
        headers = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        headers += [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @staticmethod
    def log(scope: Scope, notes: Notes, status: int, started: float) -> None:
        """One line to standard output in one write: docs/logging.md."""
        route = scope.get("route")
        method = scope["method"]
        # The router notes the route also where only the path fits; no handler was reached then.
        reached = route is not None and (notes.problem is None or notes.problem.code not in _UNREACHED)
        tags = getattr(route, "tags", None)
        line = {
            "level": "error" if status >= 500 else "info",
            "component": tags[0] if tags else "web",
            "method": method if method in _METHODS else "OTHER",
            "route": route.path if reached else "none",
            "status": status,
            "duration_ms": round((time.perf_counter() - started) * 1000, 3),
            "request_id": notes.request_id,
        }
        if notes.tenant is not None:
            line["tenant"] = notes.tenant
        if notes.problem is not None:
            line["code"] = notes.problem.code
            if notes.problem.cause is not None:
                line["cause"] = notes.problem.cause
        text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(text) > _LINE_BYTES_MAX:
            line["cause"] = "too long for a line"
            text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        os.write(1, text)
