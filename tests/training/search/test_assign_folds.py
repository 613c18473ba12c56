"""Who is in which fold."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.training.search.trial import assign_folds

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z", "1", "2", "3"])), max_size=40
)


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_folds_are_level_and_so_is_each_category(rows: list[tuple[str, str]], folds: int, seed: int) -> None:
    fold_of = assign_folds(rows, folds, seed)
    assert set(fold_of) <= set(range(folds))
    for category in {None, *(row[0] for row in rows)}:
        sizes = Counter(fold for fold, row in zip(fold_of, rows, strict=True) if category in {None, row[0]})
        per_fold = [sizes[fold] for fold in range(folds)]
        assert max(per_fold) - min(per_fold) <= 1


@given(rows=ROWS, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[str, str]], folds: int, seed: int) -> None:
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert Counter(zip(shuffled, assign_folds(shuffled, folds, seed), strict=True)) == Counter(
        zip(rows, assign_folds(rows, folds, seed), strict=True)
    )


def test_another_seed_is_another_division() -> None:
    rows = [("a", str(number)) for number in range(50)]
    assert assign_folds(rows, 3, seed=1) != assign_folds(rows, 3, seed=2)
