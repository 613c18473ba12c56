"""A bi-encoder is taught by a slower model: what it is told, and that it learns it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.engines.encoder import SentenceTransformerEncoder, load_model, resolve_model
from shared.jobs.kinds import Recipe
from shared.training.bi_encoder.distillation import Lesson, draw_epoch, make_lessons
from shared.training.bi_encoder.losses import TEACHER_SCALE
from shared.training.bi_encoder.spec import FinetuneRequest, TeacherModel
from shared.training.bi_encoder.trainer import finetune
from shared.training.rows import TrainRow, Untrainable
from shared.transactions.formats import TextFormat

pytestmark = pytest.mark.slow

# The student reads names that say nothing, the teacher others that say it all.
TEXTS = {"a": "Account 17", "b": "Account 23", "c": "Account 31"}
PLAIN = {"a": "Flights and airlines", "b": "Hotels and lodging", "c": "Cloud servers and hosting"}
ROWS = tuple(
    TrainRow(text, name)
    for name, texts in {
        "a": ["Delta flight", "United airfare", "Ryanair"],
        "b": ["Marriott hotel", "Hilton room", "Hyatt"],
        "c": ["AWS compute", "Azure hosting", "Hetzner server"],
    }.items()
    for text in texts
)
BASE = resolve_model("all-MiniLM-L6-v2").path


@pytest.fixture
def request_(tmp_path: Path) -> FinetuneRequest:
    recipe = Recipe(loss="margin_mse", epochs=4, batch_size=3, learning_rate=2e-4, negatives_per_pair=2)
    return FinetuneRequest(
        base_model=BASE,
        output_dir=tmp_path / "model",
        category_texts=TEXTS,
        train_rows=ROWS,
        recipe=recipe,
        device="cpu",
        teacher=TeacherModel(BASE, is_reranker=False, texts=TextFormat(), category_texts=PLAIN),
    )


def test_a_lesson_has_the_teachers_margins_in_the_teachers_texts(request_: FinetuneRequest) -> None:
    lessons = make_lessons(load_model(BASE, device="cpu"), request_)
    encoder = SentenceTransformerEncoder(BASE, device="cpu")
    for lesson, row in zip(lessons, ROWS, strict=True):
        assert (lesson.anchor, lesson.positive) == (row.text, TEXTS[row.category_id])
        assert set(lesson.negatives) == set(TEXTS.values()) - {lesson.positive}
        said = dict(
            zip(PLAIN, encoder.encode(list(PLAIN.values())) @ encoder.encode([row.text])[0], strict=True)
        )
        names = {text: name for name, text in TEXTS.items()}
        expected = [said[row.category_id] - said[names[text]] for text in lesson.negatives]
        assert lesson.margins == pytest.approx([TEACHER_SCALE * margin for margin in expected], abs=1e-3)


def test_an_epochs_lessons_keep_negatives_and_margins_together_and_are_drawn_by_seed() -> None:
    lessons = [Lesson(f"q{n}", "right", tuple("abcd"), (0.0, 1.0, 2.0, 3.0)) for n in range(6)]
    first = draw_epoch(lessons, negatives=2, seed=1, epoch=0)
    assert first == draw_epoch(lessons, negatives=2, seed=1, epoch=0)
    assert first != draw_epoch(lessons, negatives=2, seed=1, epoch=1)
    assert {lesson.anchor for lesson in first} == {lesson.anchor for lesson in lessons}
    for lesson in (*first, *draw_epoch(lessons, negatives=9, seed=1, epoch=0)):
        assert lesson.margins == tuple(float("abcd".index(text)) for text in lesson.negatives)
    assert {len(lesson.negatives) for lesson in draw_epoch(lessons, negatives=9, seed=1, epoch=0)} == {9}


def test_the_student_comes_to_prefer_what_the_teacher_prefers(request_: FinetuneRequest) -> None:
    lessons = make_lessons(load_model(BASE, device="cpu"), request_)

    def distance(path: Path) -> float:
        """Mean squared difference of the student's margins from the teacher's."""
        encoder = SentenceTransformerEncoder(path, device="cpu")
        texts = sorted(
            {text for lesson in lessons for text in (lesson.anchor, lesson.positive, *lesson.negatives)}
        )
        vectors = dict(zip(texts, encoder.encode(texts), strict=True))
        differences = [
            TEACHER_SCALE * vectors[lesson.anchor] @ (vectors[lesson.positive] - vectors[text]) - margin
            for lesson in lessons
            for text, margin in zip(lesson.negatives, lesson.margins, strict=True)
        ]
        return float(np.mean(np.square(differences)))

    result = finetune(request_, lambda _: None)
    assert distance(result.model_dir) < distance(BASE) / 4
    assert result.rows == 4 * len(ROWS)


def test_without_a_teacher_there_is_nothing_to_learn(request_: FinetuneRequest) -> None:
    with pytest.raises(Untrainable):
        finetune(replace(request_, teacher=None), lambda _: None)
