"""TypeIDs over UUIDv7, as crates/ids has them: a prefix and 128 bits in 26 characters of base32."""

import os
import re
import time
from typing import Annotated
from uuid import UUID

from pydantic import PlainSerializer, PlainValidator

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits are two characters: 13 look-ups an id instead of 26.
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_SUFFIX = re.compile(r"[0-7][0-9a-hjkmnp-tv-z]{25}\Z")


def uuid7() -> UUID:
    """A new UUID; those made later sort later."""
    random = int.from_bytes(os.urandom(10), "big")
    bits = (time.time_ns() // 1_000_000) << 80 | random
    return UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def render(prefix: str, uuid: UUID) -> str:
    """The text of an id."""
    bits, pairs = uuid.int, _PAIRS
    return f"{prefix}_" + "".join([pairs[bits >> shift & 1023] for shift in _SHIFTS])


def parse(prefix: str, text: object) -> UUID:
    """The UUID of an id of this kind; ValueError for any other text."""
    if isinstance(text, str) and text.startswith(f"{prefix}_"):
        suffix = text[len(prefix) + 1 :]
        if _SUFFIX.match(suffix):
            return UUID(int=int(suffix.translate(_DIGITS), 32))
    raise ValueError(f"an id that starts with `{prefix}_` and has 26 characters after it is wanted")


# Rows hold UUIDs and answers hold TypeIDs: one type for both sides of a response model.
UserId = Annotated[UUID, PlainSerializer(lambda uuid: render("usr", uuid), return_type=str)]
TenantId = Annotated[UUID, PlainSerializer(lambda uuid: render("ten", uuid), return_type=str)]
LeadId = Annotated[UUID, PlainSerializer(lambda uuid: render("led", uuid), return_type=str)]

# Ids that come in as text: claims of a token.
UserIdText = Annotated[UUID, PlainValidator(lambda text: parse("usr", text))]
TenantIdText = Annotated[UUID, PlainValidator(lambda text: parse("ten", text))]
SessionIdText = Annotated[UUID, PlainValidator(lambda text: parse("ses", text))]
TokenIdText = Annotated[UUID, PlainValidator(lambda text: parse("tok", text))]
LeadIdText = Annotated[UUID, PlainValidator(lambda text: parse("led", text))]
