"""The vector index of a model version."""

from fastapi import APIRouter, Response

from api.deps import JobRoom, RequestId, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import accepted, problems
from api.schemas.jobs import JobOut
from api.schemas.models import ReindexIn
from shared.indexing import service as indexing

router = APIRouter(route_class=OnceRoute, tags=["models"])


@router.post("/v1/reindex", status_code=202, dependencies=[JobRoom], responses=problems(403, 404, 409, 422))
def reindex(
    body: ReindexIn, writer: Writer, session: WriterOnce, request_id: RequestId, response: Response
) -> JobOut:
    """Bring the index of a model version in line with Postgres; it goes on answering meanwhile."""
    job = indexing.submit(
        session, writer.organization_id, body.model_version_id, rebuild=body.rebuild, request_id=request_id
    )
    return accepted(job, response)
