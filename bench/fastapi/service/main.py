"""The application: its routes, its life, and how it refuses."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from . import auth, crm
from .database import auth_database, crm_database
from .frame import Frame
from .problems import Problem, answer_http_exception, answer_problem
from .store import store


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await auth_database.open()
    await crm_database.open()
    # What is loaded now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    yield
    await crm_database.close()
    await auth_database.close()
    await store.close()


app = FastAPI(title="BizoSaaS", docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan)
app.include_router(auth.router)
app.include_router(crm.router)
app.add_exception_handler(Problem, answer_problem)
app.add_exception_handler(HTTPException, answer_http_exception)
app.add_middleware(Frame)


@app.get("/.well-known/spin/health", include_in_schema=False, response_class=PlainTextResponse)
async def health() -> str:
    """What the app's host answers itself; the tests wait for it."""
    return "OK"
