"""Leads: what comes in, what goes out, and the rules of components/crm/src/domain (score, priority)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from . import ids, texts

Source = Literal["WEBSITE", "REFERRAL", "SOCIAL_MEDIA", "EMAIL_CAMPAIGN", "PAID_ADS", "EVENT", "COLD_OUTREACH", "OTHER"]
Status = Literal["NEW", "CONTACTED", "QUALIFIED", "PROPOSAL", "WON", "LOST"]
Priority = Literal["LOW", "MEDIUM", "HIGH", "URGENT"]


_SOURCE_POINTS = {
    "WEBSITE": 10,
    "REFERRAL": 20,
    "SOCIAL_MEDIA": 8,
    "EMAIL_CAMPAIGN": 12,
    "PAID_ADS": 10,
    "EVENT": 15,
    "COLD_OUTREACH": 3,
    "OTHER": 5,
}


class NewLead(BaseModel):
    """What people enter about a lead."""

    model_config = ConfigDict(extra="forbid")
    email: texts.Email
    first_name: texts.PersonName | None = None
    last_name: texts.PersonName | None = None
    company: texts.CompanyName | None = None
    job_title: texts.JobTitle | None = None
    phone: texts.Phone | None = None
    source: Annotated[Source, BeforeValidator(lambda source: "OTHER" if source is None else source)] = "OTHER"
    website: texts.Website | None = None
    country: texts.Country | None = None
    notes: texts.Notes | None = None


class ScoreReason(BaseModel):
    """A rule that fired, and what it gave."""

    rule: str
    points: int


class Lead(BaseModel):
    """A lead as rows hold it and as clients read it; only its version stays inside, for the ETag."""

    id: ids.LeadId
    email: str
    first_name: str | None
    last_name: str | None
    company: str | None
    job_title: str | None
    phone: str | None
    source: Source
    website: str | None
    country: str | None
    notes: str | None
    status: Status
    priority: Priority
    priority_set_at: datetime | None
    score: int
    score_reasons: list[ScoreReason]
    created_at: datetime
    updated_at: datetime
    version: int = Field(exclude=True)


class LeadPage(BaseModel):
    """A page of the list."""

    data: list[Lead]
    next_cursor: str | None


class ScoreStep(BaseModel):
    """How many leads have a score from `from` to `to`."""

    model_config = ConfigDict(populate_by_name=True)
    from_: int = Field(alias="from")
    to: int
    count: int


class Day(BaseModel):
    """How many leads a day brought."""

    date: date
    count: int


class LeadFigures(BaseModel):
    """What the database counted; a word that no lead has is missing."""

    total: int
    average_score: float | None
    by_status: dict[str, int]
    by_source: dict[str, int]
    by_priority: dict[str, int]
    by_score_tenth: dict[int, int]
    per_day: list[Day]


class LeadAnalytics(BaseModel):
    """The figures of a tenant's leads."""

    total: int
    by_status: dict[Status, int]
    by_source: dict[Source, int]
    by_priority: dict[Priority, int]
    average_score: float | None
    score_histogram: list[ScoreStep]
    conversion_rate: float | None
    per_day: list[Day]

    @classmethod
    def of(cls, figures: LeadFigures) -> "LeadAnalytics":
        won, total = figures.by_status.get("WON", 0), figures.total
        return cls.model_construct(
            total=total,
            by_status=_each(Status, figures.by_status),
            by_source=_each(Source, figures.by_source),
            by_priority=_each(Priority, figures.by_priority),
            average_score=figures.average_score,
            score_histogram=[
                ScoreStep(
                    from_=tenth * 10,
                    to=100 if tenth == 9 else tenth * 10 + 9,
                    count=figures.by_score_tenth.get(tenth, 0),
                )
                for tenth in range(10)
            ],
            # Four decimals, rounded half up in whole numbers.
            conversion_rate=(won * 20_000 + total) // (total * 2) / 10_000 if total else None,
            per_day=figures.per_day,
        )


def _each(words: Any, counts: dict[str, int]) -> dict[str, int]:
    return {word: counts.get(word, 0) for word in words.__args__}


def score(lead: NewLead) -> tuple[int, list[dict[str, Any]]]:
    """The points of a lead, 0 to 100, and the rules that gave them (`seed-1`)."""
    reasons: list[dict[str, Any]] = [{"rule": "base", "points": 50}]
    if lead.company is not None:
        reasons.append({"rule": "company", "points": 20})
    if lead.job_title is not None and "ceo" in lead.job_title.lower():
        reasons.append({"rule": "job_title_ceo", "points": 20})
    reasons.append({"rule": f"source_{lead.source.lower()}", "points": _SOURCE_POINTS[lead.source]})
    return min(100, sum(reason["points"] for reason in reasons)), reasons


def priority(points: int) -> Priority:
    """What a score means."""
    return "URGENT" if points >= 90 else "HIGH" if points >= 75 else "MEDIUM" if points >= 60 else "LOW"
