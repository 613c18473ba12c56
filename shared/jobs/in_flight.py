"""The attempts that this process runs, so that it can queue their jobs again when it is told to stop."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from shared.jobs import store
from shared.kit.errors import Retryable, Unavailable
from shared.kit.logging import get_logger
from shared.kit.unit_of_work import run_in_transaction, transaction

T = TypeVar("T")

logger = get_logger(__name__)

RETRY_SECONDS = 0.5


class InFlightJobs:
    """Knows which jobs this process holds. Safe to share by threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[uuid.UUID, int] = {}
        self._is_stopping = False

    @property
    def is_stopping(self) -> bool:
        """Whether attempts should end at their next checkpoint, and no new one begin."""
        return self._is_stopping

    def stop(self) -> None:
        """Let every attempt end at its next checkpoint; its job is queued again."""
        self._is_stopping = True

    @contextmanager
    def holding(self, job_id: uuid.UUID, attempt: int) -> Iterator[None]:
        """While inside, this process runs this attempt."""
        with self._changed:
            self._held[job_id] = attempt
        try:
            yield
        finally:
            with self._changed:
                del self._held[job_id]
                self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Block until no attempt is left. False: some still were after `timeout_s` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, timeout_s)

    def requeue_all(self, engine: Engine) -> int:
        """Queue the jobs again whose attempts are still running; these can write nothing more. How many."""
        with self._changed:
            held = dict(self._held)
        with transaction(engine) as session:
            outcomes = [store.requeue(session, job, attempt, delay_s=0) for job, attempt in held.items()]
        return sum(outcome is not None for outcome in outcomes)


def write_end(engine: Engine, end: Callable[[Session], T], within_s: float) -> T:
    """Write down in one transaction how an attempt ended; while the database is away, try again.

    Otherwise the job would wait for its lease to run out, and an outage would cost it an attempt.

    Raises:
        Unavailable, Retryable: still so after `within_s` seconds.
    """
    retrying = Retrying(
        retry=retry_if_exception_type((Unavailable, Retryable)),
        stop=stop_after_delay(within_s),
        wait=wait_fixed(RETRY_SECONDS),
        before_sleep=_log_retry,
        reraise=True,
    )
    result: T = retrying(run_in_transaction, engine, end)
    return result


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome is not None else None
    logger.warning("end of an attempt not written yet", error=getattr(error, "code", None))
