"""The attempts that a process is at, so that a process told to stop can give them back."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from shared.jobs import store
from shared.jobs.tables import Job
from shared.kit.errors import Unavailable
from shared.kit.logging import get_logger
from shared.kit.unit_of_work import transaction

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
        """Let every attempt give its job back at its next checkpoint."""
        self._is_stopping = True

    @contextmanager
    def holding(self, job_id: uuid.UUID, attempt: int) -> Iterator[None]:
        """While inside, the process is at this attempt."""
        with self._changed:
            self._held[job_id] = attempt
        try:
            yield
        finally:
            with self._changed:
                del self._held[job_id]
                self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Block until no attempt is left; False: `timeout_s` seconds went by before."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, timeout_s)

    def give_back(self, engine: Engine) -> int:
        """Queue again what is still held, however far it is: it writes nothing from here. How many."""
        with self._changed:
            held = dict(self._held)
        with transaction(engine) as session:
            return sum(store.requeue(session, job, attempt, delay_s=0) for job, attempt in held.items())


def hand_back(
    engine: Engine, job: Job, within_s: float, delay_s: float, progress: dict[str, Any] | None = None
) -> bool:
    """Queue the job again; where it is the database that is away, as soon as it is back within `within_s`.

    Otherwise the job would wait for its lease to run out, and an outage would cost it an attempt. False: the
    attempt does not own the job any more.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            with transaction(engine) as session:
                return store.requeue(session, job.id, job.attempt, delay_s=delay_s, progress=progress)
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("job not given back yet", error=error.code)
            time.sleep(RETRY_SECONDS)
