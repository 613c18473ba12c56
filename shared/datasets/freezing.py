"""The work of freezing: what is labelled now, copied and split."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.datasets import store
from shared.datasets.report import ReportRow, describe, without_duplicates
from shared.datasets.selection import Labelled, LabelledRow, select
from shared.datasets.service import MIN_LABELLED, TooFewLabels, freeze_fields
from shared.datasets.splits import Ratios, SplitRow, divide
from shared.datasets.tables import SPLITS, Dataset
from shared.jobs.kinds import DatasetParams
from shared.jobs.run import Finish, Run
from shared.kit.ids import derived_id
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store

PAGE = 2000


def freeze(run: Run, params: DatasetParams) -> Finish:
    """Copy every transaction that is labelled with a live category and passes the filter into a dataset that
    nobody sees before it is whole. A second attempt at the job begins anew.

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
    rows = {one.found.id: one.found for one in labelled}
    copied = _copy(run, dataset_id, split_of, rows)
    report = describe(copied, {row.id: row.name for row in live.values()})
    report["duplicates_removed"] = {name: removed[name] for name in SPLITS}
    report["undated"] = sum(rows[row_id].day is None for row_id in split_of)
    counts = Counter(row.split for row in copied)

    def finish(session: Session) -> dict[str, Any]:
        frozen_now = store.freeze(session, run.organization_id, dataset_id)
        frozen_now.counts = {name: counts[name] for name in SPLITS}
        frozen_now.report = report
        return {"dataset_id": str(dataset_id), "counts": frozen_now.counts}

    return finish


def _split(labelled: Sequence[Labelled], params: DatasetParams) -> tuple[dict[uuid.UUID, str], Counter[str]]:
    """The split of each row that stays, and how many duplicates each split lost."""
    ratios = Ratios(params.train, params.test, params.eval)
    rows = [
        SplitRow(one.key, one.category_key, one.found.merchant, one.found.day, one.found.department)
        for one in labelled
    ]
    parts = divide(rows, params.strategy, ratios, params.seed)
    split_of_key = {key: name for name in SPLITS for key in getattr(parts, name)}
    split_of = {one.found.id: split_of_key[one.key] for one in labelled}
    if not params.remove_duplicates:
        return split_of, Counter()
    out = without_duplicates(split_of, {one.found.id: one.found.digest for one in labelled})
    removed = Counter(split_of[row_id] for row_id in out)
    return {row_id: name for row_id, name in split_of.items() if row_id not in out}, removed


def _frozen(category: Category) -> dict[str, Any]:
    return {
        "name": category.name,
        "code": category.code,
        "description": category.description,
        "examples": category.examples,
        "departments": category.departments,
        "text": categories.text_of(category),
    }


def _copy(
    run: Run, dataset_id: uuid.UUID, split_of: dict[uuid.UUID, str], rows: Mapping[uuid.UUID, LabelledRow]
) -> list[ReportRow]:
    """Copy the rows; those that were still there to be copied."""
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
                    "fields": freeze_fields(transactions.fields_of(row)),
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
