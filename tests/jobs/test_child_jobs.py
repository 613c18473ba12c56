"""Jobs that are part of another: the parent waits without a worker, and they never work for nobody."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store
from shared.jobs.kinds import KINDS, DeleteOrganizationParams, ReindexParams
from shared.jobs.run import Effects, Run
from shared.jobs.states import Transition
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from tests.factories import OrganizationClient
from tests.jobs.works import expire, nothing, raising, run_work

PROGRESS = {"done": 1, "total": 3, "note": "so far"}


def add_children(engine: Engine, organization: OrganizationClient, parent_id: uuid.UUID) -> list[uuid.UUID]:
    """Two children of the parent; their ids."""
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4())
        return [jobs.submit(session, organization.id, params, parent_id=parent_id).id for _ in range(2)]


def waits(run: Run, params: Any) -> Effects:
    """A parent's step that finds its children at work."""
    raise job_exceptions.ChildrenAtWork(PROGRESS, 3600)


def get(engine: Engine, job_id: uuid.UUID) -> Job:
    with transaction(engine) as session:
        return jobs.get_any(session, job_id)


def is_available(engine: Engine, job_id: uuid.UUID) -> bool:
    with transaction(engine) as session:
        return bool(session.scalar(select(Job.available_at <= func.now()).where(Job.id == job_id)))


@pytest.fixture
def family(
    engine: Engine, organization: OrganizationClient, job_id: uuid.UUID
) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID]:
    """A parent that waits, and its two children."""
    first, second = add_children(engine, organization, job_id)
    assert run_work(engine, job_id, waits) == "queued"
    return job_id, first, second


def test_a_parent_waits_without_a_worker_an_attempt_or_a_lost_word(
    engine: Engine, family: tuple[uuid.UUID, ...]
) -> None:
    parent = get(engine, family[0])
    assert (parent.status, parent.lease_until, parent.progress) == ("queued", None, PROGRESS)
    assert parent.max_attempts - parent.attempt == KINDS[parent.kind].max_attempts
    assert not is_available(engine, parent.id)


def test_the_last_child_to_end_wakes_the_parent(engine: Engine, family: tuple[uuid.UUID, ...]) -> None:
    parent, first, second = family
    assert run_work(engine, first, nothing) == "succeeded"
    assert not is_available(engine, parent)
    assert run_work(engine, second, raising(ValueError("a child may fail"))) == "failed"
    assert is_available(engine, parent)


def test_a_child_that_ends_waits_for_nobody_who_holds_its_parent(
    engine: Engine, family: tuple[uuid.UUID, ...]
) -> None:
    parent, first, second = family
    run_work(engine, first, nothing)
    with transaction(engine) as session:  # as one who is about to cancel it
        session.scalar(select(Job).where(Job.id == parent).with_for_update())
        assert run_work(engine, second, nothing) == "succeeded"


def test_children_are_cancelled_and_queued_again_with_their_parent(
    engine: Engine, organization: OrganizationClient, family: tuple[uuid.UUID, ...]
) -> None:
    parent, done, queued = family
    assert run_work(engine, done, nothing) == "succeeded"
    [running, late] = add_children(engine, organization, parent)
    with transaction(engine) as session:
        assert store.claim(session, running, 60) is not None
    assert organization.post(f"/v1/jobs/{parent}/cancel").json()["status"] == "cancelled"
    rows = {row_id: get(engine, row_id) for row_id in (done, queued, running, late)}
    assert [row.status for row in rows.values()] == ["succeeded", "cancelled", "running", "cancelled"]
    assert (rows[running].cancel_requested, rows[queued].finished_at is not None) == (True, True)
    with transaction(engine) as session:
        assert store.end_attempt(session, Transition.STOP, running, 1)

    assert organization.post(f"/v1/jobs/{parent}/retry").json()["status"] == "queued"
    again = [get(engine, row_id) for row_id in (done, queued, running, late)]
    assert [row.status for row in again] == ["succeeded", *["queued"] * 3]
    assert all(not row.cancel_requested and row.finished_at is None for row in again[1:])
    assert run_work(engine, running, nothing) == "succeeded"


@pytest.mark.parametrize("end", ["fails", "dies", "is cancelled at work"])
def test_no_child_works_for_a_parent_that_has_ended(
    engine: Engine, organization: OrganizationClient, family: tuple[uuid.UUID, ...], end: str
) -> None:
    parent, *mine = family

    def work(run: Run, params: Any) -> Effects:
        if end == "fails":
            raise ValueError("no more")
        if end == "dies":
            with transaction(engine) as session:
                session.get_one(Job, parent).max_attempts = run.attempt
            expire(engine, parent)
            raise job_exceptions.LeaseLost
        organization.post(f"/v1/jobs/{parent}/cancel")
        mine.extend(add_children(engine, organization, parent))  # it did not know yet
        raise job_exceptions.JobCancelled

    run_work(engine, parent, work)
    assert get(engine, parent).status == ("cancelled" if end == "is cancelled at work" else "failed")
    assert {get(engine, row_id).status for row_id in mine} == {"cancelled"}


def test_children_of_others_are_left_alone(
    engine: Engine, organization: OrganizationClient, family: tuple[uuid.UUID, ...]
) -> None:
    with transaction(engine) as session:
        params = ReindexParams(model_version_id=uuid.uuid4())
        other = jobs.submit(session, organization.id, params).id
    stranger = add_children(engine, organization, other)
    organization.post(f"/v1/jobs/{family[0]}/cancel")
    assert [get(engine, row_id).status for row_id in (other, *stranger)] == ["queued"] * 3
    with transaction(engine) as session:
        assert [
            child.id for child in store.list_children(session, organization.id, family[0], "reindex")
        ] == sorted(family[1:])


def test_children_that_failed_come_back_with_the_attempts_of_their_own_kind(
    engine: Engine, organization: OrganizationClient, family: tuple[uuid.UUID, ...]
) -> None:
    parent, first, second = family
    with transaction(engine) as session:
        params = DeleteOrganizationParams()
        patient = jobs.submit(session, organization.id, params, parent_id=parent).id
    assert run_work(engine, first, nothing) == "succeeded"
    for child in (second, patient):
        assert run_work(engine, child, raising(ValueError("a child may fail"))) == "failed"
    assert run_work(engine, parent, raising(ValueError("none succeeded"))) == "failed"
    assert organization.post(f"/v1/jobs/{parent}/retry").status_code == 200
    retried = {child: get(engine, child) for child in (first, second, patient)}
    assert [row.status for row in retried.values()] == ["succeeded", "queued", "queued"]
    assert [row.max_attempts - row.attempt for row in retried.values()][1:] == [3, 20]
    assert all(row.error is None for row in retried.values())


def test_children_are_listed_by_their_parent_and_go_with_the_organization(
    engine: Engine, organization: OrganizationClient, family: tuple[uuid.UUID, ...]
) -> None:
    parent, *mine = family
    listed = organization.get(f"/v1/jobs?parent_id={parent}").json()["data"]
    assert [(row["id"], row["parent_id"]) for row in listed] == [
        (str(row_id), str(parent)) for row_id in mine[::-1]
    ]
    with transaction(engine) as session:
        assert store.cancel_all_but(session, organization.id, "delete_organization") == 0
    assert {get(engine, row_id).status for row_id in family} == {"cancelled"}
