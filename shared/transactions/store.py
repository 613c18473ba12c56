"""Queries on transactions and labels."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    Select,
    Table,
    Text,
    and_,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, decode_cursor, encode_cursor, page
from shared.kit.sql import among
from shared.transactions.tables import PLACE_DIGEST, Label, LabelLease, Transaction

# The mapped classes would do, but the ORM takes large inserts apart row by row.
_TRANSACTIONS, _LABELS = cast(Table, Transaction.__table__), cast(Table, Label.__table__)


RESOURCE = "transactions"  # of the cursors
SEARCHED_ROWS = 100_000


class TransactionNotFound(NotFound):
    code = "transaction-not-found"
    message = "There is no such transaction."


@dataclass(frozen=True)
class TransactionFilter:
    """Which transactions; None means no restriction."""

    unlabelled: bool | None = None
    category_id: uuid.UUID | None = None
    merchant: str | None = None
    text: str | None = None
    source: str | None = None
    occurred_from: dt.date | None = None
    occurred_to: dt.date | None = None


def upsert(session: Session, rows: Sequence[dict[str, Any]]) -> list[tuple[uuid.UUID, bool]]:
    """Insert rows, or overwrite those with the same external_id, or without one the same id.

    Each may stand once among `rows`. Returns (id, was it created) in the order of `rows`.
    """
    results: dict[Any, tuple[uuid.UUID, bool]] = {}
    for key, target in (("external_id", ["organization_id", "external_id"]), ("id", ["id"])):
        part = [row for row in rows if (row["external_id"] is not None) == (key == "external_id")]
        if not part:
            continue
        query = insert(_TRANSACTIONS)  # rows are parameters: compiled once for all calls
        kept = {"id", "organization_id", "external_id", "source"}
        changes: dict[str, Any] = {name: query.excluded[name] for name in part[0] if name not in kept}
        query = query.on_conflict_do_update(
            index_elements=target,
            set_={**changes, "updated_at": func.now()},
            where=Transaction.organization_id == query.excluded.organization_id,
        )
        # xmax is 0 for a row that this statement inserted.
        returning = query.returning(Transaction.id, getattr(Transaction, key), literal_column("(xmax = 0)"))
        results.update(
            {value: (row_id, created) for row_id, value, created in session.execute(returning, part)}
        )
    return [results[row["external_id"] if row["external_id"] is not None else row["id"]] for row in rows]


def get(session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID) -> Transaction:
    """The organisation's transaction."""
    transaction = session.scalar(
        select(Transaction).where(
            Transaction.organization_id == organization_id, Transaction.id == transaction_id
        )
    )
    if transaction is None:
        raise TransactionNotFound
    return transaction


def list_(
    session: Session, organization_id: uuid.UUID, wanted: TransactionFilter, paging: Paging
) -> Page[Transaction]:
    """The organisation's transactions, newest first.

    No index finds a text inside a word (`pg_trgm` would, but not every Postgres has it), so a search looks at
    `SEARCHED_ROWS` rows a page: the page may hold few rows or none, and still have a next one.
    """
    query = select(Transaction).where(Transaction.organization_id == organization_id)
    query = _narrow(query, wanted)
    oldest = None if wanted.text is None else _oldest_searched(session, organization_id, paging)
    if oldest is not None:
        query = query.where(Transaction.id >= oldest)
    result = page(session, query, Transaction.id, paging, resource=RESOURCE, newest_first=True)
    if result.next is None and oldest is not None:
        return Page(result.rows, encode_cursor(RESOURCE, oldest))
    return result


def _oldest_searched(session: Session, organization_id: uuid.UUID, paging: Paging) -> uuid.UUID | None:
    """The last transaction that a search for this page looks at; None: it looks at all that are left."""
    query = select(Transaction.id).where(Transaction.organization_id == organization_id)
    if paging.cursor is not None:
        query = query.where(Transaction.id < decode_cursor(RESOURCE, paging.cursor))
    return session.scalar(query.order_by(Transaction.id.desc()).offset(SEARCHED_ROWS - 1).limit(1))


