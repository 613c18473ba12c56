"""What requests and other jobs may do with a job: submit, list, cancel, retry."""

import uuid

from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from shared.jobs import store
from shared.jobs.kinds import KINDS, Params, kind_of
from shared.jobs.states import JobStatus, Transition
from shared.jobs.tables import Job
from shared.kit import tracing
from shared.kit.errors import Conflict, TooMany
from shared.kit.ids import new_id
from shared.kit.paging import Page, Paging


class JobFinished(Conflict):
    code = "job-finished"
    message = "The job has ended already. Submit a new one, or retry it if it failed or was cancelled."


class JobNotRetryable(Conflict):
    code = "job-not-retryable"
    message = "Only a failed or cancelled job can be retried."


class TooManyJobs(TooMany):
    code = "too-many-jobs"
    message = "Your organisation has as many jobs waiting as it may have. Wait until some have ended."


def submit(
    session: Session,
    organization_id: uuid.UUID,
    params: Params,
    *,
    request_id: str | None = None,
    priority: int | None = None,
    job_id: uuid.UUID | None = None,
    parent_id: uuid.UUID | None = None,
) -> Job:
    """Queue a job of the kind that takes `params`; it is sent once the caller's transaction commits.

    `parent_id` makes it part of another job. Without `request_id` it is that of the request or job that this
    happens in; without `priority` it is the kind's.

    Raises:
        TypeError: no kind of job takes such parameters.
    """
    kind = kind_of(params)
    job = Job(
        id=job_id or new_id(),
        organization_id=organization_id,
        parent_id=parent_id,
        kind=kind.name,
        queue=kind.queue,
        priority=kind.priority if priority is None else priority,
        status=JobStatus.QUEUED,
        params=params.model_dump(mode="json"),
        max_attempts=kind.max_attempts,
        request_id=request_id or get_contextvars().get("request_id"),
        traceparent=tracing.traceparent(),
    )
    return store.add(session, job)


def check_room(session: Session, organization_id: uuid.UUID, max_queued: int) -> None:
    """Raise unless the organisation may queue another job. Jobs created as side effects are not counted.

    Raises:
        TooManyJobs: `max_queued` are queued. Concurrent requests may each take the last place.
    """
    counted = [kind.name for kind in KINDS.values() if kind.is_counted]
    if store.count_queued(session, organization_id, counted) >= max_queued:
        raise TooManyJobs(retry_after=10)


def get_any(session: Session, job_id: uuid.UUID) -> Job:
    """A job of whatever organisation, for the process that works on it."""
    return session.get_one(Job, job_id)


def list_(
    session: Session,
    organization_id: uuid.UUID,
    paging: Paging,
    *,
    status: JobStatus | None = None,
    kind: str | None = None,
    parent_id: uuid.UUID | None = None,
) -> Page[Job]:
    """The organisation's jobs, newest first."""
    wanted = {"status": status, "kind": kind, "parent_id": parent_id}
    return store.list_(session, organization_id, paging, wanted)


def parse_params(job: Job) -> Params:
    """The job's parameters, validated again: the row may be older than the code.

    Raises:
        ValidationError: this version of the code cannot read them.
    """
    return KINDS[job.kind].params.model_validate(job.params)


def cancel(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """Cancel a queued job at once, or ask a running one to stop; likewise its children.

    Raises:
        JobNotFound: the organisation has no such job.
        JobFinished: it has ended.
    """
    job = store.get(session, organization_id, job_id, lock=True)
    if job.status.is_final:
        raise JobFinished
    store.cancel(session, job.id)
    session.refresh(job)
    return job


def retry(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """Queue a failed or cancelled job again, together with its failed and cancelled children.

    Raises:
        JobNotFound: the organisation has no such job.
        JobNotRetryable: it is queued or running, or it succeeded.
    """
    job = store.get(session, organization_id, job_id, lock=True)
    if job.status not in Transition.RETRY.sources:
        raise JobNotRetryable
    store.retry(session, job.id)
    session.refresh(job)
    return job
