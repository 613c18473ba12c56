"""Which state may follow which: the table, and what the real statements do with rows."""

import contextlib
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text, update
from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import Params, ReindexParams
from shared.jobs.states import FINAL, JobStatus, Transition
from shared.jobs.tables import STATUSES, Job
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient

LEGAL = {
    ("queued", "running"),
    ("queued", "cancelled"),
    *(("running", after) for after in ("succeeded", "failed", "cancelled", "queued")),
    ("failed", "queued"),
    ("cancelled", "queued"),
}
ERROR = {"code": "gone", "message": "Gone."}

# By name: what changes a job's status, with the transitions that it is made of.
STEPS: dict[str, set[Transition]] = {
    "claim": {Transition.CLAIM},
    "succeed": {Transition.SUCCEED},
    "fail": {Transition.FAIL},
    "stop": {Transition.STOP},
    "requeue": {Transition.REQUEUE},
    "expire": {Transition.STOP, Transition.FAIL, Transition.REQUEUE},
    "cancel": {Transition.CANCEL},
    "cancel all": {Transition.CANCEL},
    "retry": {Transition.RETRY},
}


def take(session: Session, step: str, organization_id: uuid.UUID, job_id: uuid.UUID, attempt: int) -> None:
    """Do what the product does in this step."""
    match step:
        case "claim":
            store.claim(session, job_id, 60)
        case "requeue":
            store.requeue(session, job_id, attempt, delay_s=0)
        case "expire":
            _expire(session, job_id)
        case "cancel":
            jobs.cancel(session, organization_id, job_id)
        case "cancel all":
            store.cancel_all_but(session, organization_id, "import")
        case "retry":
            jobs.retry(session, organization_id, job_id)
        case _:
            store.end_attempt(session, Transition[step.upper()], job_id, attempt)


def _expire(session: Session, job_id: uuid.UUID) -> None:
    past = text("now() - interval '1 second'")
    session.execute(update(Job).where(Job.id == job_id, Job.status == "running").values(lease_until=past))
    store.expire_leases(session, ERROR)


def test_the_table_has_the_legal_transitions_and_no_other() -> None:
    pairs = {(source, step.target) for step in Transition for source in step.sources}
    assert pairs == LEGAL


def test_the_steps_of_the_property_are_all_there_are() -> None:
    assert set().union(*STEPS.values()) == set(Transition)


def test_stored_values_are_those_of_the_first_release() -> None:
    assert STATUSES == ("queued", "running", "succeeded", "failed", "cancelled")
    assert (
        {status for status in JobStatus if status.is_final} == FINAL == {"succeeded", "failed", "cancelled"}
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=12))
def test_a_row_takes_a_step_exactly_where_the_table_allows_it(
    engine: Engine, organization: OrganizationClient, steps: list[str]
) -> None:
    with transaction(engine) as session:
        job = jobs.submit(session, organization.id, ReindexParams(model_version_id=uuid.uuid4()))
    status, attempt = JobStatus.QUEUED, 0
    for step in steps:
        with transaction(engine) as session, contextlib.suppress(jobs.JobFinished, jobs.JobNotRetryable):
            take(session, step, organization.id, job.id, attempt)
        with transaction(engine) as session:
            now = store.get(session, organization.id, job.id)
        allowed = {transition.target for transition in STEPS[step] if status in transition.sources}
        assert now.status in allowed if allowed else now.status == status, step
        assert now.attempt - attempt == (step == "claim" and status == "queued")
        assert (now.lease_until is not None) == (now.status == "running")
        assert (now.finished_at is not None) == now.status.is_final
        status, attempt = now.status, now.attempt


def test_an_older_attempt_takes_no_step(engine: Engine, organization: OrganizationClient) -> None:
    with transaction(engine) as session:
        job_id = jobs.submit(session, organization.id, ReindexParams(model_version_id=uuid.uuid4())).id
        for _ in range(2):
            store.claim(session, job_id, 60)
            store.requeue(session, job_id, 1, delay_s=0)
    for transition in (Transition.SUCCEED, Transition.FAIL, Transition.STOP, Transition.REQUEUE):
        with transaction(engine) as session:
            assert not store.end_attempt(session, transition, job_id, 1)


def test_parameters_that_no_kind_takes_are_refused(engine: Engine, organization: OrganizationClient) -> None:
    class Unknown(Params):
        pass

    with transaction(engine) as session, pytest.raises(TypeError, match="Unknown"):
        jobs.submit(session, organization.id, Unknown())


def test_a_retried_job_counts_its_attempts_anew_but_never_reuses_a_number(
    engine: Engine, organization: OrganizationClient
) -> None:
    with transaction(engine) as session:
        job = jobs.submit(session, organization.id, ReindexParams(model_version_id=uuid.uuid4()))
        store.claim(session, job.id, 60)
        assert store.end_attempt(session, Transition.FAIL, job.id, 1, error=ERROR)
    with transaction(engine) as session:
        again = jobs.retry(session, organization.id, job.id)
        assert (again.status, again.attempt, again.max_attempts) == ("queued", 1, 4)
        assert (again.error, again.finished_at, again.published_at) == (None, None, None)
    with transaction(engine) as session:
        assert not store.end_attempt(session, Transition.FAIL, job.id, 1, error=ERROR)
        claimed = store.claim(session, job.id, 60)
        assert claimed is not None
        assert claimed.attempt == 2
