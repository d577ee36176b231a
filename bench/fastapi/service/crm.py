"""The lead routes: components/crm/src/routes."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from . import ids
from .identity import ReadLeads, WriteLeads
from .input import json_body, query
from .lead_store import After, lead_store
from .leads import Lead, LeadAnalytics, LeadPage, NewLead, priority, score
from .problems import Problem, invalid_parameter

router = APIRouter(tags=["crm"])

_DAYS_SHOWN = 30
_SORT = "-created_at"


def _limit(text: Any) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 100:
        return int(text)
    raise ValueError("a whole number from 1 to 100 is wanted")


class ListQuery(BaseModel):
    """How much of the list, and from where on."""

    limit: Annotated[int, BeforeValidator(_limit)] = 20
    cursor: str | None = None


class NoQuery(BaseModel):
    """A route without parameters."""


class Place(BaseModel):
    """The place of a lead in an order: what a cursor holds."""

    model_config = ConfigDict(extra="ignore")
    sort: str
    key: AwareDatetime
    id: ids.LeadIdText


def _write_cursor(lead: Lead) -> str:
    key = lead.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    place = orjson.dumps({"sort": _SORT, "key": key, "id": ids.render("led", lead.id)})
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> After:
    try:
        place = Place.model_validate_json(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, ValidationError):
        raise invalid_parameter("cursor", "give the `next_cursor` of the page before, unchanged") from None
    if place.sort != _SORT:
        raise invalid_parameter("cursor", "it belongs to another `sort`: begin again without it")
    return place.key, place.id


@router.post("/leads", status_code=201)
async def create_lead(
    caller: WriteLeads, new: Annotated[NewLead, Depends(json_body(NewLead))], response: Response
) -> Lead:
    """Adds a lead and scores it."""
    points, reasons = score(new)
    lead = await lead_store.create(caller, new, ids.uuid7(), points, reasons, priority(points), datetime.now(UTC))
    response.headers["etag"] = f'"{lead.version}"'
    response.headers["location"] = f"/leads/{ids.render('led', lead.id)}"
    return lead


@router.get("/leads")
async def list_leads(caller: ReadLeads, query: Annotated[ListQuery, Depends(query(ListQuery))]) -> LeadPage:
    """Lists leads, newest first."""
    after = _read_cursor(query.cursor) if query.cursor is not None else None
    # One more than the page has tells whether there is a next page.
    leads = await lead_store.list_newest(caller, query.limit + 1, after)
    page = leads[: query.limit]
    return LeadPage.model_construct(
        data=page, next_cursor=_write_cursor(page[-1]) if len(leads) > query.limit else None
    )


@router.get("/leads/{id}")
async def find_lead(caller: ReadLeads, id: str, response: Response) -> Lead:
    """Gives a lead."""
    try:
        lead_id = ids.parse("led", id)
    except ValueError:
        detail = "An id in the path is not one: use ids as the API gave them, prefix and all."
        raise Problem(400, "malformed_id", "The path holds a malformed id", detail) from None
    lead = await lead_store.find(caller, lead_id)
    if lead is None:
        detail = "The tenant has no lead with this id, or it was deleted."
        raise Problem(404, "lead_not_found", "There is no such lead", detail)
    response.headers["etag"] = f'"{lead.version}"'
    return lead


@router.get("/analytics/leads")
async def summarize_leads(caller: ReadLeads, _query: Annotated[NoQuery, Depends(query(NoQuery))]) -> LeadAnalytics:
    """Sums up the tenant's leads, and the last 30 days one by one."""
    today = datetime.now(UTC).date()
    figures = await lead_store.summarize(caller, today - timedelta(days=_DAYS_SHOWN - 1), today)
    return LeadAnalytics.of(figures)


@router.get("/crm/healthz")
async def healthz() -> dict[str, str]:
    """Says that the process answers."""
    return {"status": "ok"}
