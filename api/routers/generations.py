"""Generations: transactions that an LLM makes up, for people to review."""

from fastapi import APIRouter, Response

from api.deps import JobRoom, RequestId, Resources, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.generations import GenerationIn
from api.schemas.jobs import JobOut
from shared.generation import service as generation

router = APIRouter(route_class=OnceRoute, prefix="/v1/generations", tags=["generations"])


@router.post("", status_code=202, dependencies=[JobRoom], responses=problems(403, 409, 422))
def start_generation(
    body: GenerationIn,
    writer: Writer,
    session: WriterOnce,
    resources: Resources,
    request_id: RequestId,
    response: Response,
) -> JobOut:
    """Make up transactions, or other names for categories; the job's result counts what became candidates."""
    job = generation.submit(
        session, writer.organization_id, body.params(), resources.settings, request_id=request_id
    )
    return accepted(job, response)
