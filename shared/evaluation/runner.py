"""The rows of a split put to an index of their own: what serving would have answered to each."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from shared.categorization.habits import Habits
from shared.categorization.points import Entry, to_points
from shared.categorization.precedents import Precedents, place_of
from shared.categorization.ranking import Choice, EncodedTransaction, IndexedChart, rank
from shared.categorization.reranking import CategoryReranker
from shared.categorization.voting import RankedCategory
from shared.datasets import service as datasets
from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.engines.vectors import VectorIndex
from shared.jobs.run import Run
from shared.registry.collections import evaluation_name
from shared.registry.serving import Serving

PAGE = 250

# What may speak as history when a split is measured: what serving would know, and never the split itself.
# Choosing a model on the test split must not learn from the eval rows, so they are no history of it.
HISTORY: dict[str, tuple[str, ...]] = {"eval": ("train", "test"), "test": ("train",), "train": ("test",)}


@dataclass(frozen=True)
class EvaluationRows:
    """The rows that are asked about, those that speak as history, and those that training learnt from."""

    asked: list[Item]
    history: list[Item]
    train: list[Item]


@dataclass(frozen=True)
class RankedRow:
    """What one row was answered: where its own category came in, and what came first with which score.

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
    """Where the questions are put: the attempt's own collection, the model, what may be chosen, and the
    second stage where one is measured, too.
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


def ask(bench: Bench, rows: EvaluationRows) -> list[RankedRow]:
    """Index the categories and the history apart from what is served, and ask for each row.

    The collection is dropped in the end, however it ends.
    """
    run, index = bench.run, bench.index
    entries = [Entry("category", one, one, choice.text) for one, choice in bench.choices.items()]
    text_of = bench.serving.texts.of_transaction
    entries += [
        Entry("transaction", item.id, item.category_id, text_of(item.fields)) for item in rows.history
    ]
    habits = Habits.of((item.fields.location, item.category_id, 1) for item in rows.history)
    precedents = Precedents.of(
        (item.fields.merchant_name, place_of(item.fields), item.category_id, 1) for item in rows.history
    )
    total = len(entries) + len(rows.asked)
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
        texts = bench.encoder.encode([choice.text for choice in bench.choices.values()])
        answers: list[RankedRow] = []
        for start in range(0, len(rows.asked), PAGE):
            answers += _ask_page(bench, chart, rows.asked[start : start + PAGE], texts, habits, precedents)
            run.progress(len(entries) + len(answers), total, "asking")
    finally:
        index.drop_collection(bench.collection)
    return answers


def _ask_page(
    bench: Bench,
    chart: IndexedChart,
    items: Sequence[Item],
    texts: NDArray[np.float32],
    habits: Habits,
    precedents: Precedents,
) -> list[RankedRow]:
    words = [bench.serving.texts.of_transaction(item.fields) for item in items]
    queries = [
        EncodedTransaction(
            vector,
            text,
            item.fields.department,
            item.fields.location,
            precedents=precedents.at(item.fields),
        )
        for vector, text, item in zip(bench.encoder.encode(words), words, items, strict=True)
    ]
    is_tuned = bench.serving.is_tuned
    served = rank(chart, queries, habits=habits, is_tuned=is_tuned)
    alone = rank(chart, queries, is_tuned=is_tuned, with_history=False)
    final = served if bench.second is None else bench.second.rerank([item.fields for item in items], served)
    nearer = _nearer(bench, items, np.array([query.vector for query in queries]) @ texts.T)
    return [
        RankedRow(
            item,
            rank=rank_of(item.category_id, found),
            rank_without_history=rank_of(item.category_id, without),
            rank_without_reranker=rank_of(item.category_id, first) if bench.second else None,
            suggested_category_id=found[0].category_id if found else None,
            score=found[0].score if found else None,
            is_nearer=is_nearer,
        )
        for item, found, first, without, is_nearer in zip(items, final, served, alone, nearer, strict=True)
    ]


def _nearer(bench: Bench, items: Sequence[Item], scores: NDArray[np.float32]) -> list[bool | None]:
    """For each row whether its own category's text is nearer to it than one that the seed draws, as
    sentence-transformers' TripletEvaluator counts; None where there is no other category.
    """
    order = {category_id: column for column, category_id in enumerate(bench.choices)}
    if len(order) < 2:
        return [None for _ in items]
    found: list[bool | None] = []
    for item, row in zip(items, scores, strict=True):
        own = order[item.category_id]
        digest = hashlib.sha256(f"{bench.seed}:{item.id}".encode()).digest()
        other = (own + 1 + int.from_bytes(digest[:8], "big") % (len(order) - 1)) % len(order)
        found.append(bool(row[own] > row[other]))
    return found


def rank_of(category_id: uuid.UUID, ranked: Sequence[RankedCategory]) -> int | None:
    """Where the category came in, from 1; None where it did not."""
    for position, found in enumerate(ranked, start=1):
        if found.category_id == category_id:
            return position
    return None
