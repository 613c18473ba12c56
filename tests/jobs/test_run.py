"""One attempt at a job, with real rows and a work of the test's own."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories.service import CategoryFields
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import ReindexParams
from shared.jobs.run import Finish, Lease, Run, UnexpectedError, Work, execute
from shared.jobs.tables import Job
from shared.kit.errors import AppError, Unavailable
from shared.kit.paging import Paging
from shared.kit.work import transaction
from tests.factories import OrganizationClient
from tests.worker.waiting import eventually

LEASE = Lease(60, 10)
SOON = Lease(60, 0.02)
SECRET = "card of Jane Doe"  # what a log may keep and a job may not


@pytest.fixture
def job_id(engine: Engine, organization: OrganizationClient) -> uuid.UUID:
    """A queued job."""
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4())
        return jobs.submit(session, organization.id, "reindex", params).id


@pytest.fixture
def read(engine: Engine, job_id: uuid.UUID) -> Callable[[], Job]:
    """The job's row as it is now."""

    def get() -> Job:
        with transaction(engine) as session:
            return jobs.get_any(session, job_id)

    return get


def nothing(run: Run, params: Any) -> Finish:
    """Work without effects."""
    return lambda _: {}


def named(name: str) -> Callable[[Session, Run], dict[str, Any]]:
    """An effect: a category of this name."""

    def effect(session: Session, run: Run) -> dict[str, Any]:
        made = categories.create(session, run.organization_id, CategoryFields(name=name))
        return {"category_id": str(made.id)}

    return effect


def with_effect(name: str, before_end: Callable[[], object] = lambda: None) -> Work:
    """Work that ends with a category made, after `before_end`."""

    def work(run: Run, params: Any) -> Finish:
        before_end()
        return lambda session: named(name)(session, run)

    return work


def raising(error: Exception) -> Work:
    """Work that ends with the error."""

    def work(run: Run, params: Any) -> Finish:
        raise error

    return work


def names(engine: Engine, organization: OrganizationClient) -> list[str]:
    """Names of the organisation's categories."""
    with transaction(engine) as session:
        return [row.name for row in categories.all_live(session, organization.id)]


def run_work(engine: Engine, job_id: uuid.UUID, work: Work, lease: Lease = LEASE) -> str | None:
    """One attempt."""
    return execute(engine, job_id, lambda _: work, lease)


def expire(engine: Engine, job_id: uuid.UUID) -> None:
    """What the relay does once the lease has run out, at once."""
    with transaction(engine) as session:
        past = text("now() - interval '1 second'")
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=past))
        assert job_id in {row[0] for row in store.expire(session, jobs.WorkerLost().as_dict())}


