"""What comes in: bodies and queries. They are read after the caller is known, which is why they are dependencies of
ours and not FastAPI's parameters: FastAPI reads a body before it asks who calls."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ValidationError

from .problems import (
    Problem,
    invalid_parameter,
    of_validation,
    unknown_parameter,
    unsupported_media_type,
    validation_failed,
)

BODY_BYTES_MAX = 1 << 20
_DRAIN_BYTES_MAX = 1 << 20
_SEND_SECONDS_MAX = 15
_NUL = re.compile(rb"(?:[^\\]|\\(?!u0000).)*?\\u0000", re.DOTALL)
_PLACE = re.compile(r"line \d+ column \d+")

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; a little more than the limit is read and thrown away, so that the client hears the answer."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_SEND_SECONDS_MAX):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limit:
                    chunks.append(chunk)
                elif size > limit + _DRAIN_BYTES_MAX:
                    break
    except TimeoutError:
        detail = "The body did not arrive within 15 seconds; nothing was done."
        raise Problem(408, "body_timed_out", "The body took too long", detail) from None
    if size > limit:
        detail = f"The body of this route may have {limit} bytes at most."
        raise Problem(413, "body_too_large", "The body is too large", detail)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _essence(request: Request) -> str:
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def json_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads a body of this model; pydantic reads the bytes itself."""
    validate = model.__pydantic_validator__.validate_json

    async def read(request: Request) -> Model:
        essence = _essence(request)
        if essence != "application/json" and not (essence.startswith("application/") and essence.endswith("+json")):
            raise unsupported_media_type("Send the body as JSON, with `Content-Type: application/json`.")
        body = await read_body(request, BODY_BYTES_MAX)
        holds_nul = b"\\u0000" in body and _NUL.match(body) is not None
        try:
            value = validate(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            if first["type"] == "json_invalid":
                place = _PLACE.search(first["msg"])
                place = place[0].replace(" column", ", column") if place else "line 1, column 1"
                detail = f"The body is not JSON from {place} on."
                raise Problem(400, "malformed_json", "The body is not JSON", detail) from None
            if first["type"] == "model_type":
                raise validation_failed([("", "a JSON object is wanted")]) from None
            # The rules of texts would speak of a control character; that it cannot be stored says more.
            if not (holds_nul and first["type"] == "value_error"):
                raise of_validation(error) from None
        if holds_nul:
            raise validation_failed([("", "the NUL character cannot be stored")])
        return value

    return read


async def read_form(request: Request, model: type[Model], limit: int) -> Model:
    """A form body: unknown and repeated fields are refused by name."""
    if _essence(request) != "application/x-www-form-urlencoded":
        raise unsupported_media_type("Log-in takes a form: send `Content-Type: application/x-www-form-urlencoded`.")
    body = await read_body(request, limit)
    fields: dict[str, str] = {}
    for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        if "\0" in name or "\0" in value:
            raise validation_failed([(f"/{name}".replace("\0", "\ufffd"), "the NUL character cannot be stored")])
        if name in fields:
            raise validation_failed([(f"/{name}", f"duplicate field `{name}`")])
        fields[name] = value
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise of_validation(error) from None


def query(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads the query: unknown, repeated and malformed parameters are refused by name."""
    empty = model()
    names = ", ".join(f"`{name}`" for name in model.model_fields)
    known = f"expected one of {names}" if names else "there are no fields"

    async def read(request: Request) -> Model:
        text = request.scope["query_string"]
        if not text:
            return empty
        fields: dict[str, str] = {}
        for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
            if "\0" in name or "\0" in value:
                raise invalid_parameter(name.replace("\0", "\ufffd"), "the NUL character cannot be stored")
            if name not in model.model_fields:
                raise unknown_parameter(name, known)
            if name in fields:
                raise invalid_parameter(name, f"duplicate field `{name}`")
            fields[name] = value
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise invalid_parameter(str(first["loc"][0]), first["msg"].removeprefix("Value error, ")) from None

    return read
