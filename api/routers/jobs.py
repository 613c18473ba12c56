"""Jobs: the long work that other routes start."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.deps import Connections, Id, JobRoom, Reader, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.job_events import read_job, states
from api.responses import problems
from api.schemas.common import PageOut
from api.schemas.jobs import JobOut, JobQuery
from shared.jobs import service as jobs
from shared.jobs import store as job_store

router = APIRouter(route_class=OnceRoute, prefix="/v1/jobs", tags=["jobs"])

RECONNECT_MILLISECONDS = 2000


@router.get("")
def list_jobs(query: Annotated[JobQuery, Query()], reader: Reader, session: Session) -> PageOut[JobOut]:
    """The jobs, newest first."""
    wanted = query.model_dump(include={"status", "kind", "parent_id"})
    return PageOut[JobOut].of_page(jobs.list_(session, reader.organization_id, query.paging(), **wanted))


@router.get("/{job_id}", responses=problems(404))
def get_job(job_id: Id, reader: Reader, session: Session) -> JobOut:
    """One job: status, progress, result, error."""
    return JobOut.model_validate(job_store.get(session, reader.organization_id, job_id))


@router.post("/{job_id}/cancel", responses=problems(403, 404, 409))
def cancel_job(job_id: Id, writer: Writer, session: WriterOnce) -> JobOut:
    """A queued job is cancelled at once; a running one is asked to stop, and stops within seconds.

    Jobs that are part of it are cancelled with it, and come back when it is retried.
    """
    return JobOut.model_validate(jobs.cancel(session, writer.organization_id, job_id))


@router.post("/{job_id}/retry", dependencies=[JobRoom], responses=problems(403, 404, 409))
def retry_job(job_id: Id, writer: Writer, session: WriterOnce) -> JobOut:
    """Queue a failed or cancelled job again."""
    return JobOut.model_validate(jobs.retry(session, writer.organization_id, job_id))


async def first_state(job_id: Id, reader: Reader, connections: Connections) -> JobOut:
    """The job before the stream begins, while a 404 can still be answered."""
    return await read_job(connections, reader.organization_id, job_id)


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=problems(404))
async def stream_job(
    job_id: Id, reader: Reader, connections: Connections, first: Annotated[JobOut, Depends(first_state)]
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events named `job`, each with the job as data: now, after each change, and at its end."""
    async for state in states(connections, reader.organization_id, job_id, first):
        yield ServerSentEvent(event="job", data=state, retry=RECONNECT_MILLISECONDS)
