"""Who is in which fold, and that a fold is ranked as serving ranks."""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shared.categorization.ranking import Choice
from shared.training.folding import RankRow, assign, ranks

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z", "1", "2", "3"])), max_size=40
)


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_folds_are_level_and_so_is_each_category(rows: list[tuple[str, str]], folds: int, seed: int) -> None:
    fold_of = assign(rows, folds, seed)
    assert set(fold_of) <= set(range(folds))
    for category in {None, *(row[0] for row in rows)}:
        sizes = Counter(fold for fold, row in zip(fold_of, rows, strict=True) if category in {None, row[0]})
        per_fold = [sizes[fold] for fold in range(folds)]
        assert max(per_fold) - min(per_fold) <= 1


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[str, str]], folds: int, seed: int) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert Counter(zip(shuffled, assign(shuffled, folds, seed), strict=True)) == Counter(
        zip(rows, assign(rows, folds, seed), strict=True)
    )


def test_another_seed_is_another_division() -> None:
    rows = [("a", str(number)) for number in range(50)]
    assert assign(rows, 3, seed=1) != assign(rows, 3, seed=2)


class Words:
    """An encoder of the tests' own: a text is what it says of three words."""

    dimension = 3

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = [[text.count(word) + 0.01 for word in ("fly", "sleep", "eat")] for text in texts]
        vectors = np.array(counts, dtype=np.float32).reshape(len(texts), 3)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


CHOICES = {
    "Travel": Choice.of("fly", []),
    "Lodging": Choice.of("sleep", ["Sales"]),
    "Meals": Choice.of("eat", []),
}


def test_texts_history_and_departments_speak_as_in_serving() -> None:
    by_texts = [RankRow("fly", "Travel"), RankRow("sleep", "Lodging"), RankRow("eat", "Lodging")]
    assert ranks(Words(), CHOICES, [], by_texts) == [1, 1, 2]
    history = [RankRow("eat", "Lodging")] * 5
    assert ranks(Words(), CHOICES, history, [RankRow("eat", "Lodging")]) == [1]
    foreign, own = (RankRow("sleep fly " * 3 + "sleep", "Lodging", name) for name in ("Research", " SALES"))
    assert ranks(Words(), CHOICES, [], [own]) == [1]
    assert ranks(Words(), CHOICES, [], [foreign])[0] > 1
    assert ranks(Words(), CHOICES, history, []) == []
