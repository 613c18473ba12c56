"""What the index holds, what it should hold, and how tests change either."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categorization.points import Entry, entry_point_id
from shared.engines.vectors import Point
from shared.jobs.handlers import bind, load_handlers
from shared.jobs.kinds import SyncIndexParams
from shared.jobs.run import Lease, execute
from shared.jobs.service import submit
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import Serving, get_active
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from tests.factories import OrganizationClient, new_transaction, run_jobs


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


class ChangingRows(Interrupted):
    """The real index, with rows that change each time before they are written."""

    def __init__(self, index: Any, change: Callable[[int], object]) -> None:
        super().__init__(index, lambda: None)
        self._change = change
        self._rounds = 0

    def upsert(self, name: str, points: Sequence[Point]) -> None:
        self._rounds += 1
        self._change(self._rounds)
        super().upsert(name, points)


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
    transaction_id: str = new_transaction(organization, **fields)["id"]
    label(organization, transaction_id, category_id)
    return transaction_id


def serving(machines: Resources, organization: OrganizationClient) -> Serving:
    with transaction(machines.engine) as session:
        return get_active(session, organization.id)


def held(machines: Resources, organization: OrganizationClient) -> dict[uuid.UUID, str]:
    """Digest by point id of what the active model's collection holds."""
    return dict(machines.index.digests(serving(machines, organization).collection, organization.id))


def truth(machines: Resources, organization: OrganizationClient) -> dict[uuid.UUID, str]:
    """What it should hold, from the rows alone."""
    with transaction(machines.engine) as session:
        chart = category_store.all_live(session, organization.id)
        entries = [Entry("category", row.id, row.id, categories.text_of(row)) for row in chart]
        live = {row.id for row in chart}
        labelled = transaction_store.labelled(session, organization.id, after=None, limit=100_000)
        entries += [
            Entry("transaction", row.id, category_id, transactions.text_of(row))
            for row, category_id in labelled
            if category_id in live
        ]
    fingerprint = serving(machines, organization).fingerprint
    return {entry_point_id(fingerprint, entry): entry.digest for entry in entries}


def submit_sync(machines: Resources, organization: OrganizationClient, **rows: list[uuid.UUID]) -> uuid.UUID:
    """The id of a queued sync of these rows."""
    with transaction(machines.engine) as session:
        return submit(session, organization.id, SyncIndexParams(**rows)).id


def run_through(machines: Resources, job_id: uuid.UUID, index: Any) -> str | None:
    """One attempt at the job, through `index`."""
    work_of = bind(load_handlers(), replace(machines, index=index))
    return execute(machines.engine, job_id, work_of, Lease(60, 10))


def run_sync(
    machines: Resources, organization: OrganizationClient, index: Any, **rows: list[uuid.UUID]
) -> str | None:
    """One sync of these rows through `index`."""
    return run_through(machines, submit_sync(machines, organization, **rows), index)


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
        return str(model_store.add(session, version).id)


def chart(organization: OrganizationClient) -> list[str]:
    """Ids of the live categories."""
    return [row["id"] for row in organization.get("/v1/categories").json()["data"]]
