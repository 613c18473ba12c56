"""A process that is told to stop gives its jobs back, and no attempt is lost."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, func, update

from shared.jobs.in_flight import InFlightJobs
from shared.jobs.run import Effects, Run, execute_next
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.jobs.works import LEASE, names, nothing, run_work, with_effect


@pytest.fixture
def sent_id(engine: Engine, job_id: uuid.UUID) -> uuid.UUID:
    """The only job of its queue for which a message was sent."""
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.id != job_id).values(status="cancelled"))
        session.execute(update(Job).where(Job.id == job_id).values(published_at=func.now()))
    return job_id


def attempts_left(job: Job) -> int:
    return job.max_attempts - job.attempt


def test_a_job_is_given_back_at_its_next_checkpoint(
    engine: Engine, organization: OrganizationClient, sent_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    attempts, before = InFlightJobs(), attempts_left(read())

    def work(run: Run, params: Any) -> Effects:
        attempts.stop()
        run.checkpoint()
        raise AssertionError("went on after the process was told to stop")

    assert execute_next(engine, sent_id, lambda _: work, LEASE, attempts) == "queued"
    job = read()
    assert (job.status, job.published_at, job.error) == ("queued", None, None)
    assert attempts_left(job) == before
    assert execute_next(engine, sent_id, lambda _: nothing, LEASE, attempts) is None
    assert run_work(engine, sent_id, with_effect("Once")) == "succeeded"
    assert names(engine, organization) == ["Once"]


def test_a_job_that_never_looks_up_is_taken_back_and_writes_nothing(
    engine: Engine, organization: OrganizationClient, sent_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    attempts, before = InFlightJobs(), attempts_left(read())
    begun, free = threading.Event(), threading.Event()
    ended: list[str | None] = []

    def deaf() -> None:
        begun.set()
        free.wait(30)

    def run() -> None:
        late = with_effect("Late", before_end=deaf)
        ended.append(execute_next(engine, sent_id, lambda _: late, LEASE, attempts))

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30)
    assert not attempts.wait(0)
    assert attempts.requeue_all(engine) == 1
    assert (read().status, attempts_left(read())) == ("queued", before)
    free.set()
    thread.join()
    assert attempts.wait(0)
    assert ended == ["lost"]
    assert names(engine, organization) == []
