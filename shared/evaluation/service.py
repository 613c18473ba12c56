"""Measures a model version by the very retrieval that serving does."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from shared.categorization.points import Entry, to_points
from shared.categorization.ranking import Choice, Query, rank
from shared.categorization.voting import Ranked
from shared.datasets import service as datasets
from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.engines.encoders import Encoders
from shared.engines.vectors import VectorIndex
from shared.evaluation import metrics
from shared.jobs import service as jobs
from shared.jobs.kinds import EvaluationParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.errors import Invalid
from shared.registry import service as registry
from shared.registry.collections import evaluation_name
from shared.registry.tables import Evaluation
from shared.transactions.formats import TextFormat

PAGE = 250

# What may speak as history when a split is measured: what serving would know, and never the split itself.
# Choosing a model on the test split must not learn from the eval rows, so they are no history of it.
HISTORY: dict[str, tuple[str, ...]] = {"eval": ("train", "test"), "test": ("train",), "train": ("test",)}


class EmptySplit(Invalid):
    """The dataset has no rows in this split. Freeze one with a larger share for it."""

    code = "empty-split"


def submit(
    session: Session, organization_id: uuid.UUID, params: EvaluationParams, *, request_id: str | None = None
) -> Job:
    """Queue an evaluation.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        EmptySplit: nothing to measure on.
    """
    dataset = datasets.get(session, organization_id, params.dataset_id)
    registry.get(session, organization_id, params.model_version_id)
    if not dataset.counts.get(params.split):
        raise EmptySplit
    return jobs.submit(session, organization_id, "evaluate", params, request_id=request_id)


def evaluate(run: Run, params: EvaluationParams, index: VectorIndex, encoders: Encoders) -> Finish:
    """Index the dataset's categories and the other splits' rows apart from what is served, ask for each row
    of the split, and note where its own category came in: with the history, as serving answers, and without.
    """
    with run.reading() as session:
        serving = registry.serving_of(registry.get(session, run.organization_id, params.model_version_id))
        dataset = datasets.get(session, run.organization_id, params.dataset_id)
        items = datasets.items(session, run.organization_id, params.dataset_id, params.split)
        history = [
            item
            for name in HISTORY[params.split]
            for item in datasets.items(session, run.organization_id, params.dataset_id, name)
        ]
    encoder = encoders.get(serving.model)
    collection = evaluation_name(run.job_id, run.attempt)
    texts = serving.texts
    choices = {
        uuid.UUID(category_id): Choice.of(texts.of_frozen(about), about.get("departments", ()))
        for category_id, about in dataset.categories.items()
    }
    entries = [
        Entry("category", category_id, category_id, choice.text) for category_id, choice in choices.items()
    ] + [
        Entry("transaction", item.id, item.category_id, texts.of_transaction(item.fields)) for item in history
    ]
    total = len(entries) + len(items)
    for attempt in range(1, run.attempt):  # one that was killed left its collection behind
        index.drop_collection(evaluation_name(run.job_id, attempt))
    index.ensure_collection(collection, encoder.dimension)
    try:
        for start in range(0, len(entries), PAGE):
            part = entries[start : start + PAGE]
            index.upsert(collection, to_points(serving.fingerprint, run.organization_id, part, encoder))
            run.progress(start + len(part), total, "indexing")
        rows: list[dict[str, Any]] = []
        for start in range(0, len(items), PAGE):
            asked = items[start : start + PAGE]
            rows += _ask(run, index, collection, encoder, asked, choices, texts)
            run.progress(len(entries) + len(rows), total, "asking")
    finally:
        index.drop_collection(collection)
    return _finish(run, params, items, rows)


def _ask(
    run: Run,
    index: VectorIndex,
    collection: str,
    encoder: Encoder,
    items: Sequence[Item],
    choices: Mapping[uuid.UUID, Choice],
    texts: TextFormat,
) -> list[dict[str, Any]]:
    words = [texts.of_transaction(item.fields) for item in items]
    queries = [
        Query(vector, text, item.fields.department)
        for vector, text, item in zip(encoder.encode(words), words, items, strict=True)
    ]
    served = rank(index, collection, run.organization_id, queries, choices)
    alone = rank(index, collection, run.organization_id, queries, choices, with_history=False)
    return [
        {
            "dataset_item_id": item.id,
            "organization_id": run.organization_id,
            "rank": _rank_of(item.category_id, with_history),
            "rank_without_history": _rank_of(item.category_id, without),
            "suggested_category_id": with_history[0].category_id if with_history else None,
        }
        for item, with_history, without in zip(items, served, alone, strict=True)
    ]


def _rank_of(category_id: uuid.UUID, ranked: Sequence[Ranked]) -> int | None:
    for position, found in enumerate(ranked, start=1):
        if found.category_id == category_id:
            return position
    return None


def _finish(run: Run, params: EvaluationParams, items: Sequence[Item], rows: list[dict[str, Any]]) -> Finish:
    ranks = [row["rank"] for row in rows]
    categories = [str(item.category_id) for item in items]
    summary = _as_json(metrics.evaluate(ranks))
    summary["without_history"] = _as_json(metrics.evaluate([row["rank_without_history"] for row in rows]))
    evaluation_id = run.job_id  # like every id in the order of time, and the same at each attempt
    evaluation = Evaluation(
        id=evaluation_id,
        organization_id=run.organization_id,
        dataset_id=params.dataset_id,
        model_version_id=params.model_version_id,
        split=params.split,
        metrics=summary,
        per_category={name: _as_json(one) for name, one in metrics.evaluate_by(categories, ranks).items()},
        job_id=run.job_id,
    )
    for row in rows:
        row["evaluation_id"] = evaluation_id

    def finish(session: Session) -> dict[str, Any]:
        registry.add_evaluation(session, evaluation, rows)
        return {"evaluation_id": str(evaluation_id), "metrics": summary}

    return finish


def _as_json(found: metrics.Metrics) -> dict[str, Any]:
    return {
        "n": found.n,
        "recall": {str(k): asdict(figure) for k, figure in found.recall.items()},
        "mrr": {str(k): asdict(figure) for k, figure in found.mrr.items()},
    }
