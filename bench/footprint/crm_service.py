"""Customers: leads that are scored, listed and counted."""

import json
import uuid
from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, EmailStr, Field
from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from sqlalchemy import JSON, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Settings(BaseSettings):
    database_url: str
    redis_url: str
    jwt_secret: str
    analytics_cache_seconds: int = 30


settings = Settings()
engine = create_async_engine(settings.database_url)
session_maker = async_sessionmaker(engine, expire_on_commit=False)
redis = Redis.from_url(settings.redis_url)


class Base(DeclarativeBase):
    pass


class Lead(Base):
    __tablename__ = "leads"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(index=True)
    email: Mapped[str] = mapped_column(String(320))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    company: Mapped[str | None] = mapped_column(String(200))
    job_title: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(50))
    source: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20), default="NEW")
    priority: Mapped[str] = mapped_column(String(10))
    score: Mapped[int]
    score_reasons: Mapped[list] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Source(StrEnum):
    WEBSITE = "WEBSITE"
    SOCIAL_MEDIA = "SOCIAL_MEDIA"
    EMAIL_CAMPAIGN = "EMAIL_CAMPAIGN"
    REFERRAL = "REFERRAL"
    PAID_ADS = "PAID_ADS"
    EVENT = "EVENT"
    COLD_OUTREACH = "COLD_OUTREACH"
    OTHER = "OTHER"


class NewLead(BaseModel):
    email: EmailStr
    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    company: str | None = Field(default=None, max_length=200)
    job_title: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=50)
    source: Source = Source.OTHER


class Reason(BaseModel):
    reason: str
    points: int


class LeadRead(NewLead):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    status: str
    priority: str
    score: int
    score_reasons: list[Reason]
    created_at: datetime


class LeadPage(BaseModel):
    data: list[LeadRead]
    total: int


class Analytics(BaseModel):
    total: int
    average_score: float
    by_source: dict[str, int]
    by_priority: dict[str, int]


SOURCE_POINTS = {
    Source.REFERRAL: 20,
    Source.EVENT: 15,
    Source.EMAIL_CAMPAIGN: 12,
    Source.WEBSITE: 10,
    Source.PAID_ADS: 10,
    Source.SOCIAL_MEDIA: 8,
    Source.OTHER: 5,
    Source.COLD_OUTREACH: 3,
}


def score(lead: NewLead) -> list[Reason]:
    reasons = [
        Reason(reason="every lead", points=50),
        Reason(reason=f"source {lead.source}", points=SOURCE_POINTS[lead.source]),
    ]
    if lead.company:
        reasons.append(Reason(reason="has a company", points=20))
    if any(title in (lead.job_title or "").lower() for title in ("ceo", "cto", "founder", "director")):
        reasons.append(Reason(reason="decides", points=20))
    return reasons


def priority(points: int) -> str:
    return "URGENT" if points >= 90 else "HIGH" if points >= 75 else "MEDIUM" if points >= 60 else "LOW"


async def get_session() -> AsyncGenerator[AsyncSession, None]:
    async with session_maker() as session:
        yield session


def current_user(credentials: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> uuid.UUID:
    try:
        claims = jwt.decode(
            credentials.credentials, settings.jwt_secret, algorithms=["HS256"], audience="fastapi-users:auth"
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Unauthorized") from error
    return uuid.UUID(claims["sub"])


app = FastAPI(title="CRM")


@app.post("/leads", status_code=201)
async def create_lead(
    new: NewLead, user: uuid.UUID = Depends(current_user), session: AsyncSession = Depends(get_session)
) -> LeadRead:
    reasons = score(new)
    points = min(sum(reason.points for reason in reasons), 100)
    lead = Lead(
        **new.model_dump(),
        user_id=user,
        score=points,
        priority=priority(points),
        score_reasons=[reason.model_dump() for reason in reasons],
    )
    session.add(lead)
    await session.commit()
    await session.refresh(lead)
    return LeadRead.model_validate(lead)


@app.get("/leads")
async def list_leads(
    limit: int = Query(default=20, ge=1, le=100),
    source: Source | None = None,
    user: uuid.UUID = Depends(current_user),
    session: AsyncSession = Depends(get_session),
) -> LeadPage:
    wanted = select(Lead).where(Lead.user_id == user)
    if source:
        wanted = wanted.where(Lead.source == source)
    total = await session.scalar(select(func.count()).select_from(wanted.subquery()))
    leads = await session.scalars(wanted.order_by(Lead.created_at.desc()).limit(limit))
    return LeadPage(data=[LeadRead.model_validate(lead) for lead in leads], total=total or 0)


@app.get("/leads/{lead_id}")
async def read_lead(
    lead_id: uuid.UUID, user: uuid.UUID = Depends(current_user), session: AsyncSession = Depends(get_session)
) -> LeadRead:
    lead = await session.scalar(select(Lead).where(Lead.id == lead_id, Lead.user_id == user))
    if lead is None:
        raise HTTPException(404, "Lead not found")
    return LeadRead.model_validate(lead)


@app.get("/analytics/leads")
async def analytics(
    user: uuid.UUID = Depends(current_user), session: AsyncSession = Depends(get_session)
) -> Analytics:
    key = f"analytics:{user}"
    if cached := await redis.get(key):
        return Analytics(**json.loads(cached))
    total, average = (
        await session.execute(select(func.count(), func.avg(Lead.score)).where(Lead.user_id == user))
    ).one()

    async def count_by(column) -> dict[str, int]:
        rows = await session.execute(select(column, func.count()).where(Lead.user_id == user).group_by(column))
        return dict(rows.tuples().all())

    result = Analytics(
        total=total,
        average_score=float(average or 0),
        by_source=await count_by(Lead.source),
        by_priority=await count_by(Lead.priority),
    )
    await redis.set(key, result.model_dump_json(), ex=settings.analytics_cache_seconds)
    return result


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
