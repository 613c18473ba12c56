"""Transactions and what was decided about them; each change queues the index's share of the work."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.categories import store as category_store
from shared.jobs import service as jobs
from shared.jobs.kinds import SyncIndexParams
from shared.kit.errors import Conflict, FieldError, Invalid
from shared.kit.ids import new_id
from shared.kit.paging import Page, Paging
from shared.transactions import store
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat
from shared.transactions.store import TransactionFilter, TransactionNotFound
from shared.transactions.tables import Label, Transaction

__all__ = ["TransactionFilter", "TransactionNotFound"]

# Bulk changes are indexed in pieces this large, so that a correction never waits long behind one.
BULK_SIZE = 250
BULK_PRIORITY = 6

LABEL_LEASE = dt.timedelta(minutes=5)


class UnknownCategory(Invalid):
    code = "unknown-category"
    message = "The category does not exist or is archived. List the live ones with GET /v1/categories."


class LabelledByAnother(Conflict):
    code = "labelled-by-another"
    message = "Somebody else has labelled this transaction. Your label was not saved."


@dataclass(frozen=True)
class NewTransaction:
    """A transaction as a caller gives it; `id` is set where writing must be idempotent."""

    fields: TransactionFields
    external_id: str | None = None
    occurred_on: dt.date | None = None
    id: uuid.UUID | None = None


@dataclass(frozen=True)
class Stored:
    """The result of storing one transaction: its id, and whether it is new."""

    id: uuid.UUID
    is_created: bool


def text_of(transaction: Transaction, texts: TextFormat | None = None) -> str:
    """The text that is encoded for the row, in the default format or another."""
    return (texts or TextFormat()).of_transaction(TransactionFields.of_row(transaction))


def upsert(
    session: Session, organization_id: uuid.UUID, rows: Sequence[NewTransaction], *, source: str
) -> list[Stored]:
    """Store transactions, overwriting those whose external_id is known: results in the order of `rows`.

    Where `rows` names one external_id twice, the later one wins.
    """
    if not rows:
        return []
    positions = {row.external_id or position: position for position, row in enumerate(rows)}
    kept = sorted(positions.values())
    stored = store.upsert(session, [_values(organization_id, rows[position], source) for position in kept])
    by_key = {(rows[p].external_id or p): Stored(*result) for p, result in zip(kept, stored, strict=True)}
    known = [result.id for result in by_key.values() if not result.is_created]
    if known:
        _changed(session, organization_id, known)
    return [by_key[row.external_id or position] for position, row in enumerate(rows)]


def delete(session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID) -> None:
    """Remove the transaction, its labels and, through the queued job, its point."""
    store.delete_(session, organization_id, transaction_id)
    _changed(session, organization_id, [transaction_id])


def label(
    session: Session,
    organization_id: uuid.UUID,
    transaction_id: uuid.UUID,
    category_id: uuid.UUID,
    *,
    source: str,
    actor: str,
    unless_labelled_by_another: bool = False,
) -> Label:
    """Decide the transaction's category; the former label becomes history.

    Raises:
        TransactionNotFound: no such transaction.
        LabelledByAnother: the current label is not the actor's; only with `unless_labelled_by_another`.
        UnknownCategory: no such category, or it is archived.
    """
    store.get(session, organization_id, transaction_id)
    categories = category_store.by_ids(session, organization_id, [category_id])
    if not categories or categories[0].archived_at is not None:
        error = FieldError("/category_id", "unknown-category", "Not a live category of this organisation.")
        raise UnknownCategory(errors=(error,))
    if unless_labelled_by_another:
        store.lock(session, organization_id, [transaction_id])
        current = store.current_labels(session, organization_id, [transaction_id]).get(transaction_id)
        if current is not None and current.actor != actor:
            raise LabelledByAnother
    label_many(session, organization_id, {transaction_id: category_id}, source=source, actor=actor)
    return store.current_labels(session, organization_id, [transaction_id])[transaction_id]


def label_many(
    session: Session,
    organization_id: uuid.UUID,
    decisions: dict[uuid.UUID, uuid.UUID],
    *,
    source: str,
    actor: str,
) -> int:
    """Give each transaction its category, both known to exist; returns how many labels were written.

    Only a person's label replaces a person's label, and what an import repeats is not written again.
    """
    store.lock(session, organization_id, decisions)
    current = store.current_labels(session, organization_id, decisions)
    if source != "human":
        settled = {
            row_id
            for row_id, old in current.items()
            if old.source == "human" or old.category_id == decisions[row_id]
        }
        decisions = {row_id: category for row_id, category in decisions.items() if row_id not in settled}
    if not decisions:
        return 0
    rows = [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "transaction_id": transaction_id,
            "category_id": category_id,
            "source": source,
            "actor": actor,
        }
        for transaction_id, category_id in decisions.items()
    ]
    store.add_labels(session, rows)
    _changed(session, organization_id, list(decisions))
    return len(rows)


def lease_unlabelled(
    session: Session,
    organization_id: uuid.UUID,
    reviewer: str,
    *,
    held: Collection[uuid.UUID],
    paging: Paging | None,
) -> Page[Transaction]:
    """Unlabelled transactions, newest first, which for five minutes nobody else gets; None: only renew.

    `held` are the transactions that the reviewer still looks at: their leases are renewed, and the reviewer's
    other ones end, so that others get what was skipped.
    """
    store.lock_label_queue(session, organization_id)
    store.end_label_leases(session, organization_id, reviewer, held)
    queue = Page[Transaction]([], None)
    if paging is not None:
        queue = store.list_label_queue(session, organization_id, paging)
    ids = {*held, *(row.id for row in queue.rows)}
    store.lease_for_labelling(session, organization_id, reviewer, ids, LABEL_LEASE)
    return queue


def labels(session: Session, organization_id: uuid.UUID, transaction_id: uuid.UUID) -> Sequence[Label]:
    """Every label that the transaction ever had, newest first."""
    store.get(session, organization_id, transaction_id)
    return store.labels(session, organization_id, transaction_id)


def _values(organization_id: uuid.UUID, row: NewTransaction, source: str) -> dict[str, object]:
    return {
        "id": row.id or new_id(),
        "organization_id": organization_id,
        "external_id": row.external_id,
        "occurred_on": row.occurred_on,
        "source": source,
        **row.fields.columns(),
    }


def _changed(session: Session, organization_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
    for part in _parts(ids):
        params = SyncIndexParams(transaction_ids=part)
        priority = BULK_PRIORITY if len(ids) > BULK_SIZE else None
        jobs.submit(session, organization_id, params, priority=priority)


def _parts(ids: list[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    for start in range(0, len(ids), BULK_SIZE):
        yield ids[start : start + BULK_SIZE]
