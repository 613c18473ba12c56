"""Distillation: a bi-encoder learns by how much a slower teacher prefers one category to another."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.engines.encoder import SentenceTransformerEncoder
from shared.engines.reranker import CrossEncoderReranker, RerankQuery, Scores
from shared.training.batch_sampler import in_order, planned
from shared.training.bi_encoder.losses import TEACHER_SCALE
from shared.training.bi_encoder.spec import FinetuneRequest, Teacher
from shared.training.rows import TrainRow, Untrainable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# So many wrong categories of each row, those that the student finds nearest, are put to the teacher.
CANDIDATES = 10


@dataclass(frozen=True)
class Lesson:
    """A row's text, its category's text, and for some others their texts and the teacher's margins (log-odds)
    by which its own category is the better one; a negative margin says that it is not.
    """

    anchor: str
    positive: str
    negatives: tuple[str, ...]
    margins: tuple[float, ...]


def lessons(model: "SentenceTransformer", request: FinetuneRequest) -> list[Lesson]:
    """What the teacher says about each training row and the categories that the student finds nearest.

    Raises:
        Untrainable: no teacher, fewer than two categories, or one without a text.
    """
    teacher, texts, rows = request.teacher, request.category_texts, request.train_rows
    if (
        teacher is None
        or len({row.category_id for row in rows}) < 2
        or any(row.category_id not in texts for row in rows)
    ):
        raise Untrainable
    lists = [
        (row.category_id, *near[:CANDIDATES])
        for row, near in zip(rows, _nearest(model, request), strict=True)
    ]
    return [
        Lesson(
            row.text,
            texts[row.category_id],
            tuple(texts[one] for one in ids[1:]),
            tuple(float(scores[0] - score) for score in scores[1:]),
        )
        for row, ids, scores in zip(rows, lists, _ask(teacher, request, lists), strict=True)
    ]


def epoch_of(made: Sequence[Lesson], *, negatives: int, seed: int, epoch: int) -> list[Lesson]:
    """One epoch's lessons in the order in which they are learnt, each with so many of its negatives.

    They are drawn by seed, others in each epoch; where there are too few, some come twice.
    """
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    drawn = []
    for one in made:
        order = rng.sample(range(len(one.negatives)), len(one.negatives))
        chosen = [order[number % len(order)] for number in range(negatives)]
        kept = [(one.negatives[at], one.margins[at]) for at in chosen]
        drawn.append(Lesson(one.anchor, one.positive, *zip(*kept, strict=True)))
    rng.shuffle(drawn)
    return drawn


def taught(model: "SentenceTransformer", request: FinetuneRequest, on_handed: Any) -> tuple[Any, Any]:
    """All epochs' lessons in one dataset, and the sampler that hands out each epoch's batches of them.

    Raises:
        Untrainable: see `lessons`.
    """
    from datasets import Dataset

    recipe = request.recipe
    made = lessons(model, request)
    count = recipe.negatives_per_pair
    everything = [
        one
        for epoch in range(recipe.epochs)
        for one in epoch_of(made, negatives=count, seed=recipe.seed, epoch=epoch)
    ]

    columns: dict[str, Any] = {
        "anchor": [one.anchor for one in everything],
        "positive": [one.positive for one in everything],
    }
    for number in range(count):
        columns[f"negative_{number + 1}"] = [one.negatives[number] for one in everything]
    columns["label"] = [list(one.margins) for one in everything]
    plan = in_order(len(made), recipe.epochs, recipe.batch_size)
    return Dataset.from_dict(columns), planned(plan, on_handed)


def _nearest(model: "SentenceTransformer", request: FinetuneRequest) -> list[list[str]]:
    """For each row the ids of the categories that are not its own, by the student as it is now."""
    ids, texts = list(request.category_texts), list(request.category_texts.values())
    options: dict[str, Any] = {"batch_size": 32, "normalize_embeddings": True, "show_progress_bar": False}
    queries = model.encode([row.text for row in request.train_rows], **options)
    similarity = np.asarray(queries) @ np.asarray(model.encode(texts, **options)).T
    order = (-similarity).argsort(axis=1, kind="stable")
    return [
        [ids[at] for at in line if request.category_texts[ids[at]] != request.category_texts[row.category_id]]
        for row, line in zip(request.train_rows, order, strict=True)
    ]


def _ask(teacher: Teacher, request: FinetuneRequest, lists: Sequence[Sequence[str]]) -> list[Scores]:
    """The teacher's score of each row's categories, in its own texts, as log-odds."""
    words = [_text(teacher, row) for row in request.train_rows]
    if teacher.is_reranker:
        reranker = CrossEncoderReranker(teacher.folder, device=request.device, precision="float32")
        asked = [
            RerankQuery(text, [teacher.category_texts[one] for one in ids])
            for text, ids in zip(words, lists, strict=True)
        ]
        return reranker.score(asked)
    encoder = SentenceTransformerEncoder(teacher.folder, device=request.device, precision="float32")
    at = {one: number for number, one in enumerate(teacher.category_texts)}
    similarity = encoder.encode(words) @ encoder.encode(list(teacher.category_texts.values())).T
    return [TEACHER_SCALE * row[[at[one] for one in ids]] for row, ids in zip(similarity, lists, strict=True)]


def _text(teacher: Teacher, row: TrainRow) -> str:
    return row.text if row.fields is None else teacher.texts.of_transaction(row.fields)
