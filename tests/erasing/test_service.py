"""Deleting an organisation leaves no row, point or file of it, and touches nobody else's."""

import uuid
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from shared.engines.vectors import Point
from shared.erasing import service as erasing
from shared.jobs.run import Run
from shared.jobs.states import JobStatus
from shared.jobs.tables import Job
from shared.kit.db import Base
from shared.kit.unit_of_work import transaction
from shared.organizations.tables import Organization
from shared.registry.collections import is_ours, serving_name
from shared.resources import Resources
from tests.erasing.household import ROOT, add_job, delete, expire, state_of, work
from tests.factories import OrganizationClient
from tests.indexing.checks import serving


class Killed(BaseException):
    """As SIGKILL: nobody writes how the job ended."""


def row_of(client: TestClient, organization: OrganizationClient) -> Any:
    return client.get(f"/v1/organizations/{organization.id}", headers=ROOT)


def test_nothing_is_left_and_nobody_else_is_touched(
    client: TestClient, resources: Resources, leaving: OrganizationClient, staying: OrganizationClient
) -> None:
    owned = {table.name for table in Base.metadata.sorted_tables if "organization_id" in table.c}
    before, kept = state_of(resources, leaving.id), state_of(resources, staying.id)
    assert owned <= set(before), "furnish the household with a row of the new table"
    assert sum(name.startswith("outlay-") for name in before) == 2
    assert {part for part in ("uploads", "models", "staging") if part in str(before)} == {
        *("uploads", "models", "staging")
    }
    evaluations = [name for name in resources.index.collections() if name.startswith("evaluation-")]
    assert work(resources, delete(client, leaving)) == "succeeded"
    assert state_of(resources, leaving.id) == {}
    left = [path for path in resources.artifacts.root.rglob("*") if str(leaving.id) in str(path)]
    folders = {name for name in before if name.startswith("/")}
    assert left == []
    assert not [name for name in folders if resources.artifacts.root.joinpath(name).exists()]
    assert len(set(evaluations) - set(resources.index.collections())) == 1
    with transaction(resources.engine) as session:
        assert session.get(Organization, leaving.id) is None
    assert row_of(client, leaving).status_code == 404
    assert state_of(resources, staying.id) == kept


def test_from_the_request_on_its_keys_are_as_unknown_ones(
    client: TestClient, resources: Resources, leaving: OrganizationClient
) -> None:
    unknown = client.get("/v1/categories", headers={"Authorization": "Bearer ol_0000_0000"})
    job_id = delete(client, leaving)
    for _ in range(2):
        answer = leaving.get("/v1/categories")
        assert (answer.status_code, answer.json()) == (401, unknown.json())
        assert leaving.post("/v1/categories", {"name": "A"}).status_code == 401
        if row_of(client, leaving).status_code == 200:
            assert row_of(client, leaving).json()["deleted_at"] is not None
            work(resources, job_id)
    assert row_of(client, leaving).status_code == 404


def test_deleting_twice_is_deleting_once(client: TestClient, leaving: OrganizationClient) -> None:
    job_id = delete(client, leaving)
    assert delete(client, leaving) == job_id


def test_its_other_jobs_end_first(
    client: TestClient,
    resources: Resources,
    leaving: OrganizationClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running = add_job(resources, leaving, "evaluate", "running")
    waiting = add_job(resources, leaving, "reindex", "queued")
    job_id = delete(client, leaving)
    monkeypatch.setattr(erasing, "PATIENCE_S", 0.0)
    late = add_job(resources, leaving, "reindex", "queued")
    assert work(resources, job_id) == "queued"  # given back: its worker's place is others' meanwhile
    with transaction(resources.engine) as session:
        rows = {row.id: row for row in session.scalars(select(Job))}
    assert (rows[running].status, rows[running].cancel_requested) == ("running", True)
    assert {rows[waiting].status, rows[late].status} == {"cancelled"}
    assert state_of(resources, leaving.id)["transactions"]
    with transaction(resources.engine) as session:
        session.get_one(Job, running).status = JobStatus.CANCELLED
    assert work(resources, job_id) == "succeeded"
    assert state_of(resources, leaving.id) == {}


def test_killed_anywhere_it_goes_on(
    client: TestClient,
    resources: Resources,
    leaving: OrganizationClient,
    staying: OrganizationClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = state_of(resources, staying.id)
    job_id = delete(client, leaving)
    monkeypatch.setattr(erasing, "BATCH", 1)
    real, attempts = Run.checkpoint, 0
    while True:
        attempts += 1
        left = [3 * attempts]

        def checkpoint(run: Run, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            real(run)

        monkeypatch.setattr(Run, "checkpoint", checkpoint)
        try:
            assert work(resources, job_id) == "succeeded"
            break
        except Killed:
            assert row_of(client, leaving).status_code == 200
            expire(resources, job_id)
    assert attempts > 5
    assert state_of(resources, leaving.id) == {}
    assert state_of(resources, staying.id) == kept


def test_what_a_worker_had_in_hand_goes_too(
    client: TestClient,
    resources: Resources,
    leaving: OrganizationClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Written when points and files have gone for the first time, while the rows go."""
    collection = serving(resources, leaving).collection
    upload = resources.artifacts.root / f"uploads/{leaving.id}/late"
    written: list[uuid.UUID] = []

    def write(run: Run, done: int, total: int, note: str = "") -> None:
        if not written:
            write_stray(resources, collection, leaving.id)
            upload.parent.mkdir()
            upload.write_bytes(b"late")
            written.append(add_job(resources, leaving, "reindex", "queued"))

    monkeypatch.setattr(Run, "progress", write)
    assert work(resources, delete(client, leaving)) == "succeeded"
    assert written
    assert state_of(resources, leaving.id) == {}
    assert not upload.parent.exists()


def test_a_job_that_began_at_the_last_moment_is_waited_for(
    client: TestClient, resources: Resources, leaving: OrganizationClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = erasing._erase_rest
    begun: list[uuid.UUID] = []

    def begin(session: Any, run: Run) -> dict[str, Any]:
        if not begun:
            begun.append(add_job(resources, leaving, "sync_index", "running"))
        return real(session, run)

    monkeypatch.setattr(erasing, "_erase_rest", begin)
    job_id = delete(client, leaving)
    assert work(resources, job_id) == "queued"
    assert row_of(client, leaving).status_code == 200
    with transaction(resources.engine) as session:
        session.get_one(Job, begun[0]).status = JobStatus.CANCELLED
    assert work(resources, job_id) == "succeeded"
    assert state_of(resources, leaving.id) == {}


def write_stray(resources: Resources, collection: str, organization_id: uuid.UUID) -> None:
    """A point, as a worker writes it."""
    row_id, vector = uuid.uuid4(), np.ones(384, dtype=np.float32)
    stray = Point(uuid.uuid4(), organization_id, "transaction", row_id, row_id, vector, "late")
    resources.index.upsert(collection, [stray])


def test_collections_of_others_are_not_ours() -> None:
    assert is_ours(serving_name("ab" * 32))
    assert not is_ours("somebody-elses")
