"""Searches for a recipe."""

from fastapi import APIRouter, Response

from api.deps import JobRoom, RequestId, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.jobs import JobOut
from api.schemas.searches import SearchIn
from shared.training.search import service as search

router = APIRouter(route_class=OnceRoute, prefix="/v1/searches", tags=["trainings"])


@router.post("", status_code=202, dependencies=[JobRoom], responses=problems(403, 404, 409, 422))
def start_search(
    body: SearchIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Look for the best recipe by cross-validation, then train with it on all training rows.

    Its trials are jobs of their own: `GET /v1/jobs?parent_id=`. The job's result names the winner, every
    trial, and the job of the final training.
    """
    job = search.submit(session, writer.organization_id, body.params(), request_id=request_id)
    return accepted(job, response)
