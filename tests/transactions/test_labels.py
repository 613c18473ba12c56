"""Who may decide a transaction's category, and what stays of what was decided before."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from shared.categories import service as categories
from shared.categories.service import CategoryFields
from shared.jobs import service as jobs
from shared.kit.paging import Paging
from shared.kit.unit_of_work import transaction
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields
from shared.transactions.service import NewTransaction, UnknownCategory
from shared.transactions.store import TransactionNotFound
from tests.factories import OrganizationClient, new_organization

ORDER = ("first", "second")


def make_row(engine: Engine, organization: OrganizationClient) -> uuid.UUID:
    new = NewTransaction(TransactionFields(merchant_name="Marriott"))
    with transaction(engine) as session:
        return transactions.upsert(session, organization.id, [new], source="api")[0].id


@pytest.fixture
def row(engine: Engine, organization: OrganizationClient) -> uuid.UUID:
    """A transaction."""
    return make_row(engine, organization)


@pytest.fixture
def chart(engine: Engine, organization: OrganizationClient) -> list[uuid.UUID]:
    """Two categories."""
    with transaction(engine) as session:
        created = [categories.create(session, organization.id, CategoryFields(name=name)) for name in ORDER]
        return [category.id for category in created]


def current(
    engine: Engine, organization: OrganizationClient, row: uuid.UUID
) -> tuple[uuid.UUID, str, str] | None:
    """(category, source, actor) of the current label."""
    with transaction(engine) as session:
        label = transaction_store.current_labels(session, organization.id, [row]).get(row)
        return (label.category_id, label.source, label.actor) if label else None


def decide(
    engine: Engine,
    organization: OrganizationClient,
    row: uuid.UUID,
    category: uuid.UUID,
    source: str = "human",
    actor: str = "ann",
) -> int:
    with transaction(engine) as session:
        return transactions.label_many(session, organization.id, {row: category}, source=source, actor=actor)


def syncs(engine: Engine, organization: OrganizationClient) -> int:
    """How many sync jobs name a transaction."""
    with transaction(engine) as session:
        page = jobs.list_(session, organization.id, Paging(limit=200), kind="sync_index")
        return sum(bool(job.params["transaction_ids"]) for job in page.rows)


def test_the_newest_label_is_current_and_the_older_ones_are_history(
    engine: Engine, organization: OrganizationClient, row: uuid.UUID, chart: list[uuid.UUID]
) -> None:
    for category, actor in ((0, "ann"), (1, "bob"), (1, "cid")):
        with transaction(engine) as session:
            transactions.label(session, organization.id, row, chart[category], source="human", actor=actor)
    assert current(engine, organization, row) == (chart[1], "human", "cid")
    with transaction(engine) as session:
        history = transactions.labels(session, organization.id, row)
        assert [(label.actor, label.is_current) for label in history] == [
            ("cid", True),
            ("bob", False),
            ("ann", False),
        ]
        assert transaction_store.count_labelled(session, organization.id) == 1
    assert syncs(engine, organization) == 3


@pytest.mark.parametrize("source", ["import", "rule", "synthetic"])
def test_only_a_person_overrules_a_person(
    engine: Engine, organization: OrganizationClient, row: uuid.UUID, chart: list[uuid.UUID], source: str
) -> None:
    assert decide(engine, organization, row, chart[0], source, "machine") == 1
    assert decide(engine, organization, row, chart[1], source, "machine") == 1
    assert decide(engine, organization, row, chart[1], source, "machine") == 0  # what is said twice
    assert decide(engine, organization, row, chart[0]) == 1
    before = syncs(engine, organization)
    assert decide(engine, organization, row, chart[1], source, "machine") == 0
    assert syncs(engine, organization) == before
    assert current(engine, organization, row) == (chart[0], "human", "ann")


def test_labels_given_at_once_leave_one_current(
    engine: Engine, organization: OrganizationClient, row: uuid.UUID, chart: list[uuid.UUID]
) -> None:
    def relabel(number: int) -> int:
        return decide(engine, organization, row, chart[number % 2], actor=str(number))

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(relabel, range(12))) == [1] * 12
    with transaction(engine) as session:
        history = transactions.labels(session, organization.id, row)
    assert sorted(int(label.actor) for label in history) == list(range(12))
    assert [label.is_current for label in history].count(True) == 1


def test_an_archived_or_foreign_category_or_transaction_is_refused(
    engine: Engine, organization: OrganizationClient, row: uuid.UUID, chart: list[uuid.UUID]
) -> None:
    other = new_organization(organization.client)
    with transaction(engine) as session:
        foreign = categories.create(session, other.id, CategoryFields(name="Theirs")).id
        categories.archive(session, organization.id, chart[0])
    for category in (foreign, chart[0], uuid.uuid4()):
        with transaction(engine) as session, pytest.raises(UnknownCategory):
            transactions.label(session, organization.id, row, category, source="human", actor="ann")
    theirs = make_row(engine, other)
    with transaction(engine) as session, pytest.raises(TransactionNotFound):
        transactions.label(session, organization.id, theirs, chart[1], source="human", actor="ann")
    assert current(engine, organization, row) is None


def test_many_labels_are_indexed_in_pieces_behind_single_corrections(
    engine: Engine, organization: OrganizationClient, chart: list[uuid.UUID]
) -> None:
    count = transactions.BULK_SIZE + 10
    new = [NewTransaction(TransactionFields(merchant_name=f"Merchant {number}")) for number in range(count)]
    with transaction(engine) as session:
        stored = transactions.upsert(session, organization.id, new, source="import")
        decisions = {result.id: chart[0] for result in stored}
        changed = transactions.label_many(session, organization.id, decisions, source="import", actor="file")
        assert changed == count
    with transaction(engine) as session:
        page = jobs.list_(session, organization.id, Paging(limit=200), kind="sync_index")
        parts = [(len(job.params["transaction_ids"]), job.priority) for job in page.rows]
    parts = sorted(part for part in parts if part[0])
    assert parts == [(10, transactions.BULK_PRIORITY), (transactions.BULK_SIZE, transactions.BULK_PRIORITY)]
    decide(engine, organization, stored[0].id, chart[1])
    with transaction(engine) as session:
        newest = jobs.list_(session, organization.id, Paging(limit=1), kind="sync_index").rows[0]
        assert newest.priority == 0
