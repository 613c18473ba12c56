"""Which labelled rows a dataset is made of, each under a key that is the same in any database."""

import datetime as dt
import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shared.categories.tables import Category
from shared.datasets.service import freeze_fields
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Run
from shared.kit.ids import derived_id
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.merchant import clean_merchant
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
class Labelled:
    """A row and its category. By the keys, made of contents, it is split: so the same rows and seed give the
    same split in any database, whatever ids they were given there."""

    found: LabelledRow
    key: uuid.UUID
    category_key: uuid.UUID


def select(run: Run, params: DatasetParams, live: Mapping[uuid.UUID, Category]) -> list[Labelled]:
    """What is labelled with a live category and passes the filter."""
    return keyed(
        [found for row, category_id in _pages(run) if (found := _read(row, category_id, live, params))]
    )


def keyed(rows: list[LabelledRow]) -> list[Labelled]:
    """Rows of equal text are told apart by number, in an order that does not depend on the database."""
    seen: Counter[tuple[str, str]] = Counter()
    labelled: list[Labelled] = []
    for found in sorted(rows, key=lambda one: (one.content, one.id)):
        words = (found.content.external_id, found.content.text)
        seen[words] += 1
        key = derived_id("split", *words, seen[words])
        labelled.append(Labelled(found, key, derived_id("split", found.content.category)))
    return labelled


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
    fields = transactions.fields_of(row)
    frozen = json.dumps(freeze_fields(fields), sort_keys=True)
    content = Content(
        row.external_id or "", transactions.text_of(row), live[category_id].code or live[category_id].name
    )
    return LabelledRow(
        content=content,
        id=row.id,
        category_id=category_id,
        merchant=clean_merchant(fields.merchant_name).strip().casefold(),
        day=row.occurred_on,
        digest=hashlib.sha256(frozen.encode()).hexdigest(),
        department=" ".join((fields.department or "").split()).casefold(),
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