def _narrow(query: Select[Transaction], wanted: TransactionFilter) -> Select[Transaction]:
    current = and_(
        Label.organization_id == Transaction.organization_id,
        Label.transaction_id == Transaction.id,
        Label.is_current,
    )
    if wanted.unlabelled is not None:
        labelled = select(Label.id).where(current).exists()
        query = query.where(~labelled if wanted.unlabelled else labelled)
    if wanted.category_id is not None:
        query = query.where(select(Label.id).where(current, Label.category_id == wanted.category_id).exists())
    if wanted.merchant is not None:
        query = query.where(func.lower(Transaction.merchant_name) == wanted.merchant.lower())
    if wanted.text is not None:
        columns = (Transaction.merchant_name, Transaction.merchant_descriptor, Transaction.memo)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    if wanted.source is not None:
        query = query.where(Transaction.source == wanted.source)
    if wanted.occurred_from is not None:
        query = query.where(Transaction.occurred_on >= wanted.occurred_from)
    if wanted.occurred_to is not None:
        query = query.where(Transaction.occurred_on <= wanted.occurred_to)
    return query


def delete_(session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID) -> None:
    """Remove the transaction and its labels."""
    query = (
        delete(Transaction)
        .where(Transaction.organization_id == organization_id, Transaction.id == transaction_id)
        .returning(Transaction.id)
    )
    if session.scalar(query) is None:
        raise TransactionNotFound


def by_ids(session: Session, organization_id: uuid.UUID, ids: Collection[uuid.UUID]) -> Sequence[Transaction]:
    """The transactions among these that are the organisation's."""
    query = select(Transaction).where(
        Transaction.organization_id == organization_id, among(Transaction.id, ids)
    )
    return session.scalars(query).all()


def current_labels(
    session: Session, organization_id: uuid.UUID, transaction_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Label]:
    """The current label of each of the transactions that has one."""
    query = select(Label).where(
        Label.organization_id == organization_id,
        among(Label.transaction_id, transaction_ids),
        Label.is_current,
    )
    return {label.transaction_id: label for label in session.scalars(query)}


def labels(session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID) -> Sequence[Label]:
    """Every label that the transaction ever had, newest first."""
    query = select(Label).where(
        Label.organization_id == organization_id, Label.transaction_id == transaction_id
    )
    return session.scalars(query.order_by(Label.id.desc())).all()


