"""What the lead routes ask of Postgres, in two forms; `STATEMENTS` chooses (README.md).

Both enter through `app.enter`, which refuses an ended session and a missing right and sets what the row policies read.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import orjson
from pydantic import TypeAdapter

from . import settings
from .database import crm_database, told
from .identity import Caller
from .leads import Day, Lead, LeadFigures, NewLead

_LEADS = TypeAdapter(list[Lead])
_FIELDS = tuple(Lead.model_fields)

After = tuple[datetime, UUID]


def _named(row: list[Any]) -> dict[str, Any]:
    """A lead as `crm.lead_view` answers it: its columns, in the order of the model's fields."""
    return dict(zip(_FIELDS, row, strict=True))


class LeadStore(Protocol):
    async def create(
        self, caller: Caller, lead: NewLead, id: UUID, points: int, reasons: list[Any], priority: str, at: datetime
    ) -> Lead: ...

    async def find(self, caller: Caller, id: UUID) -> Lead | None: ...

    async def list_newest(self, caller: Caller, limit: int, after: After | None) -> list[Lead]: ...

    async def summarize(self, caller: Caller, first_day: date, last_day: date) -> LeadFigures: ...


class FunctionStore:
    """The statements of the components: one call of an SQL function, answered as one JSON text."""

    async def create(self, caller, lead, id, points, reasons, priority, at):
        args = {
            "id": id,
            "email": lead.email,
            "first_name": lead.first_name,
            "last_name": lead.last_name,
            "company": lead.company,
            "job_title": lead.job_title,
            "phone": lead.phone,
            "source": lead.source,
            "website": lead.website,
            "country": lead.country,
            "notes": lead.notes,
            "priority": priority,
            "score": points,
            "score_reasons": reasons,
            "at": at,
        }
        row = orjson.loads(await self._call("crm.create_lead", caller, args, writes=True))
        return Lead.model_validate(_named(row))

    async def find(self, caller, id):
        text = await self._call("crm.find_lead", caller, {"id": id})
        return None if text is None else Lead.model_validate(_named(orjson.loads(text)))

    async def list_newest(self, caller, limit, after):
        args: dict[str, Any] = {"limit": limit}
        if after:
            args |= {"after_key": after[0], "after_id": after[1]}
        rows = orjson.loads(await self._call("crm.list_newest_leads", caller, args))
        return _LEADS.validate_python([_named(row) for row in rows])

    async def summarize(self, caller, first_day, last_day):
        args = {"first_day": first_day, "last_day": last_day}
        return LeadFigures.model_validate_json(await self._call("crm.summarize_leads", caller, args))

    @staticmethod
    async def _call(function: str, caller: Caller, args: dict[str, Any], writes: bool = False) -> str | None:
        return await crm_database.text(
            f"select {function}(app.enter($1, $2, $3, $4), $5)::text",
            caller.tenant,
            caller.user,
            caller.session,
            caller.roles,
            orjson.dumps(args).decode(),
            writes=writes,
        )


_COLUMNS = (
    "id, email, first_name, last_name, company, job_title, phone, source, website, country, notes, status, priority,"
    " priority_set_at, score, score_reasons, created_at, updated_at, version"
)
_INSERT = f"""
    insert into crm.leads (
        tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
        status, priority, score, score_reasons, created_by, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'NEW', $13, $14, $15, $16, $17, $17)
    returning {_COLUMNS}"""
_FIND = f"select {_COLUMNS} from crm.leads where tenant_id = $1 and id = $2 and deleted_at is null"
_FIRST_PAGE = f"""
    select {_COLUMNS} from crm.leads
     where tenant_id = $1 and deleted_at is null
     order by created_at desc, id desc limit $2"""
_NEXT_PAGE = f"""
    select {_COLUMNS} from crm.leads
     where tenant_id = $1 and deleted_at is null and (created_at, id) < ($3, $4)
     order by created_at desc, id desc limit $2"""
# All figures come from how many leads share the same five things; they are added up here.
_SUMMARIZE = """
    select status, source, priority, least(score / 10, 9) as tenth,
           case when created_at >= $2::date::timestamp at time zone 'UTC'
                 and created_at < ($3::date + 1)::timestamp at time zone 'UTC'
                then (created_at at time zone 'UTC')::date end as day,
           count(*) as leads, sum(score) as points
      from crm.leads
     where tenant_id = $1 and deleted_at is null
     group by 1, 2, 3, 4, 5"""


class PlainStore:
    """As a service without those functions would do it: a transaction, then plain statements on the table."""

    async def create(self, caller, lead, id, points, reasons, priority, at):
        async with crm_database.connection() as connection, told(writes=True), connection.transaction():
            await self._enter(connection, caller)
            row = await connection.fetchrow(
                _INSERT,
                caller.tenant,
                id,
                lead.email,
                lead.first_name,
                lead.last_name,
                lead.company,
                lead.job_title,
                lead.phone,
                lead.source,
                lead.website,
                lead.country,
                lead.notes,
                priority,
                points,
                reasons,
                caller.user,
                at,
            )
        return Lead.model_validate(dict(row))

    async def find(self, caller, id):
        rows = await self._read(caller, _FIND, caller.tenant, id)
        return Lead.model_validate(dict(rows[0])) if rows else None

    async def list_newest(self, caller, limit, after):
        if after:
            rows = await self._read(caller, _NEXT_PAGE, caller.tenant, limit, *after)
        else:
            rows = await self._read(caller, _FIRST_PAGE, caller.tenant, limit)
        return _LEADS.validate_python([dict(row) for row in rows])

    async def summarize(self, caller, first_day, last_day):
        rows = await self._read(caller, _SUMMARIZE, caller.tenant, first_day, last_day)
        counts = {name: Counter() for name in ("status", "source", "priority", "tenth", "day")}
        total = points = 0
        for row in rows:
            total += row["leads"]
            points += row["points"]
            for name, counter in counts.items():
                counter[row[name]] += row["leads"]
        average = (Decimal(points) / total).quantize(Decimal("0.01"), ROUND_HALF_UP) if total else None
        days = [first_day + timedelta(days=nth) for nth in range((last_day - first_day).days + 1)]
        return LeadFigures(
            total=total,
            average_score=average,
            by_status=counts["status"],
            by_source=counts["source"],
            by_priority=counts["priority"],
            by_score_tenth=counts["tenth"],
            per_day=[Day(date=day, count=counts["day"][day]) for day in days],
        )

    @staticmethod
    async def _enter(connection: asyncpg.Connection, caller: Caller) -> None:
        statement = "select role from app.enter($1, $2, $3, $4)"
        await connection.fetchval(statement, caller.tenant, caller.user, caller.session, caller.roles)

    async def _read(self, caller: Caller, statement: str, *args: Any) -> list[asyncpg.Record]:
        async with crm_database.connection() as connection, told(writes=False), connection.transaction():
            await self._enter(connection, caller)
            return await connection.fetch(statement, *args)


lead_store: LeadStore = PlainStore() if settings.STATEMENTS == "plain" else FunctionStore()
