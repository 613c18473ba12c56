"""One attempt at a job: claim it, do its work under a lease, commit. Knows no task framework.

The work of a job is a function. It does what takes long with no transaction open, reports progress to its
`Run`, stops where a checkpoint raises, and returns its effects: a function for the job's last transaction.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.exceptions import ChildrenAtWork, JobCancelled, LeaseLost, UnexpectedError, WorkerStopping
from shared.jobs.in_flight import InFlightJobs, write_end
from shared.jobs.states import JobStatus, Transition
from shared.jobs.tables import Job
from shared.kit import metrics, tracing
from shared.kit.database_errors import TransactionConflict
from shared.kit.errors import AppError, Retryable, Unavailable
from shared.kit.logging import get_logger
from shared.kit.unit_of_work import transaction

logger = get_logger(__name__)

# What a job's work returns: it runs in the transaction that ends the job and returns the job's result.
Effects = Callable[[Session], dict[str, Any]]
# How an attempt ended: the job's new status, or "lost" where another attempt owns the job by now.
Outcome = JobStatus | Literal["lost"]

MIN_REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class Lease:
    """In seconds: how long a claim holds, how often it is renewed, how long a job waits during an outage."""

    seconds: float
    heartbeat_seconds: float
    outage_limit_seconds: float = 86_400


class Work(Protocol):
    """The work of one kind of job."""

    def __call__(self, run: "Run", params: Any) -> Effects:
        """Do everything that takes long, then return what is left for the last transaction."""
        ...


class Run:
    """An attempt that owns its job. A thread renews the lease; `checkpoint` raises when to stop."""

    def __init__(self, engine: Engine, job: Job, lease: Lease, in_flight: InFlightJobs) -> None:
        self.organization_id: uuid.UUID = job.organization_id
        self.job_id: uuid.UUID = job.id
        self.attempt: int = job.attempt
        self._engine = engine
        self._lease = lease
        self._in_flight = in_flight
        self.reported: dict[str, Any] | None = None
        self._wake = threading.Event()
        self._ended = False
        self._stop: type[JobCancelled] | type[LeaseLost] | None = None
        self._thread = threading.Thread(target=self._renew_until_ended, daemon=True, name=f"lease-{job.id}")

    def __enter__(self) -> "Run":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_heartbeat()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short transaction that commits only if this attempt still owns the job.

        Raises:
            LeaseLost: another attempt owns the job.
        """
        with transaction(self._engine) as session:
            if not store.owns(session, self.job_id, self.attempt):
                raise LeaseLost
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A short transaction that can only read: Postgres refuses to write, so it needs no fence."""
        with transaction(self._engine, read_only=True) as session:
            yield session

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Report `done` of `total` steps; the heartbeat writes it. Then a checkpoint."""
        self.reported = {"done": done, "total": total, "note": note}
        self._wake.set()
        self.checkpoint()

    def checkpoint(self) -> None:
        """Return at once, or raise when the work should stop.

        Raises:
            JobCancelled: somebody asked for it.
            LeaseLost: another attempt owns the job.
            WorkerStopping: this process should end.
        """
        if self._stop is not None:
            raise self._stop
        if self._in_flight.is_stopping:
            raise WorkerStopping

    def end_heartbeat(self) -> None:
        """Renew no more; what follows is the last transaction, or nothing."""
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _renew_until_ended(self) -> None:
        deadline = time.monotonic() + self._lease.seconds
        while not self._ended and self._stop is not LeaseLost:
            reported = self.reported
            try:
                with transaction(self._engine) as session:
                    cancel = store.renew_lease(
                        session, self.job_id, self.attempt, self._lease.seconds, reported
                    )
                deadline = time.monotonic() + self._lease.seconds
                if cancel is None:
                    self._stop = LeaseLost
                elif cancel:
                    self._stop = JobCancelled
            except (Unavailable, Retryable) as error:
                metrics.heartbeat_missed()
                logger.warning("lease not renewed", job_id=str(self.job_id), error=error.code)
                if time.monotonic() > deadline:
                    self._stop = LeaseLost  # by now the relay may have given the job to another worker
            self._wait(reported)

    def _wait(self, reported: dict[str, Any] | None) -> None:
        """Until the next heartbeat is due, or there is news, but never a write storm."""
        due = time.monotonic() + self._lease.heartbeat_seconds
        pause = min(MIN_REPORT_SECONDS, self._lease.heartbeat_seconds)
        self._wake.clear()
        while not self._ended and time.monotonic() < due:
            if (
                self.reported is not reported
                and time.monotonic() >= due - self._lease.heartbeat_seconds + pause
            ):
                return
            self._wake.wait(pause if self.reported is not reported else due - time.monotonic())
            self._wake.clear()