def test_effects_and_status_are_there_together(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    assert run_work(engine, job_id, with_effect("Lodging")) == "succeeded"
    job = read()
    assert (job.status, job.attempt, job.error, job.lease_until) == ("succeeded", 1, None, None)
    with transaction(engine) as session:
        page = categories.list_(session, organization.id, Paging())
        assert job.result == {"category_id": str(page.rows[0].id)}
    assert run_work(engine, job_id, with_effect("Lodging again")) is None
    assert names(engine, organization) == ["Lodging"]


def test_an_effect_that_fails_leaves_nothing_but_the_failure(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    def work(run: Run, params: Any) -> Finish:
        def finish(session: Session) -> dict[str, Any]:
            named("Half")(session, run)
            raise RuntimeError(SECRET)

        return finish

    assert run_work(engine, job_id, work) == "failed"
    assert names(engine, organization) == []
    assert read().error == {
        "code": "unexpected",
        "message": UnexpectedError().message,
    }


def test_only_one_of_many_workers_claims_a_job(engine: Engine, job_id: uuid.UUID) -> None:
    together = threading.Barrier(5)
    ran = []

    def work(run: Run, params: Any) -> Finish:
        ran.append(run.attempt)
        return lambda _: {}

    def attempt(_: int) -> str | None:
        together.wait(10)
        return run_work(engine, job_id, work)

    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(attempt, range(5)))
    assert sorted(outcomes, key=str) == [None] * 4 + ["succeeded"]
    assert ran == [1]


def test_progress_is_written_while_the_work_goes_on_and_at_its_end(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    half = {"done": 1, "total": 2, "note": "half"}

    def work(run: Run, params: Any) -> Finish:
        run.progress(1, 2, "half")
        eventually(lambda: read().progress == half)
        run.progress(2, 2, "all")
        return lambda _: {}

    assert run_work(engine, job_id, work) == "succeeded"
    assert read().progress == {"done": 2, "total": 2, "note": "all"}


def test_the_heartbeat_lengthens_the_lease(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    def work(run: Run, params: Any) -> Finish:
        first = read().lease_until
        assert first is not None
        eventually(lambda: (read().lease_until or first) > first)
        return lambda _: {}

    assert run_work(engine, job_id, work, SOON) == "succeeded"


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

    def work(run: Run, params: Any) -> Finish:
        with transaction(engine) as session:
            assert jobs.cancel(session, organization.id, job_id).status == "running"
        try:
            eventually(run.checkpoint)  # it returns None until it raises
        except jobs.JobCancelled:
            stopped.append(run.attempt)
            raise
        return lambda session: named("Too late")(session, run)

    assert run_work(engine, job_id, work, SOON) == "cancelled"
    assert stopped == [1]
    assert (read().status, read().error) == ("cancelled", None)
    assert names(engine, organization) == []


def test_an_attempt_that_was_expired_writes_nothing(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    late = with_effect("Twice", before_end=lambda: expire(engine, job_id))
    assert run_work(engine, job_id, late) == "lost"
    assert (read().status, read().attempt, read().result) == ("queued", 1, None)
    assert names(engine, organization) == []
    assert run_work(engine, job_id, with_effect("Once")) == "succeeded"
    assert (read().attempt, names(engine, organization)) == (2, ["Once"])


def test_an_expired_attempt_may_not_fail_cancel_or_give_back_the_next_one(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    for error in (RuntimeError(), Unavailable(), jobs.JobCancelled(), AppError()):

        def work(run: Run, params: Any, error: Exception = error) -> Finish:
            with transaction(engine) as session:  # the next attempt is running already
                session.execute(update(Job).where(Job.id == job_id).values(attempt=Job.attempt + 1))
            raise error

        assert run_work(engine, job_id, work) == "lost"
        assert (read().status, read().error) == ("running", None)
        expire(engine, job_id)
        with transaction(engine) as session:
            session.execute(update(Job).where(Job.id == job_id).values(max_attempts=99, status="queued"))


def test_a_transaction_of_a_lost_run_is_refused(engine: Engine, job_id: uuid.UUID) -> None:
    def work(run: Run, params: Any) -> Finish:
        with run.transaction() as session:
            assert session.scalar(text("SELECT 1")) == 1
        expire(engine, job_id)
        with run.transaction():
            pytest.fail("the lease was lost")
        return lambda _: {}

    assert run_work(engine, job_id, work) == "lost"


def test_a_lost_lease_is_noticed_by_the_heartbeat(engine: Engine, job_id: uuid.UUID) -> None:
    def work(run: Run, params: Any) -> Finish:
        expire(engine, job_id)
        eventually(run.checkpoint)
        pytest.fail("never told")

    assert run_work(engine, job_id, work, SOON) == "lost"


def test_a_poison_job_fails_after_exactly_three_attempts(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    for attempt in (1, 2, 3):
        with transaction(engine) as session:
            claimed = store.claim(session, job_id, 60)  # and the worker dies
            assert claimed is not None
            assert claimed.attempt == attempt
        expire(engine, job_id)
    job = read()
    assert (job.status, job.attempt) == ("failed", 3)
    assert job.error is not None
    assert job.error["code"] == "worker_lost"
    assert job.finished_at is not None
    assert run_work(engine, job_id, nothing) is None


def test_a_lease_that_still_holds_is_left_alone(engine: Engine, job_id: uuid.UUID) -> None:
    with transaction(engine) as session:
        store.claim(session, job_id, 60)
        assert job_id not in {row[0] for row in store.expire(session, {})}


def test_a_cancelled_job_whose_worker_died_is_cancelled(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    with transaction(engine) as session:
        store.claim(session, job_id, 60)
        jobs.cancel(session, organization.id, job_id)
    expire(engine, job_id)
    assert (read().status, read().error) == ("cancelled", None)


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
    assert run_work(engine, job_id, raising(jobs.IllegalTransition("a", "b"))) == "failed"
    assert read().error == {
        "code": "illegal-transition",
        "message": "A job that is a cannot become b.",
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
