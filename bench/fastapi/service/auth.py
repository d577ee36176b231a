"""Accounts and sessions: components/auth/src/routes."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict

from . import ids, passwords, settings, texts
from .database import auth_database
from .identity import ACCESS_TOKEN_SECONDS, Person, entry, sign
from .input import json_body, read_form
from .limits import client_address, count_visitor, limit_key
from .problems import Problem, internal
from .throttle import Attempt

router = APIRouter(tags=["auth"])

_FORM_BYTES_MAX = 16 * 1024
_USER_AGENT_CHARS_MAX = 400
_TENANT_NAME_CHARS_MAX = 100
_SLUG_CHARS_MAX = 48


def _tenant_name(name: str) -> str:
    name = texts.trim(name)
    if not 1 <= len(name) <= _TENANT_NAME_CHARS_MAX or texts.CONTROL.search(name):
        raise ValueError("1 to 100 characters are wanted, without control characters")
    return name


class NewUser(BaseModel):
    """Who wants an account. The three flags are taken and ignored, as fastapi-users does."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, AfterValidator(texts.parse_email)]
    password: str
    tenant_name: Annotated[str, AfterValidator(_tenant_name)] | None = None
    is_active: bool | None = None
    is_superuser: bool | None = None
    is_verified: bool | None = None


class LogIn(BaseModel):
    """The form of OAuth 2.0's password grant, as fastapi-users takes it."""

    model_config = ConfigDict(extra="forbid")
    username: str
    password: str
    scope: str = ""
    grant_type: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class Tenant(BaseModel):
    """A tenant, and what the person is in it."""

    id: ids.TenantId
    name: str
    slug: str
    role: Literal["owner", "admin", "member", "viewer"]


class Account(BaseModel):
    """A person as clients of fastapi-users know one, and the tenant that they act in."""

    id: ids.UserId
    email: str
    is_active: bool
    is_superuser: bool
    is_verified: bool
    tenant: Tenant | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Account":
        return cls.model_validate({**row["user"], "tenant": row["tenant"]})


