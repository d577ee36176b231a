"""Rate limits, as crates/api/src/rate_limit.rs has them: one EVAL of its script decides and counts."""

import ipaddress
import time
from pathlib import Path
from uuid import UUID

from fastapi import Request

from . import ids, settings
from .problems import Problem
from .store import StoreAway, store

_SCRIPT = (Path(__file__).parents[3] / "crates/api/src/rate_limit.lua").read_text()
_WINDOW_MS = 60_000


def client_address(request: Request) -> str:
    """Where a request comes from: the peer, or what the outermost of our proxies wrote; `unknown` if unreadable."""
    hops = settings.TRUSTED_PROXY_HOPS
    if hops == 0:
        text = request.client.host if request.client else ""
    else:
        chain = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        text = chain[-hops].strip() if len(chain) >= hops else ""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def limit_key(address: str) -> str:
    """What limits count by: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in address:
        return address
    groups = ipaddress.IPv6Address(address).exploded.split(":")[:4]
    return ":".join(f"{int(group, 16):x}" for group in groups) + "::/64"


async def count_visitor(request: Request) -> str:
    """Counts somebody without a valid token against their address, which it gives."""
    address = client_address(request)
    await _count(request, [("address", f"bizo:rate:{{address:{limit_key(address)}}}", settings.RATE_LIMIT_ADDRESS)])
    return address


async def count_member(request: Request, user: UUID, tenant: UUID | None) -> None:
    """Counts a person in a tenant (or in none)."""
    user_text = ids.render("usr", user)
    if tenant is None:
        await _count(request, [("user", f"bizo:rate:{{{user_text}}}", settings.RATE_LIMIT_USER)])
        return
    tenant_text = ids.render("ten", tenant)
    await _count(
        request,
        [
            ("user", f"bizo:rate:{{{tenant_text}}}:{user_text}", settings.RATE_LIMIT_USER),
            ("tenant", f"bizo:rate:{{{tenant_text}}}", settings.RATE_LIMIT_TENANT),
        ],
    )


async def _count(request: Request, subjects: list[tuple[str, str, int]]) -> None:
    keys = [key for _, key, _ in subjects]
    limits = [limit for _, _, limit in subjects]
    try:
        wait_ms, *standing = await store.eval(_SCRIPT, keys, [time.time_ns() // 1_000_000, _WINDOW_MS, *limits])
    except StoreAway:
        # These limits share out capacity and guard no secret: without the store nobody is refused.
        return
    policies, standings = [], []
    for (name, _, limit), left, reset_ms in zip(subjects, standing[::2], standing[1::2], strict=True):
        policies.append(f'"{name}";q={limit};w={_WINDOW_MS // 1000}')
        standings.append(f'"{name}";r={left};t={-(-reset_ms // 1000)}')
    request.scope["notes"].standing = [
        (b"ratelimit-policy", ", ".join(policies).encode()),
        (b"ratelimit", ", ".join(standings).encode()),
    ]
    if wait_ms:
        spent = [(name, limit) for (name, _, limit), left in zip(subjects, standing[::2]) if left == 0]
        name, limit = spent[0] if spent else ("address", 0)
        seconds = max(1, -(-wait_ms // 1000))
        detail = f"The {limit} requests a minute of this {name} are used up; nothing was done. Wait {seconds} s."
        raise Problem(429, "rate_limited", "Too many requests", detail, headers={"retry-after": str(seconds)})
