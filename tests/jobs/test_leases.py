"""Who owns a job: claims, leases that run out, and attempts that come too late."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from devtools.waiting import eventually
from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import ReindexParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import AppError, Unavailable
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.jobs.works import SOON, expire, names, nothing, run_work, with_effect


def test_only_one_of_many_workers_claims_a_job(engine: Engine, job_id: uuid.UUID) -> None:
    together = threading.Barrier(5)
    ran = []

    def work(run: Run, params: Any) -> Effects:
        ran.append(run.attempt)
        return lambda _: {}

    def attempt(_: int) -> str | None:
        together.wait(10)
        return run_work(engine, job_id, work)

    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(attempt, range(5)))
    assert sorted(outcomes, key=str) == [None] * 4 + ["succeeded"]
    assert ran == [1]


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
    for error in (RuntimeError(), Unavailable(), job_exceptions.JobCancelled(), AppError()):

        def work(run: Run, params: Any, error: Exception = error) -> Effects:
            with transaction(engine) as session:  # the next attempt is running already
                session.execute(update(Job).where(Job.id == job_id).values(attempt=Job.attempt + 1))
            raise error

        assert run_work(engine, job_id, work) == "lost"
        assert (read().status, read().error) == ("running", None)
        expire(engine, job_id)
        with transaction(engine) as session:
            session.execute(update(Job).where(Job.id == job_id).values(max_attempts=99, status="queued"))


def test_a_transaction_of_a_lost_run_is_refused(engine: Engine, job_id: uuid.UUID) -> None:
    def work(run: Run, params: Any) -> Effects:
        with run.transaction() as session:
            assert session.scalar(text("SELECT 1")) == 1
        expire(engine, job_id)
        with run.transaction():
            raise AssertionError("the lease was lost")

    assert run_work(engine, job_id, work) == "lost"


def test_a_lost_lease_is_noticed_by_the_heartbeat(engine: Engine, job_id: uuid.UUID) -> None:
    def work(run: Run, params: Any) -> Effects:
        expire(engine, job_id)
        eventually(run.checkpoint)
        pytest.fail("never told")

    assert run_work(engine, job_id, work, SOON) == "lost"


def test_the_heartbeat_lengthens_the_lease(
    engine: Engine, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    def work(run: Run, params: Any) -> Effects:
        first = read().lease_until
        assert first is not None
        eventually(lambda: (read().lease_until or first) > first)
        return lambda _: {}

    assert run_work(engine, job_id, work, SOON) == "succeeded"


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


def test_a_worker_frozen_in_a_transaction_keeps_no_other_job_from_expiring(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID
) -> None:
    with transaction(engine) as session:
        other = jobs.submit(session, organization.id, ReindexParams(model_version_id=job_id)).id
        for row_id in (job_id, other):
            store.claim(session, row_id, -1)
    with transaction(engine) as frozen:
        assert store.owns(frozen, job_id, 1)
        expire(engine, other)
    expire(engine, job_id)


def test_a_lease_that_still_holds_is_left_alone(engine: Engine, job_id: uuid.UUID) -> None:
    with transaction(engine) as session:
        store.claim(session, job_id, 60)
        assert job_id not in {row[0] for row in store.expire_leases(session, {})}


def test_a_cancelled_job_whose_worker_died_is_cancelled(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Callable[[], Job]
) -> None:
    with transaction(engine) as session:
        store.claim(session, job_id, 60)
        jobs.cancel(session, organization.id, job_id)
    expire(engine, job_id)
    assert (read().status, read().error) == ("cancelled", None)
