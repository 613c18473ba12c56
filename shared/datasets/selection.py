"""Selects the labelled rows of a dataset, each with a key that is the same in any database."""

import datetime as dt
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shared.categories.tables import Category
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Run
from shared.kit.ids import derived_id
from shared.kit.text import fold
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields
from shared.transactions.merchant import merchant_key
from shared.transactions.tables import Transaction

PAGE = 2000


class Content(NamedTuple):
    """What a row says, whatever ids it and its category were given; sorts."""

    external_id: str
    text: str
    category: str


@dataclass(frozen=True)
class LabelledRow:
    """A labelled row as read: `merchant` cleaned, it and `department` folded, `digest` of all fields."""

    content: Content
    id: uuid.UUID
    category_id: uuid.UUID
    merchant: str = ""
    day: dt.date | None = None
    digest: str = ""
    department: str = ""


@dataclass(frozen=True)
class KeyedRow:
    """A row with keys of its own and its category's content. The split goes by these keys: the same rows and
    seed give the same split in any database, whatever ids they were given there."""

    row: LabelledRow
    key: uuid.UUID
    category_key: uuid.UUID


def select(run: Run, params: DatasetParams, live: Mapping[uuid.UUID, Category]) -> list[KeyedRow]:
    """The rows that are labelled with a live category and pass the filter."""
    rows = (_read(row, category_id, live, params) for row, category_id in _pages(run))
    return with_keys([row for row in rows if row is not None])


def with_keys(rows: list[LabelledRow]) -> list[KeyedRow]:
    """The rows with their keys. Rows of equal text are numbered, in an order that does not depend on the
    database."""
    seen: Counter[tuple[str, str]] = Counter()
    keyed: list[KeyedRow] = []
    for row in sorted(rows, key=lambda row: (row.content, row.id)):
        words = (row.content.external_id, row.content.text)
        seen[words] += 1
        key = derived_id("split", *words, seen[words])
        keyed.append(KeyedRow(row, key, derived_id("split", row.content.category)))
    return keyed


def _pages(run: Run) -> Iterator[tuple[Transaction, uuid.UUID]]:
    after: uuid.UUID | None = None
    while True:
        with run.reading() as session:
            page = transaction_store.labelled(session, run.organization_id, after=after, limit=PAGE)
        if not page:
            return
        yield from page
        after = page[-1][0].id


def _read(
    row: Transaction, category_id: uuid.UUID, live: Mapping[uuid.UUID, Category], params: DatasetParams
) -> LabelledRow | None:
    if category_id not in live or not _passes(row, category_id, params):
        return None
    fields = TransactionFields.of_row(row)
    frozen = json.dumps(fields.as_json(), sort_keys=True)
    content = Content(
        row.external_id or "", transactions.text_of(row), live[category_id].code or live[category_id].name
    )
    return LabelledRow(
        content=content,
        id=row.id,
        category_id=category_id,
        merchant=merchant_key(fields.merchant_name),
        day=row.occurred_on,
        digest=hashlib.sha256(frozen.encode()).hexdigest(),
        department=fold(fields.department),
    )


def _passes(row: Transaction, category_id: uuid.UUID, params: DatasetParams) -> bool:
    if params.sources and row.source not in params.sources:
        return False
    if params.category_ids and category_id not in params.category_ids:
        return False
    if params.occurred_from is not None and (
        row.occurred_on is None or row.occurred_on < params.occurred_from
    ):
        return False
    return params.occurred_to is None or (
        row.occurred_on is not None and row.occurred_on <= params.occurred_to
    )