class LoggedIn(BaseModel):
    """The tokens of a session."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = ACCESS_TOKEN_SECONDS


def _slug(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    slug = "".join(c for c in decomposed if not unicodedata.category(c).startswith("M")).lower()
    slug = re.sub(r"[^a-z0-9]+", "-", slug).lstrip("-")[:_SLUG_CHARS_MAX].rstrip("-")
    return slug or "tenant"


def _digest(purpose: bytes, message: str) -> str:
    return hmac.new(settings.HMAC_KEY, purpose + b"\0" + message.encode(), hashlib.sha256).hexdigest()


def _origin(request: Request) -> dict[str, str | None]:
    """Where a request came from, for the audit log: crates/api/src/request_origin.rs."""
    user_agent = request.headers.get("user-agent")
    return {
        "address": client_address(request),
        "user_agent": user_agent[:_USER_AGENT_CHARS_MAX] if user_agent else None,
        "request_id": request.scope["notes"].request_id,
    }


@router.post("/auth/register", status_code=201, dependencies=[Depends(count_visitor)])
async def register(request: Request, new: Annotated[NewUser, Depends(json_body(NewUser))]) -> Account:
    """Makes an account with its first tenant, of which the person is the owner."""
    user, tenant = ids.uuid7(), ids.uuid7()
    asked = new.tenant_name or new.email.rpartition("@")[0]
    name = texts.CONTROL.sub("", unicodedata.normalize("NFC", asked))[:_TENANT_NAME_CHARS_MAX]
    slug = _slug(name)
    password = passwords.normalize(new.password)
    if reason := passwords.refusal(password, new.email, name):
        detail = {"code": "REGISTER_INVALID_PASSWORD", "reason": reason}
        raise Problem(400, "invalid_password", "The password is not allowed", detail)
    account = {
        "user_id": user,
        "email": new.email,
        "email_key": texts.email_key(new.email),
        "password_hash": await passwords.hash_password(password),
        "tenant_id": tenant,
        "tenant_name": name,
        "slug": slug,
        "slug_if_taken": f"{slug}-{ids.render('ten', tenant)[-8:]}",
        "event_id": ids.uuid7(),
        "hides_accounts": False,
        "at": datetime.now(UTC),
        "origin": _origin(request),
    }
    statement = "select auth.register(app.enter_nobody(), $1)::text"
    outcome = orjson.loads(await auth_database.text(statement, orjson.dumps(account).decode(), writes=True))
    if outcome == "email_taken":
        title = "There is an account with this email address"
        raise Problem(400, "user_already_exists", title, "REGISTER_USER_ALREADY_EXISTS")
    return Account.of(outcome["registered"])


def _bad_credentials() -> Problem:
    title = "The email address or the password is wrong"
    return Problem(400, "bad_credentials", title, "LOGIN_BAD_CREDENTIALS")


def _unknown_scope() -> Problem:
    detail = "`scope` must be `tenant:` and the slug of a tenant that you are a member of."
    return Problem(400, "unknown_tenant_scope", "You are no member of this tenant", detail)


def _tenant_slug(scope: str) -> str | None:
    scope = texts.trim(scope)
    if not scope:
        return None
    slug = scope.removeprefix("tenant:")
    if slug in ("", scope):
        raise _unknown_scope()
    return slug


@router.post("/auth/jwt/login")
async def log_in(request: Request, address: Annotated[str, Depends(count_visitor)]) -> LoggedIn:
    """Begins a session and gives its access token."""
    form = await read_form(request, LogIn, _FORM_BYTES_MAX)
    slug = _tenant_slug(form.scope)
    key = texts.email_key(form.username)
    account = _digest(b"throttled account", key)
    attempt = Attempt(account, limit_key(address))
    await attempt.begin()

    args = orjson.dumps({"email_key": key, "slug": slug}).decode()
    text = await auth_database.text("select auth.find_log_in($1)::text", args, writes=False)
    found = orjson.loads(text) if text else None
    # No connection is held while the hash is computed.
    is_right = await passwords.verify(passwords.normalize(form.password), found and found["password_hash"])
    origin = _origin(request)
    if not found or not is_right or not found["is_active"]:
        await attempt.failed(found, origin)
        raise _bad_credentials()
    tenant = UUID(found["tenant_id"]) if found["tenant_id"] else None
    if slug is not None and tenant is None:
        raise _unknown_scope()

    session, now = ids.uuid7(), datetime.now(UTC)
    refresh_token = secrets.token_urlsafe(32)
    opened = await auth_database.text(
        "select auth.open_session($1)::text",
        orjson.dumps(
            {
                "session_id": session,
                "user_id": found["user_id"],
                "tenant_id": tenant,
                "password_hash": found["password_hash"],
                "account": account,
                "refresh_token_hash": hashlib.sha256(refresh_token.encode()).hexdigest(),
                "at": now,
                "expires_at": now + timedelta(days=14),
                "ends_at": now + timedelta(days=90),
                "origin": origin,
            }
        ).decode(),
        writes=True,
    )
    if opened is None:
        raise _bad_credentials()
    await attempt.succeeded()
    return LoggedIn(access_token=sign(UUID(found["user_id"]), tenant, session), refresh_token=refresh_token)


@router.post("/auth/jwt/logout", status_code=204)
async def log_out(request: Request, person: Person) -> None:
    """Ends the caller's session: its tokens are refused from now on."""
    enter, args = entry(person)
    at = orjson.dumps({"at": datetime.now(UTC), "origin": _origin(request)}).decode()
    await auth_database.text(f"select auth.log_out({enter}, ${len(args) + 1})::text", *args, at, writes=True)


@router.get("/users/me")
async def find_me(person: Person) -> Account:
    """Gives the caller's own account."""
    enter, args = entry(person)
    text = await auth_database.text(f"select auth.find_me({enter}, ${len(args) + 1})::text", *args, "{}", writes=False)
    if text is None:
        raise internal("no row of the caller")
    return Account.of(orjson.loads(text))
