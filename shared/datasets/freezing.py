"""Freezes a dataset: copies what is labelled now and splits it."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categories.frozen import FrozenCategory
from shared.categories.tables import Category
from shared.datasets import store
from shared.datasets.report import DatasetResult, ReportRow, describe, find_duplicates
from shared.datasets.selection import KeyedRow, LabelledRow, select
from shared.datasets.service import MIN_LABELLED, TooFewLabels
from shared.datasets.splits import SPLITS, Ratios, SplitRow, divide
from shared.datasets.tables import Dataset
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Effects, Run
from shared.kit.ids import derived_id
from shared.resources import Resources
from shared.transactions import store as transaction_store
from shared.transactions.fields import TransactionFields

PAGE = 2000


def freeze(run: Run, params: DatasetParams, _resources: Resources) -> Effects:
    """Copy every transaction that is labelled with a live category and passes the filter into a dataset,
    which is invisible until it is complete. A second attempt at the job starts over.

    Raises:
        TooFewLabels: archiving, or the filter, left too little.
    """
    dataset_id = run.job_id  # like every id in the order of time, and the same at each attempt
    with run.reading() as session:
        live = {row.id: row for row in category_store.all_live(session, run.organization_id)}
    labelled = select(run, params, live)
    if len(labelled) < MIN_LABELLED:
        raise TooFewLabels
    split_of, removed = _split(labelled, params)
    dataset = Dataset(
        id=dataset_id,
        organization_id=run.organization_id,
        name=params.name,
        seed=params.seed,
        parameters=params.model_dump(mode="json"),
        counts={},
        categories={str(row.id): _frozen(row) for row in live.values()},
        job_id=run.job_id,
    )
    with run.transaction() as session:
        store.replace(session, dataset)
    rows = {keyed.row.id: keyed.row for keyed in labelled}
    copied = _copy(run, dataset_id, split_of, rows)
    report = describe(
        copied,
        {category.id: category.name for category in live.values()},
        duplicates_removed=removed,
        undated=sum(rows[row_id].day is None for row_id in split_of),
    )
    counts = Counter(row.split for row in copied)

    def apply_effects(session: Session) -> dict[str, Any]:
        frozen = store.freeze(session, run.organization_id, dataset_id)
        frozen.counts = {name: counts[name] for name in SPLITS}
        frozen.report = report
        return DatasetResult(dataset_id=dataset_id, counts=frozen.counts).model_dump(mode="json")

    return apply_effects


def _split(labelled: Sequence[KeyedRow], params: DatasetParams) -> tuple[dict[uuid.UUID, str], Counter[str]]:
    """The split of each row that stays, and how many duplicates each split lost."""
    ratios = Ratios(params.train, params.test, params.eval)
    rows = [
        SplitRow(keyed.key, keyed.category_key, keyed.row.merchant, keyed.row.day, keyed.row.department)
        for keyed in labelled
    ]
    parts = divide(rows, params.strategy, ratios, params.seed)
    split_of_key = {key: name for name in SPLITS for key in getattr(parts, name)}
    split_of = {keyed.row.id: split_of_key[keyed.key] for keyed in labelled}
    if not params.remove_duplicates:
        return split_of, Counter()
    duplicates = find_duplicates(split_of, {keyed.row.id: keyed.row.digest for keyed in labelled})
    removed = Counter(split_of[row_id] for row_id in duplicates)
    return {row_id: name for row_id, name in split_of.items() if row_id not in duplicates}, removed


def _frozen(category: Category) -> FrozenCategory:
    return FrozenCategory(
        name=category.name,
        code=category.code,
        description=category.description,
        examples=tuple(category.examples),
        departments=tuple(category.departments),
        text=categories.text_of(category),
    )


def _copy(
    run: Run, dataset_id: uuid.UUID, split_of: dict[uuid.UUID, str], rows: Mapping[uuid.UUID, LabelledRow]
) -> list[ReportRow]:
    """Copy the rows; returns those that still existed."""
    ids = sorted(split_of)
    copied: list[ReportRow] = []
    for start in range(0, len(ids), PAGE):
        with run.transaction() as session:
            # A transaction that was deleted meanwhile is not copied.
            page = transaction_store.by_ids(session, run.organization_id, ids[start : start + PAGE])
            items = [
                {
                    "id": derived_id("dataset-item", dataset_id, row.id),
                    "organization_id": run.organization_id,
                    "dataset_id": dataset_id,
                    "transaction_id": row.id,
                    "category_id": rows[row.id].category_id,
                    "split": split_of[row.id],
                    "fields": TransactionFields.of_row(row).as_json(),
                }
                for row in page
            ]
            if items:
                store.add_items(session, items)
        copied += [
            ReportRow(split_of[row.id], rows[row.id].category_id, rows[row.id].content.text) for row in page
        ]
        run.progress(min(start + PAGE, len(ids)), len(ids), "copying rows")
    return copied
