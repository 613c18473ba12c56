"""What may happen to a job: submit, claim, renew, finish, cancel, retry."""

import datetime as dt
import uuid
from typing import Any

from pydantic import BaseModel
from sqlalchemy import func
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from shared.jobs import child_jobs, store
from shared.jobs.exceptions import ChildrenAtWork, JobCancelled, LeaseLost, WorkerStopping
from shared.jobs.kinds import KINDS
from shared.jobs.params import Params
from shared.jobs.tables import Job
from shared.kit import tracing
from shared.kit.errors import AppError, Conflict, TooMany
from shared.kit.ids import new_id
from shared.kit.paging import Page, Paging

__all__ = ["ChildrenAtWork", "JobCancelled", "LeaseLost", "WorkerStopping"]

DEFAULT_MAX_ATTEMPTS = 3

# From each state the states that may follow; anything else is a bug or a race that was lost.
TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset({"succeeded", "failed", "cancelled", "queued"}),
    "succeeded": frozenset(),
    "failed": frozenset({"queued"}),
    "cancelled": frozenset({"queued"}),
}


class IllegalTransition(Conflict):
    code = "illegal-transition"
    message = "The job's state does not allow this."

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"A job that is {before} cannot become {after}.")


class JobFinished(Conflict):
    code = "job-finished"
    message = "The job has ended already. Submit a new one, or retry it if it failed or was cancelled."


class JobNotRetryable(Conflict):
    code = "job-not-retryable"
    message = "Only a failed or cancelled job can be retried."


class TooManyJobs(TooMany):
    code = "too-many-jobs"
    message = "Your organisation has as many jobs waiting as it may have. Wait until some have ended."


class WorkerLost(AppError):
    code = "worker_lost"
    message = "The worker died on every attempt. See the worker's log, then retry the job."


def check_transition(before: str, after: str) -> None:
    """Raise `IllegalTransition` unless `after` may follow `before`."""
    if after not in TRANSITIONS[before]:
        raise IllegalTransition(before, after)


def submit(
    session: Session,
    organization_id: uuid.UUID,
    kind: str,
    params: Params,
    *,
    request_id: str | None = None,
    priority: int | None = None,
    job_id: uuid.UUID | None = None,
    parent_id: uuid.UUID | None = None,
) -> Job:
    """Queue a job, on its own or as part of another; it is sent once the caller's transaction commits."""
    spec = KINDS[kind]
    if not isinstance(params, spec.params):
        raise TypeError(f"a {kind} job takes {spec.params.__name__}, not {type(params).__name__}")
    job = Job(
        id=job_id or new_id(),
        organization_id=organization_id,
        parent_id=parent_id,
        kind=kind,
        queue=spec.queue,
        priority=spec.priority if priority is None else priority,
        status="queued",
        params=params.model_dump(mode="json"),
        max_attempts=spec.max_attempts or DEFAULT_MAX_ATTEMPTS,
        # Where the caller does not say, that of the request or the job in which this happens.
        request_id=request_id or get_contextvars().get("request_id"),
        traceparent=tracing.traceparent(),
    )
    return store.add(session, job)


def check_room(session: Session, organization_id: uuid.UUID, max_queued: int) -> None:
    """Raise unless the organisation may queue another job; what its changes cause by themselves counts not.

    Raises:
        TooManyJobs: `max_queued` are waiting. Requests at the same time may each find the last place.
    """
    counted = [name for name, kind in KINDS.items() if kind.is_counted]
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
    status: str | None = None,
    kind: str | None = None,
    parent_id: uuid.UUID | None = None,
) -> Page[Job]:
    """The organisation's jobs, newest first."""
    wanted = {"status": status, "kind": kind, "parent_id": parent_id}
    return store.list_(session, organization_id, paging, wanted)


def parse_params(job: Job) -> BaseModel:
    """The job's parameters, validated anew: the row may be older than the code."""
    return KINDS[job.kind].params.model_validate(job.params)


def succeed(
    session: Session, job_id: uuid.UUID, attempt: int, progress: dict[str, Any] | None = None
) -> None:
    """End the attempt well, first in its last transaction: a lost lease stops the effects that follow.

    `progress` is what was reported last, where anything was.

    Raises:
        LeaseLost: another attempt owns the job.
    """
    values: dict[str, Any] = {"status": "succeeded", "finished_at": func.now()}
    if progress is not None:
        values["progress"] = progress
    if not store.finish(session, job_id, attempt, values):
        raise LeaseLost


def record_result(session: Session, job_id: uuid.UUID, result: dict[str, Any]) -> None:
    """Keep what the job's effects returned, in the transaction that `succeed` opened.

    Nothing where the effects have removed the job's own row, together with its organisation.
    """
    job = session.get(Job, job_id)
    if job is not None:
        job.result = result
        session.flush()


def fail(session: Session, job_id: uuid.UUID, attempt: int, error: dict[str, Any]) -> bool:
    """End the attempt with an error; False: the lease was lost before."""
    values = {"status": "failed", "error": error, "finished_at": func.now()}
    return store.finish(session, job_id, attempt, values)


def give_back(
    session: Session,
    job_id: uuid.UUID,
    attempt: int,
    *,
    delay_s: float,
    progress: dict[str, Any] | None = None,
) -> bool:
    """Queue the job again in `delay_s` seconds, when it was not to blame: the attempt does not count."""
    values: dict[str, Any] = {
        "status": "queued",
        "published_at": None,
        "available_at": func.now() + dt.timedelta(seconds=delay_s),
        "max_attempts": Job.max_attempts + 1,
    }
    if progress is not None:
        values["progress"] = progress
    return store.finish(session, job_id, attempt, values)


def end_cancelled(session: Session, job_id: uuid.UUID, attempt: int) -> bool:
    """End the attempt as cancelled."""
    return store.finish(session, job_id, attempt, {"status": "cancelled", "finished_at": func.now()})


def cancel(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """A queued job is cancelled at once; a running one is asked to stop; so are its children.

    Raises:
        JobFinished: it has ended.
    """
    job = store.get(session, organization_id, job_id, lock=True)
    if not TRANSITIONS[job.status] or job.status in {"failed", "cancelled"}:
        raise JobFinished
    if job.status == "running":
        job.cancel_requested = True
    else:
        check_transition(job.status, "cancelled")
        job.status = "cancelled"
        job.finished_at = func.now()
        session.flush()
        child_jobs.attend(session, {job.id: "cancelled"})
    child_jobs.cancel(session, [job.id])
    session.flush()
    session.refresh(job)
    return job


def retry(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> Job:
    """Queue a failed or cancelled job again, with its cancelled children and attempts counted anew from here.

    Raises:
        JobNotRetryable: it is still going on, or it succeeded.
    """
    job = store.get(session, organization_id, job_id, lock=True)
    if job.status not in {"failed", "cancelled"}:
        raise JobNotRetryable
    check_transition(job.status, "queued")
    # The attempt number never goes back: it is what fences an old attempt's writes.
    job.max_attempts = job.attempt + (KINDS[job.kind].max_attempts or DEFAULT_MAX_ATTEMPTS)
    child_jobs.queue_again(session, job.id, DEFAULT_MAX_ATTEMPTS)
    job.status, job.cancel_requested = "queued", False
    job.published_at = job.finished_at = None
    job.available_at = func.now()
    job.error = job.result = None
    return store.add(session, job)
