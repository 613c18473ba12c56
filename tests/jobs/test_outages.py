"""A job that meets an outage waits for its end, but not for ever; one whose statement is too slow fails."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs.exceptions import ChildrenAtWork, WorkerStopping
from shared.jobs.run import Effects, Lease, Run, Work
from shared.jobs.tables import Job
from shared.kit.database_errors import StatementTooSlow, TransactionConflict
from shared.kit.errors import AppError, Unavailable
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.jobs.works import LEASE, nothing, raising, run_work

Read = Callable[[], Job]

DAY = 86_400


class DependencyAway(Unavailable):
    code = "dependency-away"
    message = "The dependency does not answer."


def attempt(engine: Engine, job_id: uuid.UUID, work: Work, lease: Lease = LEASE) -> str | None:
    """One attempt at once, however long the job should have waited."""
    with transaction(engine) as session:
        session.execute(text("UPDATE jobs SET available_at = now() WHERE id = :id"), {"id": job_id})
    return run_work(engine, job_id, work, lease)


def too_slow(run: Run, params: Any) -> Effects:
    """Work whose statement exceeds the time limit."""
    with run.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '50ms'"))
        session.execute(text("SELECT pg_sleep(60)"))
    return lambda _: {}


def test_a_statement_that_is_always_too_slow_ends_the_job(
    engine: Engine, job_id: uuid.UUID, read: Read
) -> None:
    assert [attempt(engine, job_id, too_slow) for _ in range(4)] == ["queued", "queued", "failed", None]
    job = read()
    assert (job.attempt, job.max_attempts, job.error) == (3, 3, StatementTooSlow().as_dict())
    assert job.finished_at is not None


def test_a_last_transaction_that_is_too_slow_counts_too(
    engine: Engine, job_id: uuid.UUID, read: Read
) -> None:
    def work(run: Run, params: Any) -> Effects:
        def apply_effects(session: Session) -> dict[str, Any]:
            session.execute(text("SET LOCAL statement_timeout = '50ms'"))
            session.execute(text("SELECT pg_sleep(60)"))
            return {}

        return apply_effects

    assert [attempt(engine, job_id, work) for _ in range(3)] == ["queued", "queued", "failed"]
    assert read().error == StatementTooSlow().as_dict()


def test_an_attempt_that_met_a_deadlock_is_followed_by_another_at_once(
    engine: Engine, job_id: uuid.UUID, read: Read
) -> None:
    assert run_work(engine, job_id, raising(TransactionConflict())) == "queued"
    assert (read().error, read().attempt) == (None, 1)
    with transaction(engine) as session:
        assert session.scalar(text("SELECT available_at <= now() FROM jobs WHERE id = :id"), {"id": job_id})
    assert run_work(engine, job_id, nothing) == "succeeded"


def test_an_outage_costs_no_attempt_until_it_lasts_too_long(
    engine: Engine, job_id: uuid.UUID, read: Read
) -> None:
    away = raising(DependencyAway())
    assert [attempt(engine, job_id, away) for _ in range(5)] == ["queued"] * 5
    assert (read().attempt, read().max_attempts) == (5, 8)
    since = read().given_back_since
    assert since is not None
    be_given_back_since(engine, job_id, since - dt.timedelta(seconds=DAY + 1))
    assert attempt(engine, job_id, away) == "failed"
    assert read().error == DependencyAway().as_dict()


def test_the_limit_of_an_outage_is_a_setting(engine: Engine, job_id: uuid.UUID) -> None:
    away = raising(DependencyAway())
    assert attempt(engine, job_id, away, Lease(60, 10, outage_limit_seconds=0)) == "failed"


@pytest.mark.parametrize(
    ("error", "is_reset"),
    [(ChildrenAtWork({"done": 1, "total": 2, "note": ""}, 0), True), (WorkerStopping(), False)],
)
def test_only_a_job_that_gets_on_has_left_the_outage_behind(
    engine: Engine, job_id: uuid.UUID, read: Read, error: AppError, is_reset: bool
) -> None:
    assert attempt(engine, job_id, raising(DependencyAway())) == "queued"
    assert attempt(engine, job_id, raising(error)) == "queued"
    assert (read().given_back_since is None) == is_reset


def test_a_job_that_is_retried_has_a_whole_day_again(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID, read: Read
) -> None:
    away = raising(DependencyAway())
    attempt(engine, job_id, away)
    be_given_back_since(engine, job_id, dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert attempt(engine, job_id, away) == "failed"
    with transaction(engine) as session:
        jobs.retry(session, organization.id, job_id)
    assert attempt(engine, job_id, away) == "queued"


def test_a_read_only_transaction_of_a_lost_attempt_writes_nothing(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID
) -> None:
    rename = text("UPDATE organizations SET name = 'by a lost attempt' WHERE id = :id")

    def work(run: Run, params: Any) -> Effects:
        with run.reading() as session:
            session.execute(rename, {"id": organization.id})
        return lambda _: {}

    assert run_work(engine, job_id, work) == "failed"
    with transaction(engine) as session:
        query = text("SELECT name FROM organizations WHERE id = :id")
        assert session.scalar(query, {"id": organization.id}) != "by a lost attempt"


def be_given_back_since(engine: Engine, job_id: uuid.UUID, since: dt.datetime) -> None:
    with transaction(engine) as session:
        session.execute(
            text("UPDATE jobs SET given_back_since = :since WHERE id = :id"), {"since": since, "id": job_id}
        )
