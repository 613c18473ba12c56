"""The index against Postgres: after every change, after damage, and while two write at once."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from shared.engines.vectors import Point
from shared.jobs.kinds import ReindexParams
from shared.jobs.service import submit
from shared.kit.unit_of_work import transaction
from shared.resources import Resources
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs
from tests.indexing.checks import (
    activate,
    chart,
    held,
    label,
    labelled,
    serving,
    truth,
)

# Qdrant's client without a server says that it needs no payload indexes.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


def test_each_change_of_a_row_reaches_the_index(served: OrganizationClient, machines: Resources) -> None:
    lodging, software = chart(served)
    other = new_category(served, name="Meals")["id"]
    row = labelled(served, other, merchant_name="Sweetgreen")
    run_jobs(machines, served)
    before = held(machines, served)
    assert (before, len(before)) == (truth(machines, served), 6)
    changes: list[Callable[[], Any]] = [
        lambda: label(served, row, software),
        lambda: served.patch(f"/v1/categories/{other}", {"description": "Restaurants and canteens"}),
        lambda: served.delete(f"/v1/categories/{lodging}"),
        lambda: served.delete(f"/v1/transactions/{row}"),
    ]
    for change in changes:
        change()
        assert set(run_jobs(machines, served)["sync_index"]) == {"succeeded"}
        now = held(machines, served)
        assert now == truth(machines, served)
        assert now != before
        before = now
    assert len(before) == 3  # two categories, one transaction: the archived category's went with it


def test_a_new_transaction_is_no_point_before_it_is_labelled(
    served: OrganizationClient, machines: Resources
) -> None:
    before = held(machines, served)
    new_transaction(served)
    run_jobs(machines, served)
    assert held(machines, served) == before


def test_without_an_active_model_a_sync_does_nothing(
    organization: OrganizationClient, resources: Resources
) -> None:
    new_category(organization)
    assert run_jobs(resources, organization) == {"sync_index": ["succeeded"]}
    [job] = organization.get("/v1/jobs").json()["data"]
    assert job["result"] == {"written": 0}


def test_a_wiped_collection_is_healed_by_the_next_change(
    served: OrganizationClient, machines: Resources
) -> None:
    machines.index.drop_collection(serving(machines, served).collection)
    new_category(served, name="Meals")
    assert run_jobs(machines, served) == {"sync_index": ["succeeded"]}
    assert held(machines, served) == truth(machines, served)
    assert len(held(machines, served)) == 5


def test_a_collection_wiped_and_remade_for_another_organization_is_healed_too(
    served: OrganizationClient, machines: Resources
) -> None:
    other = new_organization(served.client)
    new_category(other)
    activate(other, machines)
    machines.index.drop_collection(serving(machines, served).collection)
    new_category(other)
    run_jobs(machines, other)
    assert held(machines, other) == truth(machines, other)
    assert held(machines, served) == {}
    new_category(served)
    run_jobs(machines, served)
    assert held(machines, served) == truth(machines, served)
    assert len(held(machines, served)) == 5


def test_reindex_writes_what_differs_and_removes_strays(
    served: OrganizationClient, machines: Resources
) -> None:
    active = serving(machines, served)
    lost, changed = sorted(held(machines, served))[:2]
    machines.index.delete(active.collection, [lost])
    vector = machines.encoders.get(active.model).encode(["stray"])[0]
    stray, row_id = uuid.uuid4(), uuid.uuid4()
    planted = [Point(at, served.id, "transaction", row_id, row_id, vector, "old") for at in (stray, changed)]
    machines.index.upsert(active.collection, planted)
    bystander = Point(uuid.uuid4(), uuid.uuid4(), "transaction", row_id, row_id, vector, "theirs")
    machines.index.upsert(active.collection, [bystander])
    results = []
    for body in ({}, {}, {"rebuild": True}):
        job = served.post("/v1/reindex", body)
        assert job.status_code == 202, job.text
        assert run_jobs(machines, served) == {"reindex": ["succeeded"]}
        results.append(served.get(f"/v1/jobs/{job.json()['id']}").json()["result"])
        assert held(machines, served) == truth(machines, served)
    assert results == [
        {"points": 4, "written": 2, "removed": 1},
        {"points": 4, "written": 0, "removed": 0},
        {"points": 4, "written": 4, "removed": 0},
    ]
    assert machines.index.count(active.collection, bystander.organization_id) == 1


def test_a_reindex_of_a_foreign_model_fails(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    other = new_organization(served.client)
    foreign = uuid.UUID(other.get("/v1/models").json()["data"][0]["id"])
    with transaction(engine) as session:
        submit(session, served.id, ReindexParams(model_version_id=foreign))
    assert run_jobs(machines, served) == {"reindex": ["failed"]}
