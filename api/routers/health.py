"""For operators: is it alive, is it ready, what does it measure."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.deps import Connections, Resources
from api.errors import problem
from api.metrics import CONTENT_TYPE
from api.readiness import checks_of, probe
from api.responses import problems
from api.schemas.health import LiveOut, ReadyOut
from shared.jobs.stats import measure
from shared.kit.errors import Retryable, Unavailable

router = APIRouter(tags=["operations"])


@router.get("/livez")
async def livez() -> LiveOut:
    """The process answers. Asks no dependency: restarting this process would not mend one."""
    return LiveOut(status="alive")


@router.get("/readyz", response_model=ReadyOut, responses=problems(503))
async def readyz(request: Request, resources: Resources) -> Response:
    """Whether Postgres, the broker and the vector index answer and models are loaded; 503 says what fails."""
    checks = await probe(checks_of(resources), request.app.state.health_limiter)
    checks["models"] = request.app.state.warm_up.is_done
    if all(checks.values()):
        return JSONResponse({"status": "ready", "checks": checks})
    failed = ", ".join(name for name, passed in checks.items() if not passed)
    return problem(
        503,
        code="not-ready",
        detail=f"Not ready: {failed}.",
        instance="/readyz",
        headers={"Retry-After": "2"},
        extra={"checks": checks},
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request, connections: Connections) -> Response:
    """Prometheus's text format: requests by route, encoding, jobs by kind and status, queues, index drift."""
    try:
        measures, is_up = await connections.run(measure), True
    except Unavailable:
        measures, is_up = None, False
    except Retryable:  # it answers, though not this question
        measures, is_up = None, True
    body = request.app.state.metrics.render(measures, database_is_up=is_up)
    return Response(body, media_type=CONTENT_TYPE)
