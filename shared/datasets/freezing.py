"""The work of freezing: what is labelled now, copied and split."""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories.tables import Category
from shared.datasets import store
from shared.datasets.service import MIN_LABELLED, TooFewLabels, freeze_fields
from shared.datasets.splits import Ratios, split
from shared.datasets.tables import SPLITS, Dataset
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Finish, Run
from shared.kit.ids import derived_id
from shared.transactions import service as transactions

PAGE = 2000


@dataclass(frozen=True)
class Labelled:
    """A row and its category. By the keys, made of contents, it is split: so the same rows and seed give the
    same split in any database, whatever ids they were given there."""

    id: uuid.UUID
    category_id: uuid.UUID
    key: uuid.UUID
    category_key: uuid.UUID


class Content(NamedTuple):
    """What a row says, whatever ids it and its category were given; sorts."""

    external_id: str
    text: str
    category: str


def freeze(run: Run, params: DatasetParams) -> Finish:
    """Copy every transaction that is labelled with a live category into a dataset that nobody sees before
    it is whole. A second attempt at the job begins anew.

    Raises:
        TooFewLabels: archiving left too little.
    """
    dataset_id = run.job_id  # like every id in the order of time, and the same at each attempt
    with run.reading() as session:
        live = {row.id: row for row in categories.all_live(session, run.organization_id)}
    labelled = _labelled(run, live)
    if len(labelled) < MIN_LABELLED:
        raise TooFewLabels
    ratios = Ratios(params.train, params.test, params.eval)
    parts = split(((row.key, row.category_key) for row in labelled), ratios, params.seed)
    split_of_key = {key: name for name in SPLITS for key in getattr(parts, name)}
    split_of = {row.id: split_of_key[row.key] for row in labelled}
    dataset = Dataset(
        id=dataset_id,
        organization_id=run.organization_id,
        name=params.name,
        seed=params.seed,
        parameters=params.model_dump(mode="json"),
        counts={name: len(getattr(parts, name)) for name in SPLITS},
        categories={str(row.id): _frozen(row) for row in live.values()},
        job_id=run.job_id,
    )
    with run.transaction() as session:
        store.replace(session, dataset)
    counts = _copy(run, dataset_id, split_of, {row.id: row.category_id for row in labelled})

    def finish(session: Session) -> dict[str, Any]:
        frozen_now = store.freeze(session, run.organization_id, dataset_id)
        frozen_now.counts = {name: counts[name] for name in SPLITS}
        return {"dataset_id": str(dataset_id), "counts": frozen_now.counts}

    return finish


def _frozen(category: Category) -> dict[str, Any]:
    return {
        "name": category.name,
        "code": category.code,
        "description": category.description,
        "examples": category.examples,
        "text": categories.text_of(category),
    }


def _labelled(run: Run, live: Mapping[uuid.UUID, Category]) -> list[Labelled]:
    """All that is labelled with a live category."""
    found: list[tuple[Content, uuid.UUID, uuid.UUID]] = []
    after: uuid.UUID | None = None
    while True:
        with run.reading() as session:
            page = transactions.labelled(session, run.organization_id, after=after, limit=PAGE)
        if not page:
            break
        for row, category_id in page:
            if category_id in live:
                category = live[category_id].code or live[category_id].name
                content = Content(row.external_id or "", transactions.text_of(row), category)
                found.append((content, row.id, category_id))
        after = page[-1][0].id
    return keyed(found)


def keyed(found: list[tuple[Content, uuid.UUID, uuid.UUID]]) -> list[Labelled]:
    """Rows of equal text are told apart by number, in an order that does not depend on the database."""
    seen: Counter[tuple[str, str]] = Counter()
    labelled: list[Labelled] = []
    for content, row_id, category_id in sorted(found):
        words = (content.external_id, content.text)
        seen[words] += 1
        key = derived_id("split", *words, seen[words])
        labelled.append(Labelled(row_id, category_id, key, derived_id("split", content.category)))
    return labelled


def _copy(
    run: Run,
    dataset_id: uuid.UUID,
    split_of: dict[uuid.UUID, str],
    category_of: dict[uuid.UUID, uuid.UUID],
) -> Counter[str]:
    """Copy the rows; how many each split has."""
    ids = sorted(split_of)
    copied: Counter[str] = Counter()
    for start in range(0, len(ids), PAGE):
        with run.transaction() as session:
            # A transaction that was deleted meanwhile is not copied.
            rows = transactions.by_ids(session, run.organization_id, ids[start : start + PAGE])
            items = [
                {
                    "id": derived_id("dataset-item", dataset_id, row.id),
                    "organization_id": run.organization_id,
                    "dataset_id": dataset_id,
                    "transaction_id": row.id,
                    "category_id": category_of[row.id],
                    "split": split_of[row.id],
                    "fields": freeze_fields(transactions.fields_of(row)),
                }
                for row in rows
            ]
            if items:
                store.add_items(session, items)
        copied.update(split_of[row.id] for row in rows)
        run.progress(min(start + PAGE, len(ids)), len(ids), "copying rows")
    return copied
