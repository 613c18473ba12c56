"""Distillation: a bi-encoder learns by how much a slower teacher prefers one category to another."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.engines.encoder import SentenceTransformerEncoder
from shared.engines.reranker import CrossEncoderReranker, RerankQuery, Scores
from shared.training.bi_encoder.losses import TEACHER_SCALE
from shared.training.bi_encoder.spec import FinetuneRequest, TeacherModel
from shared.training.rows import TrainRow, Untrainable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# How many wrong categories the teacher scores for each row: those that the student finds nearest.
CANDIDATES = 10


@dataclass(frozen=True)
class Lesson:
    """A row's text, its category's text, the texts of other categories, and the teacher's margins.

    A margin (in log-odds) says by how much the teacher prefers the row's own category to the other one; it is
    negative where the teacher prefers the other one.
    """

    anchor: str
    positive: str
    negatives: tuple[str, ...]
    margins: tuple[float, ...]


def make_lessons(model: "SentenceTransformer", request: FinetuneRequest) -> list[Lesson]:
    """The teacher's margins for each training row and the categories that the student finds nearest.

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
    # The row's own category first, then the wrong ones.
    category_ids = [
        (row.category_id, *nearest[:CANDIDATES])
        for row, nearest in zip(rows, _nearest_wrong(model, request), strict=True)
    ]
    teacher_scores = _teacher_scores(teacher, request, category_ids)
    return [
        Lesson(
            row.text,
            texts[row.category_id],
            tuple(texts[category_id] for category_id in ids[1:]),
            tuple(float(scores[0] - score) for score in scores[1:]),
        )
        for row, ids, scores in zip(rows, category_ids, teacher_scores, strict=True)
    ]


def draw_epoch(lessons: Sequence[Lesson], *, negatives: int, seed: int, epoch: int) -> list[Lesson]:
    """The lessons of one epoch, shuffled, each with this number of its negatives.

    The negatives are drawn by seed and epoch; where a lesson has too few, some are repeated.
    """
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    drawn = []
    for lesson in lessons:
        order = rng.sample(range(len(lesson.negatives)), len(lesson.negatives))
        positions = [order[number % len(order)] for number in range(negatives)]
        kept = [(lesson.negatives[position], lesson.margins[position]) for position in positions]
        drawn.append(Lesson(lesson.anchor, lesson.positive, *zip(*kept, strict=True)))
    rng.shuffle(drawn)
    return drawn


def _nearest_wrong(model: "SentenceTransformer", request: FinetuneRequest) -> list[list[str]]:
    """For each row the ids of the categories with other texts than its own, nearest first, by the student."""
    texts = request.category_texts
    ids = list(texts)
    options: dict[str, Any] = {"batch_size": 32, "normalize_embeddings": True, "show_progress_bar": False}
    queries = model.encode([row.text for row in request.train_rows], **options)
    similarity = np.asarray(queries) @ np.asarray(model.encode(list(texts.values()), **options)).T
    order = (-similarity).argsort(axis=1, kind="stable")
    return [
        [ids[position] for position in ranked if texts[ids[position]] != texts[row.category_id]]
        for row, ranked in zip(request.train_rows, order, strict=True)
    ]


def _teacher_scores(
    teacher: TeacherModel, request: FinetuneRequest, category_ids: Sequence[Sequence[str]]
) -> list[Scores]:
    """For each row the teacher's scores of these categories, in its own text format, as log-odds."""
    queries = [_teacher_text(teacher, row) for row in request.train_rows]
    if teacher.is_reranker:
        reranker = CrossEncoderReranker(teacher.folder, device=request.device, precision="float32")
        return reranker.score(
            [
                RerankQuery(query, [teacher.category_texts[category_id] for category_id in ids])
                for query, ids in zip(queries, category_ids, strict=True)
            ]
        )
    encoder = SentenceTransformerEncoder(teacher.folder, device=request.device, precision="float32")
    columns = {category_id: column for column, category_id in enumerate(teacher.category_texts)}
    similarity = encoder.encode(queries) @ encoder.encode(list(teacher.category_texts.values())).T
    return [
        TEACHER_SCALE * row[[columns[category_id] for category_id in ids]]
        for row, ids in zip(similarity, category_ids, strict=True)
    ]


def _teacher_text(teacher: TeacherModel, row: TrainRow) -> str:
    return row.text if row.fields is None else teacher.texts.of_transaction(row.fields)
