"""Upkeep as the relay does it: every part, one after the other, and no part because of another."""

import datetime as dt
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from starlette.testclient import TestClient

from shared.engines.edge import EdgeIndex
from shared.idempotency.tables import IdempotencyKey
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.organizations.tables import Organization
from shared.resources import Resources
from tests.factories import ROOT_KEY, OrganizationClient
from worker import upkeep
from worker.upkeep import Upkeep

PARTS = {
    *("idempotency keys", "jobs", "erasures", "reconciliations"),
    *("uploads", "models", "collections", "points"),
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)


def count(engine: Engine, *where: object) -> int:
    with transaction(engine) as session:
        return session.scalar(select(func.count()).where(*where)) or 0  # type: ignore[arg-type]  # conditions


def test_old_keys_and_old_syncs_go_in_batches(resources: Resources, organization: OrganizationClient) -> None:
    with transaction(resources.engine) as session:
        for days, hours in ((8, 25), (8, 25), (8, 25), (6, 23)):
            at = {"finished_at": func.now() - dt.timedelta(days=days), "status": "succeeded"}
            job = {"organization_id": organization.id, "queue": "embedding", "priority": 0, "max_attempts": 3}
            session.add(Job(**job, **at, kind="sync_index", params={}))
            session.add(Job(**job, **at, kind="import", params={"upload": "gone"}))
            at = {"created_at": func.now() - dt.timedelta(hours=hours), "request_sha256": bytes(32)}
            session.add(IdempotencyKey(organization_id=organization.id, key=uuid.uuid4().hex, **at))
    done = Upkeep(resources).run_once()
    assert (done["idempotency keys"], done["jobs"]) == (3, 3)
    mine = Job.organization_id == organization.id
    assert count(resources.engine, mine, Job.kind == "sync_index") == 1
    assert count(resources.engine, mine, Job.kind == "import") == 4
    assert count(resources.engine, IdempotencyKey.organization_id == organization.id) == 1


def test_a_part_that_fails_stops_no_other(resources: Resources, tmp_path: Path) -> None:
    away = replace(resources, index=EdgeIndex(tmp_path / "nobody", "key", timeout_s=1))
    assert set(Upkeep(resources).run_once()) == PARTS
    assert set(Upkeep(away).run_once()) == PARTS - {"collections", "points"}


def test_an_erasure_that_was_given_up_is_taken_up_again(client: TestClient, resources: Resources) -> None:
    root = {"Authorization": f"Bearer {ROOT_KEY}"}
    organization_id = client.post("/v1/organizations", json={"name": "A"}, headers=root).json()["id"]
    assert client.delete(f"/v1/organizations/{organization_id}", headers=root).status_code == 202
    mine = (Job.organization_id == uuid.UUID(organization_id), Job.status == "queued")
    assert Upkeep(resources).run_once()["erasures"] == 0
    with transaction(resources.engine) as session:
        session.execute(text("UPDATE jobs SET status = 'failed' WHERE kind = 'delete_organization'"))
    assert count(resources.engine, *mine) == 0
    assert Upkeep(resources).run_once()["erasures"] == 1
    assert count(resources.engine, *mine) == 1
    with transaction(resources.engine) as session:
        session.execute(text("DELETE FROM organizations WHERE deleted_at IS NOT NULL"))


def test_two_relays_submit_once(resources: Resources) -> None:
    """Both see the same one missing: only who has the lock submits."""
    with transaction(resources.engine) as session:
        session.add(Organization(name="A", deleted_at=func.now()))
    first, second = Upkeep(resources), Upkeep(resources)
    inside, leave = threading.Event(), threading.Event()

    def submit_slowly(session: object) -> int:
        done = upkeep._resume_erasing(session)  # type: ignore[arg-type]  # the session
        inside.set()
        leave.wait(30)
        return done

    slow = threading.Thread(target=first._alone, args=(submit_slowly,))
    slow.start()
    try:
        assert inside.wait(30)
        assert second.run_once()["erasures"] == 0
    finally:
        leave.set()
        slow.join()
    assert count(resources.engine, Job.kind == "delete_organization") == 1
