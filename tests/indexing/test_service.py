"""The index against Postgres: after every change, after damage, and while two write at once."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from qdrant_client import QdrantClient
from sqlalchemy import Engine

from shared.bootstrap import Resources
from shared.categories import service as categories
from shared.categorization.points import Entry, entry_point_id
from shared.engines.qdrant import QdrantIndex
from shared.engines.vectors import Point
from shared.indexing import service as indexing
from shared.jobs.kinds import ReindexParams, SyncIndexParams
from shared.jobs.run import Lease, execute
from shared.jobs.service import submit
from shared.kit.work import transaction
from shared.registry import service as registry
from shared.registry.service import Serving
from shared.registry.tables import ModelVersion
from shared.transactions import service as transactions
from tests.factories import OrganizationClient, new_category, new_organization, new_transaction, run_jobs

# Qdrant's client without a server says that it needs no payload indexes.
pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")


class Interrupted:
    """The real index, with something that happens just before the next writing."""

    def __init__(self, index: Any, before: Callable[[], object]) -> None:
        self._index = index
        self._before: Callable[[], object] | None = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        before, self._before = self._before, None
        if before is not None:
            before()
        self._index.upsert(name, points)


@pytest.fixture(params=["edge", "memory"])
def machines(request: pytest.FixtureRequest, resources: Resources) -> Iterator[Resources]:
    """The resources on Qdrant Edge, and on Qdrant's own client without a server."""
    if request.param == "edge":
        yield resources
        return
    index = QdrantIndex(QdrantClient(":memory:"))
    yield replace(resources, index=index)
    index.close()


def activate(organization: OrganizationClient, machines: Resources, version: str | None = None) -> None:
    """Serve a model version, the base model unless another is named."""
    versions = organization.get("/v1/models").json()["data"]
    chosen = version or next(row["id"] for row in versions if row["kind"] == "base")
    assert organization.post(f"/v1/models/{chosen}/activate").status_code == 202
    assert set(run_jobs(machines, organization)["activate"]) == {"succeeded"}


def label(organization: OrganizationClient, transaction_id: str, category_id: str) -> None:
    answer = organization.put(f"/v1/transactions/{transaction_id}/label", {"category_id": category_id})
    assert answer.status_code == 200, answer.text


def labelled(organization: OrganizationClient, category_id: str, **fields: Any) -> str:
    """A new transaction with this label: its id."""
    made: str = new_transaction(organization, **fields)["id"]
    label(organization, made, category_id)
    return made


def serving(machines: Resources, organization: OrganizationClient) -> Serving:
    with transaction(machines.engine) as session:
        return registry.get_active(session, organization.id)


def held(machines: Resources, organization: OrganizationClient) -> dict[uuid.UUID, str]:
    """Digest by point id of what the active model's collection holds."""
    return dict(machines.index.digests(serving(machines, organization).collection, organization.id))


def truth(machines: Resources, organization: OrganizationClient) -> dict[uuid.UUID, str]:
    """What it should hold, from the rows alone."""
    with transaction(machines.engine) as session:
        chart = categories.all_live(session, organization.id)
        entries = [Entry("category", row.id, row.id, categories.text_of(row)) for row in chart]
        live = {row.id for row in chart}
        entries += [
            Entry("transaction", row.id, category_id, transactions.text_of(row))
            for row, category_id in transactions.labelled(session, organization.id)
            if category_id in live
        ]
    fingerprint = serving(machines, organization).fingerprint
    return {entry_point_id(fingerprint, entry): entry.digest for entry in entries}


def run_sync(
    machines: Resources, organization: OrganizationClient, index: Any, **rows: list[uuid.UUID]
) -> str | None:
    """One sync of these rows through `index`."""
    with transaction(machines.engine) as session:
        job = submit(session, organization.id, "sync_index", SyncIndexParams(**rows))
    work = lambda run, params: indexing.sync(run, params, index, machines.encoders)  # noqa: E731  # a Work
    return execute(machines.engine, job.id, lambda _: work, Lease(60, 10))


def tuned(engine: Engine, organization: OrganizationClient, name: str) -> str:
    """Another model version: the base model's weights under a fingerprint of its own."""
    with transaction(engine) as session:
        base = registry.get_base(session, organization.id)
        version = ModelVersion(
            organization_id=organization.id,
            name=name,
            kind="fine_tuned",
            base_model=base.base_model,
            fingerprint=uuid.uuid4().hex * 2,
            parameters={},
            metrics={},
        )
        return str(registry.add_fine_tuned(session, version).id)


