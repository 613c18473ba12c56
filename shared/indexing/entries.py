"""Reads from Postgres what belongs in the index."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categorization.points import Entry
from shared.engines.vectors import PointKind, point_id
from shared.jobs.run import Run
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.formats import TextFormat

PAGE = 500


@dataclass(frozen=True)
class RowIds:
    """Rows whose points are to be brought in line with Postgres."""

    category_ids: tuple[uuid.UUID, ...] = ()
    transaction_ids: tuple[uuid.UUID, ...] = ()

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "RowIds":
        """The rows of the entries."""
        by_kind: dict[PointKind, list[uuid.UUID]] = {"category": [], "transaction": []}
        for entry in entries:
            by_kind[entry.kind].append(entry.row_id)
        return cls(tuple(by_kind["category"]), tuple(by_kind["transaction"]))

    def point_ids(self, fingerprint: str) -> set[uuid.UUID]:
        """The ids of all their points, whether they exist or not."""
        ids = {point_id(fingerprint, "category", row_id) for row_id in self.category_ids}
        return ids | {point_id(fingerprint, "transaction", row_id) for row_id in self.transaction_ids}


def entries_of(session: Session, organization_id: uuid.UUID, rows: RowIds, texts: TextFormat) -> list[Entry]:
    """Those of the rows that belong in the index: live categories, and transactions labelled with one.

    Many transactions of an archived category would take the places of neighbours that may vote.
    """
    chart = category_store.by_ids(session, organization_id, rows.category_ids) if rows.category_ids else []
    entries = [
        Entry("category", row.id, row.id, categories.text_of(row, texts.category))
        for row in chart
        if row.archived_at is None
    ]
    if rows.transaction_ids:
        labels = transaction_store.current_labels(session, organization_id, rows.transaction_ids)
        named = {label.category_id for label in labels.values()}
        known = category_store.by_ids(session, organization_id, named)
        live = {row.id for row in known if row.archived_at is None}
        labelled = transaction_store.by_ids(
            session,
            organization_id,
            [row_id for row_id, label in labels.items() if label.category_id in live],
        )
        entries += [
            Entry("transaction", row.id, labels[row.id].category_id, transactions.text_of(row, texts))
            for row in labelled
        ]
    return entries


def pages(run: Run, texts: TextFormat) -> Iterator[list[Entry]]:
    """Everything that belongs in the index, a short transaction a page."""
    with run.reading() as session:
        chart = category_store.all_live(session, run.organization_id)
    yield [Entry("category", row.id, row.id, categories.text_of(row, texts.category)) for row in chart]
    after: uuid.UUID | None = None
    while True:
        with run.reading() as session:
            rows = transaction_store.labelled(session, run.organization_id, after=after, limit=PAGE)
            live = {row.id for row in category_store.all_live(session, run.organization_id)}
        if not rows:
            return
        yield [
            Entry("transaction", row.id, category, transactions.text_of(row, texts))
            for row, category in rows
            if category in live
        ]
        after = rows[-1][0].id
