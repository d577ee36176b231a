"""Who is calling: access tokens as crates/identity/src/token.rs has them, and the callers that they make."""

import re
import time
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import jwt
import orjson
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr, ValidationError

from . import ids, settings
from .limits import count_member, count_visitor
from .problems import Problem, unauthenticated

ACCESS_TOKEN_SECONDS = 600
_LEEWAY_SECONDS = 5
_TOKEN_BYTES_MAX = 2048
# PyJWT's base64 decoder skips characters that are none of base64url; a token with such a character is no token.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_OPTIONS = {"require": ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"]}

_JWKS = orjson.loads(settings.JWT_PUBLIC_KEYS or '{"keys":[]}')
_KEYS = {jwk["kid"]: jwt.PyJWK(jwk, "EdDSA").key for jwk in _JWKS["keys"]}
_SIGNING = orjson.loads(settings.JWT_PRIVATE_KEY) if settings.JWT_PRIVATE_KEY else None
_SIGNING_KEY = jwt.PyJWK(_SIGNING, "EdDSA").key if _SIGNING else None


class Header(BaseModel):
    """The protected header: these three and nothing else."""

    model_config = ConfigDict(extra="forbid")
    alg: Literal["EdDSA"]
    typ: Literal["at+jwt"]
    kid: StrictStr


class Claims(BaseModel):
    """What an access token says."""

    model_config = ConfigDict(extra="forbid")
    iss: StrictStr
    aud: StrictStr
    sub: ids.UserIdText
    tid: ids.TenantIdText | None = None
    sid: ids.SessionIdText
    iat: StrictInt
    nbf: StrictInt
    exp: StrictInt
    jti: ids.TokenIdText


def sign(user: UUID, tenant: UUID | None, session: UUID) -> str:
    """A new token of a session."""
    now = int(time.time())
    claims = {"iss": settings.JWT_ISSUER, "aud": settings.JWT_AUDIENCE, "sub": ids.render("usr", user)}
    if tenant is not None:
        claims["tid"] = ids.render("ten", tenant)
    claims |= {
        "sid": ids.render("ses", session),
        "iat": now,
        "nbf": now,
        "exp": now + ACCESS_TOKEN_SECONDS,
        "jti": ids.render("tok", ids.uuid7()),
    }
    return jwt.encode(claims, _SIGNING_KEY, "EdDSA", headers={"typ": "at+jwt", "kid": _SIGNING["kid"]})


def _verify(token: str) -> Claims:
    invalid = "The access token is not valid."
    if len(token) > _TOKEN_BYTES_MAX or not _COMPACT.match(token):
        raise unauthenticated(invalid, "token: Malformed")
    try:
        header = Header.model_validate(jwt.get_unverified_header(token))
        claims = jwt.decode(
            token,
            _KEYS[header.kid],
            algorithms=["EdDSA"],
            issuer=settings.JWT_ISSUER,
            audience=settings.JWT_AUDIENCE,
            leeway=_LEEWAY_SECONDS,
            options=_OPTIONS,
        )
        return Claims.model_validate(claims)
    except jwt.ExpiredSignatureError:
        raise unauthenticated("The access token has expired: log in again.", "token: Expired") from None
    except (jwt.InvalidTokenError, ValidationError, KeyError) as error:
        raise unauthenticated(invalid, f"token: {type(error).__name__}") from None


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        raise unauthenticated("Send one `Authorization: Bearer …` header with an access token.")
    scheme, space, token = values[0].partition(" ")
    if not space or scheme.lower() != "bearer":
        raise unauthenticated("The Authorization header must say `Bearer` and an access token.")
    return token.strip()


async def verified(request: Request) -> Claims:
    """The claims of a valid token, counted against its user and tenant; who has none counts as a visitor."""
    try:
        claims = _verify(_bearer(request))
    except Problem:
        await count_visitor(request)
        raise
    if claims.tid is not None:
        request.scope["notes"].tenant = ids.render("ten", claims.tid)
    await count_member(request, claims.sub, claims.tid)
    return claims


@dataclass(slots=True)
class Caller:
    """A verified token and the roles that hold the right of the route: the arguments of `app.enter`."""

    tenant: UUID
    user: UUID
    session: UUID
    roles: list[str]


_READERS = ["owner", "admin", "member", "viewer"]
_WRITERS = ["owner", "admin", "member"]


def _in_tenant(claims: Claims, roles: list[str]) -> Caller:
    if claims.tid is None:
        detail = "The token names no tenant: log in to one, or become a member of one first."
        raise Problem(403, "forbidden", "The right is missing", detail)
    return Caller(claims.tid, claims.sub, claims.sid, roles)


async def _reader(request: Request) -> Caller:
    return _in_tenant(await verified(request), _READERS)


async def _writer(request: Request) -> Caller:
    return _in_tenant(await verified(request), _WRITERS)


Person = Annotated[Claims, Depends(verified)]
ReadLeads = Annotated[Caller, Depends(_reader)]
WriteLeads = Annotated[Caller, Depends(_writer)]


def entry(claims: Claims) -> tuple[str, list[object]]:
    """How a person enters the database, in their tenant if they have one: an SQL expression and its arguments."""
    if claims.tid is None:
        return "app.enter_person($1, $2)", [claims.sub, claims.sid]
    return "app.enter($1, $2, $3, $4)", [claims.tid, claims.sub, claims.sid, _READERS]