def labelled(
    session: Session, organization_id: uuid.UUID, *, after: uuid.UUID | None, limit: int
) -> list[tuple[Transaction, uuid.UUID]]:
    """Labelled transactions in the order of id with their current category's id, after `after`."""
    query = (
        select(Transaction, Label.category_id)
        .join(Label, and_(Label.transaction_id == Transaction.id, Label.is_current))
        .where(Transaction.organization_id == organization_id, Label.organization_id == organization_id)
        .order_by(Transaction.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Transaction.id > after)
    return [(row[0], row[1]) for row in session.execute(query)]


def count_labelled(session: Session, organization_id: uuid.UUID) -> int:
    """How many transactions have a current label."""
    query = select(func.count()).select_from(Label)
    return session.scalar(query.where(Label.organization_id == organization_id, Label.is_current)) or 0


def count_labelled_by_category(session: Session, organization_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """How many transactions each category is the current label of, where there are any."""
    query = select(Label.category_id, func.count()).where(
        Label.organization_id == organization_id, Label.is_current
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(Label.category_id))}


def of_merchants(
    session: Session, organization_id: uuid.UUID, names: Collection[str], limit: int
) -> Sequence[Transaction]:
    """The newest transactions at merchants of these names, in any case."""
    query = select(Transaction).where(
        Transaction.organization_id == organization_id,
        func.lower(Transaction.merchant_name).in_({name.lower() for name in names}),
    )
    return session.scalars(query.order_by(Transaction.id.desc()).limit(limit)).all()


def lock(session: Session, organization_id: uuid.UUID, ids: Collection[uuid.UUID]) -> None:
    """Hold the transactions until the session's transaction ends, so that labels are given one at a time."""
    query = (
        select(Transaction.id)
        .where(Transaction.organization_id == organization_id, among(Transaction.id, ids))
        .order_by(Transaction.id)
        .with_for_update()
    )
    session.execute(query)


def add_labels(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert labels, the transactions' former ones becoming history; at most one a transaction."""
    ids = [row["transaction_id"] for row in rows]
    session.execute(
        update(Label).where(among(Label.transaction_id, ids), Label.is_current).values(is_current=False)
    )
    session.execute(insert(_LABELS), [{**row, "is_current": True} for row in rows])


_LABELLED = and_(Label.transaction_id == Transaction.id, Label.is_current)


def count_labels_by_location(
    session: Session, organization_id: uuid.UUID
) -> list[tuple[str | None, uuid.UUID, int]]:
    """(location, category, how many transactions are labelled so)."""
    keys = (Transaction.location, Label.category_id)
    query = (
        select(*keys, func.count())
        .join(Label, _LABELLED)
        .where(Transaction.organization_id == organization_id, Label.organization_id == organization_id)
        .where(Transaction.location.is_not(None))
        .group_by(*keys)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]


def count_labels_by_merchant_and_place(
    session: Session, organization_id: uuid.UUID, wanted: Collection[tuple[str, str]]
) -> list[tuple[str, str, uuid.UUID, int]]:
    """(merchant, place, category, how many transactions are labelled so) of these merchants at these places.

    A place is the location, or the department where there is none. Letter case does not matter; each
    spelling has a row of its own.
    """
    if not wanted:
        return []
    place = func.coalesce(Transaction.location, Transaction.department)
    keys = (Transaction.merchant_name, place, Label.category_id)
    cases = literal([f"{merchant}\n{where}" for merchant, where in sorted(wanted)], ARRAY(Text))
    query = (
        select(*keys, func.count())
        .join(Label, _LABELLED)
        .where(Transaction.organization_id == organization_id, Label.organization_id == organization_id)
        .where(literal_column(PLACE_DIGEST).in_(select(func.md5(func.lower(func.unnest(cases))))))
        .group_by(*keys)
    )
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(query)]


def lock_label_queue(session: Session, organization_id: uuid.UUID) -> None:
    """Let requests for the organisation's label queue through one at a time, until the transaction ends."""
    key = func.hashtextextended(f"label queue\x1f{organization_id}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def end_label_leases(
    session: Session, organization_id: uuid.UUID, reviewer: str, keep: Collection[uuid.UUID]
) -> None:
    """Remove expired leases, and the reviewer's own except those of the transactions in `keep`."""
    given_up = and_(LabelLease.reviewer == reviewer, ~among(LabelLease.transaction_id, keep))
    expired = LabelLease.leased_until <= func.now()
    session.execute(
        delete(LabelLease).where(LabelLease.organization_id == organization_id, or_(expired, given_up))
    )


def list_label_queue(session: Session, organization_id: uuid.UUID, paging: Paging) -> Page[Transaction]:
    """The transactions that have no label and no lease, newest first."""
    leased = select(LabelLease.transaction_id).where(
        LabelLease.organization_id == Transaction.organization_id,
        LabelLease.transaction_id == Transaction.id,
    )
    query = select(Transaction).where(Transaction.organization_id == organization_id, ~leased.exists())
    query = _narrow(query, TransactionFilter(unlabelled=True))
    return page(session, query, Transaction.id, paging, resource="label-queue", newest_first=True)


def lease_for_labelling(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    ids: Collection[uuid.UUID],
    duration: dt.timedelta,
) -> None:
    """Lease those of the transactions that nobody else holds to the reviewer, from now on."""
    rows = select(
        Transaction.organization_id, Transaction.id, literal(reviewer), func.now() + literal(duration)
    ).where(Transaction.organization_id == organization_id, among(Transaction.id, ids))
    columns = ["organization_id", "transaction_id", "reviewer", "leased_until"]
    query = insert(LabelLease).from_select(columns, rows)
    session.execute(
        query.on_conflict_do_update(
            index_elements=["organization_id", "transaction_id"],
            set_={"leased_until": query.excluded.leased_until},
            where=LabelLease.reviewer == query.excluded.reviewer,
        )
    )