def execute(
    engine: Engine, job_id: uuid.UUID, work_of: Callable[[str], Work], lease: Lease
) -> Outcome | None:
    """Claim this job and run one attempt: how it ended, or None where there was nothing to claim.

    `work_of` returns the work of a kind.
    """
    with transaction(engine) as session:
        job = store.claim(session, job_id, lease.seconds)
    return None if job is None else _run_attempt(engine, job, work_of, lease, InFlightJobs())


def execute_next(
    engine: Engine,
    job_id: uuid.UUID,
    work_of: Callable[[str], Work],
    lease: Lease,
    in_flight: InFlightJobs,
) -> Outcome | None:
    """Like `execute`, for the job whose turn it is in the queue of `job_id`.

    There is one message for each queued job, so every job is served; the order is a fair one, not that of the
    messages. Returns None, too, when this process is about to end: the relay sends the message again.
    """
    if in_flight.is_stopping:
        return None
    with transaction(engine) as session:
        first = store.first_in_line(session, job_id)
        job = None if first is None else store.claim(session, first, lease.seconds)
    return None if job is None else _run_attempt(engine, job, work_of, lease, in_flight)


def _run_attempt(
    engine: Engine, job: Job, work_of: Callable[[str], Work], lease: Lease, in_flight: InFlightJobs
) -> Outcome:
    """One attempt, logged, measured and traced."""
    with (
        bound_contextvars(
            job_id=str(job.id), organization_id=str(job.organization_id), request_id=job.request_id
        ),
        in_flight.holding(job.id, job.attempt),
        tracing.job_span(job.kind, job.traceparent, job_id=str(job.id), attempt=job.attempt),
    ):
        logger.info("job started", kind=job.kind, attempt=job.attempt)
        started = time.monotonic()
        outcome = _work_and_commit(engine, job, work_of, lease, in_flight)
        metrics.attempt_ended(job.kind, outcome, time.monotonic() - started)
        tracing.note(status=outcome)
        logger.info("job ended", kind=job.kind, attempt=job.attempt, status=outcome)
        return outcome


def _work_and_commit(
    engine: Engine, job: Job, work_of: Callable[[str], Work], lease: Lease, in_flight: InFlightJobs
) -> Outcome:
    try:
        with Run(engine, job, lease, in_flight) as run:
            apply_effects = work_of(job.kind)(run, jobs.parse_params(job))
            run.checkpoint()
        # Status, effects and result are committed together. The status goes first: an attempt that lost its
        # lease stops there, before its effects.
        with transaction(engine) as session:
            values: dict[str, Any] = {} if run.reported is None else {"progress": run.reported}
            if not store.end_attempt(session, Transition.SUCCEED, job.id, job.attempt, **values):
                raise LeaseLost
            store.record_result(session, job.id, apply_effects(session))
    except LeaseLost:
        return "lost"
    except AppError as error:
        return _end_early(engine, job, lease, error)
    except Exception:
        logger.exception("job failed unexpectedly")
        return _end_early(engine, job, lease, UnexpectedError())
    return JobStatus.SUCCEEDED


def _end_early(engine: Engine, job: Job, lease: Lease, error: AppError) -> Outcome:
    """Write down that `error` ended the attempt."""
    details = error.as_dict()

    def end(session: Session) -> JobStatus | None:
        match error:
            case JobCancelled():
                return store.end_attempt(session, Transition.STOP, job.id, job.attempt)
            case ChildrenAtWork():
                return store.requeue(
                    session, job.id, job.attempt, delay_s=error.delay_s, progress=error.progress
                )
            case WorkerStopping():
                return store.requeue(session, job.id, job.attempt, delay_s=0)
            case Unavailable():
                return store.requeue_during_outage(
                    session,
                    job.id,
                    job.attempt,
                    details,
                    delay_s=_pause_s(job),
                    limit_s=lease.outage_limit_seconds,
                )
            case Retryable():
                delay_s = 0.0 if isinstance(error, TransactionConflict) else _pause_s(job)
                return store.try_again(session, job.id, job.attempt, details, delay_s=delay_s)
            case _:
                return store.end_attempt(session, Transition.FAIL, job.id, job.attempt, error=details)

    status = write_end(engine, end, lease.seconds)
    outcome: Outcome = "lost" if status is None else status
    if not isinstance(error, JobCancelled | ChildrenAtWork):
        logger.warning("attempt ended early", error=error.code, status=outcome)
    return outcome


def _pause_s(job: Job) -> float:
    """Twice as long after each attempt, up to a minute."""
    return min(2.0 ** min(job.attempt, 6), 60.0)
