"""Which state may follow which, by the table and in the rows."""

import contextlib
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs import store as job_store
from shared.jobs.kinds import KINDS, ReindexParams, SyncIndexParams
from shared.jobs.tables import STATUSES
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


@given(before=st.sampled_from(STATUSES), after=st.sampled_from(STATUSES))
def test_only_legal_transitions_pass(before: str, after: str) -> None:
    if (before, after) in LEGAL:
        jobs.check_transition(before, after)
    else:
        with pytest.raises(jobs.IllegalTransition) as raised:
            jobs.check_transition(before, after)
        assert before in raised.value.message
        assert after in raised.value.message


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.sampled_from(["claim", "succeed", "fail", "give_back", "end_cancelled", "cancel", "retry"]),
        max_size=12,
    )
)
def test_a_row_never_takes_a_forbidden_step(
    engine: Engine, organization: OrganizationClient, steps: list[str]
) -> None:
    with transaction(engine) as session:
        job = jobs.submit(session, organization.id, "reindex", ReindexParams(model_version_id=uuid.uuid4()))
    status, attempt = "queued", 0
    for step in steps:
        refusals = contextlib.suppress(job_exceptions.LeaseLost, jobs.JobFinished, jobs.JobNotRetryable)
        with transaction(engine) as session, refusals:
            _take(session, step, organization.id, job.id, attempt)
        with transaction(engine) as session:
            now = job_store.get(session, organization.id, job.id)
        assert now.status == status or (status, now.status) in LEGAL
        assert now.attempt - attempt == (step == "claim" and status == "queued")
        assert (now.lease_until is not None) == (now.status == "running")
        assert (now.finished_at is not None) == (now.status in {"succeeded", "failed", "cancelled"})
        status, attempt = now.status, now.attempt


def _take(session: Session, step: str, organization_id: uuid.UUID, job_id: uuid.UUID, attempt: int) -> None:
    if step == "claim":
        store.claim(session, job_id, 60)
    elif step == "fail":
        jobs.fail(session, job_id, attempt, ERROR)
    elif step == "give_back":
        jobs.give_back(session, job_id, attempt, delay_s=0)
    elif step in {"cancel", "retry"}:
        getattr(jobs, step)(session, organization_id, job_id)
    else:
        getattr(jobs, step)(session, job_id, attempt)


def test_each_kind_names_a_queue_and_a_priority_that_exist() -> None:
    from shared.jobs.kinds import QUEUES

    assert {kind.queue for kind in KINDS.values()} <= set(QUEUES)
    assert all(0 <= kind.priority <= 9 for kind in KINDS.values())


def test_a_job_takes_the_parameters_of_its_kind_only(
    engine: Engine, organization: OrganizationClient
) -> None:
    with transaction(engine) as session, pytest.raises(TypeError):
        jobs.submit(session, organization.id, "reindex", SyncIndexParams())


def test_a_retried_job_counts_its_attempts_anew_but_never_reuses_a_number(
    engine: Engine, organization: OrganizationClient
) -> None:
    with transaction(engine) as session:
        job = jobs.submit(session, organization.id, "reindex", ReindexParams(model_version_id=uuid.uuid4()))
        store.claim(session, job.id, 60)
        assert jobs.fail(session, job.id, 1, ERROR)
    with transaction(engine) as session:
        again = jobs.retry(session, organization.id, job.id)
        assert (again.status, again.attempt, again.max_attempts) == ("queued", 1, 4)
        assert (again.error, again.finished_at, again.published_at) == (None, None, None)
    with transaction(engine) as session:
        assert not jobs.fail(session, job.id, 1, ERROR)
        claimed = store.claim(session, job.id, 60)
        assert claimed is not None
        assert claimed.attempt == 2
