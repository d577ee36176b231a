"""Problem documents (RFC 9457): the one form of every refusal, as crates/api/src/problem.rs has it."""

from typing import Any

import orjson
from fastapi import Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

_ECHO_CHARS_MAX = 300


class Problem(Exception):
    """A refusal. `cause` is for the log alone and holds no value of a request."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: Any,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        cause: str | None = None,
    ) -> None:
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.errors, self.headers, self.cause = errors, headers or {}, cause

    def render(self, request_id: str) -> bytes:
        """The document's bytes."""
        document = {
            "type": f"urn:bizosaas:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = self.errors
        return orjson.dumps(document)


def _echo(text: str) -> str:
    return text if len(text) <= _ECHO_CHARS_MAX else text[:_ECHO_CHARS_MAX] + "…"


def unauthenticated(detail: str, cause: str | None = None) -> Problem:
    title = "Authentication is required"
    return Problem(401, "unauthenticated", title, detail, headers={"www-authenticate": "Bearer"}, cause=cause)


def validation_failed(errors: list[tuple[str, str]]) -> Problem:
    """Each error is a JSON pointer and what is wrong there."""
    named = [{"pointer": _echo(pointer), "detail": _echo(detail)} for pointer, detail in errors]
    detail = "Some fields are not valid; `errors` names each."
    return Problem(422, "validation_failed", "The input is not valid", detail, named)


def invalid_parameter(parameter: str, what: str) -> Problem:
    named = [{"parameter": _echo(parameter), "detail": _echo(what)}]
    detail = "A parameter of the query is not valid; `errors` names it."
    return Problem(400, "invalid_parameter", "A parameter is not valid", detail, named)


def unknown_parameter(parameter: str, known: str) -> Problem:
    named = [{"parameter": _echo(parameter), "detail": _echo(f"unknown field `{parameter}`, {known}")}]
    detail = "A parameter of the query is unknown; `errors` names it and those that the route takes."
    return Problem(400, "unknown_parameter", "The route does not know a parameter", detail, named)


def unsupported_media_type(detail: str) -> Problem:
    return Problem(415, "unsupported_media_type", "The media type is not supported", detail)


def internal(cause: str) -> Problem:
    detail = "Something went wrong on our side; the log names the cause under this request id."
    return Problem(500, "internal", "Internal error", detail, cause=cause)


def unavailable(code: str, title: str, detail: str, seconds: int, cause: str) -> Problem:
    return Problem(503, code, title, detail, headers={"retry-after": str(seconds)}, cause=cause)


def outcome_unknown(cause: str) -> Problem:
    detail = (
        "The change was sent but not confirmed: it may have been done. Repeat the request with the same "
        "Idempotency-Key, or read the resource first."
    )
    return unavailable("outcome_unknown", "The outcome is unknown", detail, 2, cause)


def of_validation(error: ValidationError) -> Problem:
    """What pydantic found wrong in a body; its messages for types, our rules' own sentences."""
    found = {}
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in each["loc"])
        found.setdefault(pointer, each["msg"].removeprefix("Value error, "))
    return validation_failed(sorted(found.items()))


async def answer_problem(request: Request, problem: Problem) -> Response:
    """Renders a problem; the frame logs its code and cause."""
    notes = request.scope["notes"]
    notes.problem = problem
    body = problem.render(notes.request_id)
    return Response(body, problem.status, problem.headers, "application/problem+json")


async def answer_http_exception(request: Request, error: HTTPException) -> Response:
    """What the router itself refuses."""
    if error.status_code == 405:
        detail = "The route does not take this method; the Allow header lists those that it takes."
        headers = dict(error.headers or {})
        problem = Problem(405, "method_not_allowed", "The method is not allowed", detail, headers=headers)
    elif error.status_code == 404:
        detail = "No route has this path. /openapi.json lists all of them."
        problem = Problem(404, "route_not_found", "There is no such route", detail)
    else:
        problem = internal(f"the framework answered {error.status_code}")
    return await answer_problem(request, problem)
