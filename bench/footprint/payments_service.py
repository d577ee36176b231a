"""Payments: four gateways behind a strategy. Nothing here reaches a gateway unless it is asked for a payment there."""

import hashlib
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import httpx
import jwt
import razorpay
import stripe
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings
from sqlalchemy import JSON, Numeric, String, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Settings(BaseSettings):
    database_url: str
    jwt_secret: str
    stripe_key: str = "unset"
    stripe_webhook_secret: str = "unset"
    razorpay_key: str = "unset"
    razorpay_secret: str = "unset"
    paypal_origin: str = "https://api-m.sandbox.paypal.com"
    paypal_client: str = "unset"
    paypal_secret: str = "unset"
    payu_key: str = "unset"
    payu_salt: str = "unset"


settings = Settings()
engine = create_async_engine(settings.database_url)
session_maker = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class Payment(Base):
    __tablename__ = "payments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(index=True)
    gateway: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(200), index=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(18, 2))
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(20), default="PENDING")
    checkout: Mapped[dict] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Gateway(StrEnum):
    STRIPE = "stripe"
    PAYPAL = "paypal"
    RAZORPAY = "razorpay"
    PAYU = "payu"


class NewPayment(BaseModel):
    gateway: Gateway
    amount: Decimal = Field(gt=0, decimal_places=2)
    currency: str = Field(min_length=3, max_length=3)
    description: str = Field(default="", max_length=500)


class PaymentRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    gateway: Gateway
    reference: str
    amount: Decimal
    currency: str
    status: str
    checkout: dict
    created_at: datetime


class Strategy(ABC):
    """How one gateway begins a payment: its reference there, and what the client goes on with."""

    @abstractmethod
    async def begin(self, payment: NewPayment) -> tuple[str, dict]: ...

    @staticmethod
    def minor_units(payment: NewPayment) -> int:
        return int(payment.amount * 100)


class StripeStrategy(Strategy):
    def __init__(self) -> None:
        self.client = stripe.StripeClient(settings.stripe_key)

    async def begin(self, payment: NewPayment) -> tuple[str, dict]:
        params = {"amount": self.minor_units(payment), "currency": payment.currency.lower()}
        intent = await run_in_threadpool(self.client.v1.payment_intents.create, params=params)
        return intent.id, {"client_secret": intent.client_secret}


class RazorpayStrategy(Strategy):
    def __init__(self) -> None:
        self.client = razorpay.Client(auth=(settings.razorpay_key, settings.razorpay_secret))

    async def begin(self, payment: NewPayment) -> tuple[str, dict]:
        data = {"amount": self.minor_units(payment), "currency": payment.currency}
        order = await run_in_threadpool(self.client.order.create, data=data)
        return order["id"], {"order_id": order["id"], "key": settings.razorpay_key}


class PaypalStrategy(Strategy):
    def __init__(self) -> None:
        self.client = httpx.AsyncClient(base_url=settings.paypal_origin, timeout=20)

    async def begin(self, payment: NewPayment) -> tuple[str, dict]:
        credentials = (settings.paypal_client, settings.paypal_secret)
        answer = await self.client.post("/v1/oauth2/token", auth=credentials, data={"grant_type": "client_credentials"})
        token = answer.raise_for_status().json()["access_token"]
        unit = {"amount": {"currency_code": payment.currency, "value": str(payment.amount)}}
        answer = await self.client.post(
            "/v2/checkout/orders",
            headers={"Authorization": f"Bearer {token}"},
            json={"intent": "CAPTURE", "purchase_units": [unit]},
        )
        order = answer.raise_for_status().json()
        return order["id"], {"links": order["links"]}


class PayuStrategy(Strategy):
    """PayU takes a signed form from the client; the server only signs."""

    async def begin(self, payment: NewPayment) -> tuple[str, dict]:
        reference = uuid.uuid4().hex
        fields = [settings.payu_key, reference, str(payment.amount), payment.description, *[""] * 12]
        signature = hashlib.sha512("|".join([*fields, settings.payu_salt]).encode()).hexdigest()
        return reference, {"key": settings.payu_key, "txnid": reference, "hash": signature}


strategies: dict[Gateway, Strategy] = {
    Gateway.STRIPE: StripeStrategy(),
    Gateway.PAYPAL: PaypalStrategy(),
    Gateway.RAZORPAY: RazorpayStrategy(),
    Gateway.PAYU: PayuStrategy(),
}


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


app = FastAPI(title="Payments")


@app.post("/payments", status_code=201)
async def create_payment(
    new: NewPayment, user: uuid.UUID = Depends(current_user), session: AsyncSession = Depends(get_session)
) -> PaymentRead:
    try:
        reference, checkout = await strategies[new.gateway].begin(new)
    except (httpx.HTTPError, stripe.StripeError, razorpay.errors.BadRequestError) as error:
        raise HTTPException(502, "The gateway refused") from error
    payment = Payment(
        **new.model_dump(include={"gateway", "amount", "currency"}),
        user_id=user,
        reference=reference,
        checkout=checkout,
    )
    session.add(payment)
    await session.commit()
    await session.refresh(payment)
    return PaymentRead.model_validate(payment)


@app.get("/payments")
async def list_payments(
    user: uuid.UUID = Depends(current_user), session: AsyncSession = Depends(get_session)
) -> list[PaymentRead]:
    wanted = select(Payment).where(Payment.user_id == user).order_by(Payment.created_at.desc()).limit(20)
    return [PaymentRead.model_validate(payment) for payment in await session.scalars(wanted)]


@app.post("/webhooks/stripe")
async def stripe_webhook(
    request: Request, stripe_signature: str = Header(), session: AsyncSession = Depends(get_session)
) -> dict[str, bool]:
    try:
        event = stripe.Webhook.construct_event(
            await request.body(), stripe_signature, settings.stripe_webhook_secret
        )
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise HTTPException(400, "Bad signature") from error
    if event.type == "payment_intent.succeeded":
        wanted = select(Payment).where(Payment.reference == event.data.object["id"]).with_for_update()
        if payment := await session.scalar(wanted):
            payment.status = "SUCCEEDED"
            await session.commit()
    return {"received": True}


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}
