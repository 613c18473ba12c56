"""One attempt at a job, with real rows and a work of the test's own."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from devtools.waiting import eventually
from shared.categories import store as category_store
from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.exceptions import UnexpectedError
from shared.jobs.kinds import KINDS
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import Unavailable
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.jobs.works import SOON, named, names, nothing, raising, run_work, with_effect

SECRET = "card of Jane Doe"  # what a log may keep and a job may not


def test_effects_and_status_are_there_together(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    assert run_work(engine, job_id, with_effect("Lodging")) == "succeeded"
    job = read()
    assert (job.status, job.attempt, job.error, job.lease_until) == ("succeeded", 1, None, None)
    with transaction(engine) as session:
        page = category_store.list_(session, organization.id, Paging(), with_archived=False)
        assert job.result == {"category_id": str(page.rows[0].id)}
    assert run_work(engine, job_id, with_effect("Lodging again")) is None
    assert names(engine, organization) == ["Lodging"]


def test_an_effect_that_fails_leaves_nothing_but_the_failure(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    def work(run: Run, params: Any) -> Effects:
        def apply_effects(session: Session) -> dict[str, Any]:
            named("Half")(session, run)
            raise RuntimeError(SECRET)

        return apply_effects

    assert run_work(engine, job_id, work) == "failed"
    assert names(engine, organization) == []
    assert read().error == {
        "code": "unexpected",
        "message": UnexpectedError().message,
    }


def test_progress_is_written_while_the_work_goes_on_and_at_its_end(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    half = {"done": 1, "total": 2, "note": "half"}

    def work(run: Run, params: Any) -> Effects:
        run.progress(1, 2, "half")
        eventually(lambda: read().progress == half)
        run.progress(2, 2, "all")
        return lambda _: {}

    assert run_work(engine, job_id, work) == "succeeded"
    assert read().progress == {"done": 2, "total": 2, "note": "all"}


def test_a_queued_job_is_cancelled_at_once_and_never_claimed(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID
) -> None:
    with transaction(engine) as session:
        assert jobs.cancel(session, organization.id, job_id).status == "cancelled"
    assert run_work(engine, job_id, nothing) is None
    with transaction(engine) as session, pytest.raises(jobs.JobFinished):
        jobs.cancel(session, organization.id, job_id)
    with transaction(engine) as session:
        assert jobs.retry(session, organization.id, job_id).status == "queued"
    assert run_work(engine, job_id, nothing) == "succeeded"
    for refused, step in ((jobs.JobNotRetryable, jobs.retry), (jobs.JobFinished, jobs.cancel)):
        with transaction(engine) as session, pytest.raises(refused):
            step(session, organization.id, job_id)


def test_a_running_job_stops_at_a_checkpoint_once_cancelled(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    stopped = []

    def work(run: Run, params: Any) -> Effects:
        with transaction(engine) as session:
            assert jobs.cancel(session, organization.id, job_id).status == "running"
        try:
            eventually(run.checkpoint)  # it returns None until it raises
        except job_exceptions.JobCancelled:
            stopped.append(run.attempt)
            raise
        return lambda session: named("Too late")(session, run)

    assert run_work(engine, job_id, work, SOON) == "cancelled"
    assert stopped == [1]
    assert (read().status, read().error) == ("cancelled", None)
    assert names(engine, organization) == []


def test_a_dependency_that_is_away_costs_no_attempt(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    for attempt in range(1, 6):
        assert run_work(engine, job_id, raising(Unavailable())) == "queued"
        job = read()
        assert (job.attempt, job.max_attempts - job.attempt, job.error) == (attempt, 3, None)
        assert job.available_at > job.created_at
        with transaction(engine) as session:  # it waits for its time
            assert job_id not in {row[0] for row in store.take_unpublished(session, 1000)}
    assert run_work(engine, job_id, nothing) == "succeeded"


def test_a_foreseen_error_is_told_and_an_unforeseen_one_is_not(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    assert run_work(engine, job_id, raising(jobs.JobFinished())) == "failed"
    assert read().error == {
        "code": "job-finished",
        "message": jobs.JobFinished.message,
    }
    with transaction(engine) as session:
        jobs.retry(session, organization.id, job_id)
    assert run_work(engine, job_id, raising(ValueError(SECRET))) == "failed"
    job = read()
    assert job.error is not None
    assert job.error["code"] == "unexpected"
    assert SECRET not in str(job.error)


def test_parameters_are_validated_again_before_any_work(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.id == job_id).values(params={"model_version_id": SECRET}))
    assert run_work(engine, job_id, raising(AssertionError("it ran"))) == "failed"
    job = read()
    assert job.error is not None
    assert job.error["code"] == "unexpected"
    assert SECRET not in str(job.error)


def test_an_outage_that_is_longer_than_the_work_costs_no_attempt(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    """The row is locked, so that giving it back fails as it does where the database is away."""
    ended: list[str | None] = []
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )

    def is_waiting() -> bool:
        with transaction(engine) as session:
            return bool(session.scalar(text(waiting)))

    with Session(engine) as blocking, blocking.begin():

        def work(run: Run, params: Any) -> Effects:
            blocking.execute(select(Job).where(Job.id == job_id).with_for_update())
            raise Unavailable

        thread = threading.Thread(target=lambda: ended.append(run_work(engine, job_id, work)))
        thread.start()
        eventually(is_waiting)
        eventually(lambda: not is_waiting())  # the lock's own timeout: the first try has failed
    thread.join()
    job = read()
    assert (ended, job.status, job.max_attempts - job.attempt) == (
        ["queued"],
        "queued",
        KINDS[job.kind].max_attempts,
    )
