"""Passwords: components/auth/src/domain/password.rs. Hashing runs in a thread; argon2-cffi lets the loop go on."""

import asyncio
import unicodedata

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from . import settings
from .texts import CONTROL, email_key

_CHARS_MAX = 128
_BYTES_MAX = 4 * _CHARS_MAX
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16)
# What an unknown address is compared with, so that it costs what a known one costs.
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$d2VsbCBrZXB0IHNhbHQh$3vP6PrkPOtJJYZ2QhHbqJyOW3lC1uPTIfJ6XYeOBmJ0"


def normalize(typed: str) -> str | None:
    """The password as it is measured and hashed; None if it is longer than any that is allowed."""
    return unicodedata.normalize("NFKC", typed) if len(typed.encode()) <= _BYTES_MAX else None


def refusal(password: str | None, email: str, tenant_name: str) -> str | None:
    """Why the password is not allowed; None if it is."""
    if password is None or len(password) > _CHARS_MAX:
        return f"The password may have {_CHARS_MAX} characters at most"
    if len(password) < settings.PASSWORD_CHARS_MIN:
        return f"The password must have at least {settings.PASSWORD_CHARS_MIN} characters"
    if CONTROL.search(password):
        return "The password may not hold control characters"
    folded = password.lower()
    if folded in (email_key(email), email.rpartition("@")[0].lower()):
        return "The password must not be the email address"
    if folded == tenant_name.lower():
        return "The password must not be the name of the tenant"
    return None


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_HASHER.hash, password)


async def verify(password: str | None, kept: str | None) -> bool:
    """Whether the password is the one that was hashed; without a hash the same work is done and the answer is no."""
    if kept is None or password is None or not _is_affordable(kept):
        await asyncio.to_thread(_verify, _NOBODYS_HASH, password or "")
        return False
    return await asyncio.to_thread(_verify, kept, password)


def _verify(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _is_affordable(kept: str) -> bool:
    try:
        asked = extract_parameters(kept)
    except InvalidHashError:
        return False
    return asked.type is Type.ID and asked.memory_cost <= 65_536 and asked.time_cost <= 4 and asked.parallelism <= 4
