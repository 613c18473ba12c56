"""A job's states as they change."""

import uuid
from collections.abc import AsyncIterator

import anyio

from api.connections import Connections
from api.schemas.jobs import JobOut
from shared.jobs import store as job_store
from shared.kit.errors import NotFound, Retryable, Unavailable

# Progress is a column that the worker writes, and nothing announces it: the row is read this often.
POLL_SECONDS = 0.5


async def read_job(connections: Connections, organization_id: uuid.UUID, job_id: uuid.UUID) -> JobOut:
    """The job now, in a short transaction of its own."""
    return await connections.run(
        lambda session: JobOut.model_validate(job_store.get(session, organization_id, job_id))
    )


async def states(
    connections: Connections, organization_id: uuid.UUID, job_id: uuid.UUID, first: JobOut
) -> AsyncIterator[JobOut]:
    """The job's state now and after each change, until it has ended; holds nothing between two looks.

    Goes on when the database is away for a while, and ends when the job is removed.
    """
    shown: JobOut | None = None
    state = first
    while True:
        if state != shown:
            yield state
            shown = state
        if state.status.is_final:
            return
        await anyio.sleep(POLL_SECONDS)
        try:
            state = await read_job(connections, organization_id, job_id)
        except (Unavailable, Retryable):
            continue
        except NotFound:
            return
