"""Ranks the rows of a split by an index of their own: what serving would have answered to each."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from shared.categorization.exact import rank_of
from shared.categorization.habits import Habits
from shared.categorization.points import Entry, to_points
from shared.categorization.precedents import Precedents, place_of
from shared.categorization.ranking import Choice, EncodedTransaction, IndexedChart, rank
from shared.categorization.reranking import CategoryReranker
from shared.datasets import service as datasets
from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.engines.vectors import VectorIndex
from shared.jobs.run import Run
from shared.kit.seeded import choose
from shared.registry.collections import evaluation_name
from shared.registry.serving import Serving

PAGE = 250

# What serves as history when a split is measured: what serving would know, and never the split itself.
# Choosing a model on the test split must not learn from the eval rows, so they are no history of it.
HISTORY: dict[str, tuple[str, ...]] = {"eval": ("train", "test"), "test": ("train",), "train": ("test",)}


@dataclass(frozen=True)
class EvaluationRows:
    """The rows that are ranked, those that serve as history, and those that training learnt from."""

    measured: list[Item]
    history: list[Item]
    train: list[Item]


@dataclass(frozen=True)
class RankedRow:
    """How one row was answered: the rank of its own category, and what came first with which score.

    `is_nearer`: whether the row's text is nearer to its own category's text than to another one's.
    """

    item: Item
    rank: int | None
    rank_without_history: int | None = None
    rank_without_reranker: int | None = None
    suggested_category_id: uuid.UUID | None = None
    score: float | None = None
    is_nearer: bool | None = None


@dataclass(frozen=True)
class Bench:
    """What ranks the rows: the attempt's own collection, the model, what may be chosen, and the second stage
    where one is measured, too.
    """

    run: Run
    index: VectorIndex
    encoder: Encoder
    serving: Serving
    choices: Mapping[uuid.UUID, Choice]
    seed: int = 0
    second: CategoryReranker | None = None

    @property
    def collection(self) -> str:
        """Of this attempt only."""
        return evaluation_name(self.run.job_id, self.run.attempt)


def read(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str) -> EvaluationRows:
    """The rows of a dataset as a measurement of one of its splits sees them."""
    items = {
        name: datasets.items(session, organization_id, dataset_id, name)
        for name in {split, "train", *HISTORY[split]}
    }
    return EvaluationRows(
        items[split], [item for name in HISTORY[split] for item in items[name]], items["train"]
    )


def rank_rows(bench: Bench, rows: EvaluationRows) -> list[RankedRow]:
    """Index the categories and the history apart from what is served, and rank the categories for each row.

    The collection is dropped in the end, however it ends.
    """
    run, index = bench.run, bench.index
    entries = [
        Entry("category", category_id, category_id, choice.text)
        for category_id, choice in bench.choices.items()
    ]
    text_of = bench.serving.texts.of_transaction
    entries += [
        Entry("transaction", item.id, item.category_id, text_of(item.fields)) for item in rows.history
    ]
    habits = Habits.of((item.fields.location, item.category_id, 1) for item in rows.history)
    precedents = Precedents.of(
        (item.fields.merchant_name, place_of(item.fields), item.category_id, 1) for item in rows.history
    )
    total = len(entries) + len(rows.measured)
    for attempt in range(1, run.attempt):  # one that was killed left its collection behind
        index.drop_collection(evaluation_name(run.job_id, attempt))
    index.ensure_collection(bench.collection, bench.encoder.dimension)
    try:
        for start in range(0, len(entries), PAGE):
            part = entries[start : start + PAGE]
            points = to_points(bench.serving.fingerprint, run.organization_id, part, bench.encoder)
            index.upsert(bench.collection, points)
            run.progress(start + len(part), total, "indexing")
        chart = IndexedChart.read(index, bench.collection, run.organization_id, bench.choices)
        category_vectors = bench.encoder.encode([choice.text for choice in bench.choices.values()])
        answers: list[RankedRow] = []
        for start in range(0, len(rows.measured), PAGE):
            items = rows.measured[start : start + PAGE]
            answers += _rank_page(bench, chart, items, category_vectors, habits, precedents)
            run.progress(len(entries) + len(answers), total, "asking")
    finally:
        index.drop_collection(bench.collection)
    return answers


def _rank_page(
    bench: Bench,
    chart: IndexedChart,
    items: Sequence[Item],
    category_vectors: NDArray[np.float32],
    habits: Habits,
    precedents: Precedents,
) -> list[RankedRow]:
    texts = [bench.serving.texts.of_transaction(item.fields) for item in items]
    queries = [
        EncodedTransaction(
            vector,
            text,
            item.fields.department,
            item.fields.location,
            precedents=precedents.at(item.fields),
        )
        for vector, text, item in zip(bench.encoder.encode(texts), texts, items, strict=True)
    ]
    is_tuned = bench.serving.is_tuned
    served = rank(chart, queries, habits=habits, is_tuned=is_tuned)
    alone = rank(chart, queries, is_tuned=is_tuned, with_history=False)
    final = served if bench.second is None else bench.second.rerank([item.fields for item in items], served)
    similarities = np.array([query.vector for query in queries]) @ category_vectors.T
    nearer = _are_nearer(bench, items, similarities)
    return [
        RankedRow(
            item,
            rank=rank_of(item.category_id, ranked),
            rank_without_history=rank_of(item.category_id, without_history),
            rank_without_reranker=rank_of(item.category_id, without_reranker) if bench.second else None,
            suggested_category_id=ranked[0].category_id if ranked else None,
            score=ranked[0].score if ranked else None,
            is_nearer=is_nearer,
        )
        for item, ranked, without_reranker, without_history, is_nearer in zip(
            items, final, served, alone, nearer, strict=True
        )
    ]


def _are_nearer(bench: Bench, items: Sequence[Item], similarities: NDArray[np.float32]) -> list[bool | None]:
    """For each row whether its own category's text is nearer to it than one that the seed draws, as
    sentence-transformers' TripletEvaluator counts; None where there is no other category.

    `similarities`: shape (items, categories).
    """
    column_of = {category_id: column for column, category_id in enumerate(bench.choices)}
    if len(column_of) < 2:
        return [None for _ in items]
    nearer: list[bool | None] = []
    for item, to_categories in zip(items, similarities, strict=True):
        own = column_of[item.category_id]
        other = (own + 1 + choose(bench.seed, item.id, len(column_of) - 1)) % len(column_of)
        nearer.append(bool(to_categories[own] > to_categories[other]))
    return nearer
