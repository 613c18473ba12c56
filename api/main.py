"""The HTTP door: `uvicorn api.main:create_app --factory`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware import Middleware
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from api import errors, idempotency
from api.comparisons import Comparisons
from api.connections import Connections
from api.console import pages as console
from api.limits import CapConcurrency, ComputeThreads, RateLimit
from api.metrics import Metrics
from api.middleware import GuardBody, Observe
from api.openapi import DESCRIPTION, STATIC, TAGS, OutlayAPI, docs
from api.readiness import MAX_THREADS
from api.responses import problems
from api.routers import (
    candidates,
    categories,
    categorize,
    datasets,
    evaluations,
    generations,
    health,
    imports,
    indexes,
    jobs,
    models,
    organizations,
    rerankers,
    searches,
    trainings,
    transactions,
)
from api.warm_up import WarmUp
from shared import bootstrap
from shared.categorization.habits import HabitsCache
from shared.kit import tracing
from shared.kit.logging import configure
from shared.kit.settings import Settings, get_settings
from shared.kit.version import VERSION
from shared.resources import Resources

# The routers whose routes need a key; the order is that of the documentation.
RESOURCES = (
    categorize,
    organizations,
    categories,
    transactions,
    imports,
    generations,
    candidates,
    datasets,
    evaluations,
    trainings,
    searches,
    models,
    rerankers,
    indexes,
    jobs,
)


def create_app(settings: Settings | None = None, resources: Resources | None = None) -> FastAPI:
    """The application; `resources` that are given stay open, otherwise it builds and closes its own."""
    if resources is not None:
        settings = resources.settings
    settings = settings or get_settings()
    metrics = Metrics()
    app = OutlayAPI(
        title="Outlay",
        version=VERSION,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, resources),
        middleware=[
            Middleware(Observe, metrics=metrics),
            Middleware(CapConcurrency, limit=settings.max_concurrent_requests),
            Middleware(
                GuardBody, max_body_bytes=settings.max_body_bytes, max_upload_bytes=settings.max_upload_bytes
            ),
        ],
    )
    app.state.metrics = metrics
    _trace(app, settings)
    errors.install(app)
    idempotency.install(app)
    for module in RESOURCES:
        app.include_router(module.router, responses=problems(400, 401, 422, 500, 503))
    app.include_router(health.router)
    app.include_router(docs)
    console.install(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _trace(app: FastAPI, settings: Settings) -> None:
    provider = tracing.start(settings.otlp_endpoint, service="api")
    if provider is None:
        return
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        excluded_urls="/livez$,/readyz$,/metrics$",
        exclude_spans=["receive", "send"],
    )


def _lifespan(settings: Settings, given: Resources | None) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if given is None:
            configure(settings.log_level, service="api")
        resources = given or bootstrap.build(settings)
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.database_pool_size
        app.state.resources = resources
        app.state.habits = HabitsCache()
        app.state.connections = Connections(resources.engine, settings.database_pool_size)
        app.state.comparisons = Comparisons(app.state.connections)
        app.state.rate_limit = rate_limit = RateLimit(settings)
        app.state.health_limiter = anyio.CapacityLimiter(MAX_THREADS)
        app.state.compute_threads = ComputeThreads(settings.compute_threads)
        app.state.warm_up = warm_up = WarmUp(resources)
        if settings.warm_up:
            warm_up.start()
        else:
            warm_up.skip()
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(warm_up.stop)
            await rate_limit.close()
            if given is None:
                resources.close()

    return lifespan