@pytest.fixture
def served(organization: OrganizationClient, machines: Resources) -> OrganizationClient:
    """An organisation with two categories, two labelled transactions and an active model."""
    for name in ("Lodging", "Software"):
        category = new_category(organization, name=name)
        labelled(organization, category["id"], merchant_name=f"{name} Inc")
    activate(organization, machines)
    assert len(held(machines, organization)) == 4
    return organization


def chart(organization: OrganizationClient) -> list[str]:
    """Ids of the live categories."""
    return [row["id"] for row in organization.get("/v1/categories").json()["data"]]


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
    found = serving(machines, served)
    lost, changed = sorted(held(machines, served))[:2]
    machines.index.delete(found.collection, [lost])
    vector = machines.encoders.get(found.model).encode(["stray"])[0]
    stray, row_id = uuid.uuid4(), uuid.uuid4()
    planted = [Point(at, served.id, "transaction", row_id, row_id, vector, "old") for at in (stray, changed)]
    machines.index.upsert(found.collection, planted)
    bystander = Point(uuid.uuid4(), uuid.uuid4(), "transaction", row_id, row_id, vector, "theirs")
    machines.index.upsert(found.collection, [bystander])
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
    assert machines.index.count(found.collection, bystander.organization_id) == 1


@pytest.mark.parametrize("change", ["relabel", "delete", "archive"])
def test_of_two_syncs_at_once_the_late_one_leaves_the_truth(
    served: OrganizationClient, machines: Resources, change: str
) -> None:
    lodging, software = chart(served)
    row = labelled(served, lodging, merchant_name="Airbnb")

    def meanwhile() -> None:  # the first one holds what is about to be wrong
        if change == "relabel":
            label(served, row, software)
        elif change == "delete":
            assert served.delete(f"/v1/transactions/{row}").status_code == 204
        else:
            assert served.delete(f"/v1/categories/{lodging}").status_code == 204
        run_jobs(machines, served)

    index = Interrupted(machines.index, meanwhile)
    assert run_sync(machines, served, index, transaction_ids=[uuid.UUID(row)]) == "succeeded"
    assert held(machines, served) == truth(machines, served)


def test_a_change_during_an_activation_is_in_the_new_collection(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    lodging = chart(served)[0]
    known = served.get("/v1/transactions").json()["data"][0]["id"]
    version = tuned(engine, served, "tuned")
    before = serving(machines, served)
    changed: list[str] = []

    def meanwhile() -> None:
        assert serving(machines, served) == before  # still served while the new one is built
        changed.append(labelled(served, lodging, merchant_name="Ibis"))
        label(served, known, lodging)

    job_id = uuid.UUID(served.post(f"/v1/models/{version}/activate").json()["id"])
    index = Interrupted(machines.index, meanwhile)
    work = lambda run, params: indexing.activate(run, params, index, machines.encoders)  # noqa: E731  # a Work
    assert execute(engine, job_id, lambda _: work, Lease(60, 10)) == "succeeded"
    now = serving(machines, served)
    assert (str(now.version_id), now.counter) == (version, before.counter + 1)
    assert now.collection != before.collection
    assert run_jobs(machines, served)["reindex"] == ["succeeded"]
    assert changed
    assert held(machines, served) == truth(machines, served)
    assert len(held(machines, served)) == 5


def test_only_the_first_of_two_activations_switches_and_rollback_goes_back(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    base = serving(machines, served)
    versions = [tuned(engine, served, name) for name in ("one", "two")]
    jobs = [served.post(f"/v1/models/{version}/activate").json()["id"] for version in versions]
    assert run_jobs(machines, served)["activate"] == ["succeeded", "failed"]
    assert served.get(f"/v1/jobs/{jobs[1]}").json()["error"]["code"] == "switched-meanwhile"
    assert str(serving(machines, served).version_id) == versions[0]
    assert served.post("/v1/models/rollback").status_code == 202
    run_jobs(machines, served)
    now = serving(machines, served)
    assert (now.version_id, now.counter) == (base.version_id, base.counter + 2)
    assert held(machines, served) == truth(machines, served)


def test_a_reindex_of_a_foreign_model_fails(
    served: OrganizationClient, machines: Resources, engine: Engine
) -> None:
    other = new_organization(served.client)
    foreign = uuid.UUID(other.get("/v1/models").json()["data"][0]["id"])
    with transaction(engine) as session:
        submit(session, served.id, "reindex", ReindexParams(model_version_id=foreign))
    assert run_jobs(machines, served) == {"reindex": ["failed"]}
