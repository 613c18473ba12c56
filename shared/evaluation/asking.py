"""The rows of a split put to an index of their own: what serving would have answered to each."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.categorization.points import Entry, to_points
from shared.categorization.ranking import Choice, Query, rank
from shared.categorization.voting import Ranked
from shared.datasets import service as datasets
from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.engines.vectors import VectorIndex
from shared.jobs.run import Run
from shared.registry.collections import evaluation_name
from shared.registry.service import Serving

PAGE = 250

# What may speak as history when a split is measured: what serving would know, and never the split itself.
# Choosing a model on the test split must not learn from the eval rows, so they are no history of it.
HISTORY: dict[str, tuple[str, ...]] = {"eval": ("train", "test"), "test": ("train",), "train": ("test",)}


@dataclass(frozen=True)
class Rows:
    """The rows that are asked about, those that speak as history, and those that training learnt from."""

    asked: list[Item]
    history: list[Item]
    train: list[Item]


@dataclass(frozen=True)
class Answer:
    """What one row was answered: where its own category came in, and what came first with which score."""

    item: Item
    rank: int | None
    rank_without_history: int | None = None
    rank_without_reranker: int | None = None
    suggested_category_id: uuid.UUID | None = None
    score: float | None = None


def read(session: Session, organization_id: uuid.UUID, dataset_id: uuid.UUID, split: str) -> Rows:
    """The rows of a dataset as a measurement of one of its splits sees them."""
    items = {
        name: datasets.items(session, organization_id, dataset_id, name)
        for name in {split, "train", *HISTORY[split]}
    }
    return Rows(items[split], [item for name in HISTORY[split] for item in items[name]], items["train"])


def ask(
    run: Run,
    index: VectorIndex,
    encoder: Encoder,
    serving: Serving,
    rows: Rows,
    choices: Mapping[uuid.UUID, Choice],
) -> list[Answer]:
    """Index the categories and the history apart from what is served, and ask for each row.

    The collection is this attempt's own and is dropped in the end, however it ends.
    """
    entries = [Entry("category", one, one, choice.text) for one, choice in choices.items()]
    of_transaction = serving.texts.of_transaction
    entries += [
        Entry("transaction", item.id, item.category_id, of_transaction(item.fields)) for item in rows.history
    ]
    total = len(entries) + len(rows.asked)
    for attempt in range(1, run.attempt):  # one that was killed left its collection behind
        index.drop_collection(evaluation_name(run.job_id, attempt))
    collection = evaluation_name(run.job_id, run.attempt)
    index.ensure_collection(collection, encoder.dimension)
    try:
        for start in range(0, len(entries), PAGE):
            part = entries[start : start + PAGE]
            index.upsert(collection, to_points(serving.fingerprint, run.organization_id, part, encoder))
            run.progress(start + len(part), total, "indexing")
        answers: list[Answer] = []
        for start in range(0, len(rows.asked), PAGE):
            asked = rows.asked[start : start + PAGE]
            answers += _ask_page(run, index, encoder, serving, asked, choices)
            run.progress(len(entries) + len(answers), total, "asking")
    finally:
        index.drop_collection(collection)
    return answers


def _ask_page(
    run: Run,
    index: VectorIndex,
    encoder: Encoder,
    serving: Serving,
    items: Sequence[Item],
    choices: Mapping[uuid.UUID, Choice],
) -> list[Answer]:
    collection = evaluation_name(run.job_id, run.attempt)
    words = [serving.texts.of_transaction(item.fields) for item in items]
    queries = [
        Query(vector, text, item.fields.department)
        for vector, text, item in zip(encoder.encode(words), words, items, strict=True)
    ]
    served = rank(index, collection, run.organization_id, queries, choices)
    alone = rank(index, collection, run.organization_id, queries, choices, with_history=False)
    return [
        Answer(
            item,
            rank=rank_of(item.category_id, with_history),
            rank_without_history=rank_of(item.category_id, without),
            suggested_category_id=with_history[0].category_id if with_history else None,
            score=with_history[0].score if with_history else None,
        )
        for item, with_history, without in zip(items, served, alone, strict=True)
    ]


def rank_of(category_id: uuid.UUID, ranked: Sequence[Ranked]) -> int | None:
    """Where the category came in, from 1; None where it did not."""
    for position, found in enumerate(ranked, start=1):
        if found.category_id == category_id:
            return position
    return None
