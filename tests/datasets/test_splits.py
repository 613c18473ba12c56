"""The split of a dataset."""

import random
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.splits import BadRatios, Ratios, split

Rows = list[tuple[uuid.UUID, uuid.UUID]]


@st.composite
def _rows(draw: st.DrawFn) -> Rows:
    count = draw(st.integers(0, 150))
    categories = draw(st.lists(st.integers(0, 8), min_size=count, max_size=count))
    ids = draw(st.lists(st.integers(0, 10**9), min_size=count, max_size=count, unique=True))
    return [
        (uuid.UUID(int=row), uuid.UUID(int=category)) for row, category in zip(ids, categories, strict=True)
    ]


@st.composite
def _ratios(draw: st.DrawFn) -> Ratios:
    test, evaluation = draw(st.integers(0, 45)), draw(st.integers(0, 45))
    return Ratios((100 - test - evaluation) / 100, test / 100, evaluation / 100)


@given(_rows(), _ratios(), st.integers(0, 100), st.randoms(use_true_random=False))
def test_a_partition_of_the_right_sizes_in_any_order(
    rows: Rows, ratios: Ratios, seed: int, rng: random.Random
) -> None:
    made = split(rows, ratios, seed)
    parts = (made.train, made.test, made.eval)
    assert sorted(row_id for part in parts for row_id in part) == sorted(row_id for row_id, _ in rows)
    for part, share in zip(parts, (ratios.train, ratios.test, ratios.eval), strict=True):
        assert abs(len(part) - share * len(rows)) < 1
    rng.shuffle(rows)
    assert split(rows, ratios, seed) == made


@given(_rows(), _ratios(), st.integers(0, 100))
def test_each_category_is_spread_over_the_parts(rows: Rows, ratios: Ratios, seed: int) -> None:
    made = split(rows, ratios, seed)
    category = dict(rows)
    totals = Counter(category.values())
    for part, share in ((made.train, ratios.train), (made.test, ratios.test), (made.eval, ratios.eval)):
        counts = Counter(category[row_id] for row_id in part)
        assert all(abs(counts[name] - share * total) <= 2 for name, total in totals.items())


def test_another_seed_gives_another_split() -> None:
    rows = [(uuid.UUID(int=number), uuid.UUID(int=number % 5)) for number in range(100)]
    assert split(rows, Ratios(), 1) != split(rows, Ratios(), 2)
    assert split(rows, Ratios(), 1) == split(rows, Ratios(), 1)


def test_the_split_of_a_version_never_changes() -> None:
    rows = [(uuid.UUID(int=number), uuid.UUID(int=number % 2)) for number in range(10)]
    assert [row.int for row in split(rows, Ratios(), 0).eval] == [0, 7]


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (0.0, 0.5, 0.5)])
def test_ratios_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(BadRatios):
        Ratios(*shares)


def test_a_row_listed_twice_is_an_error() -> None:
    row = (uuid.UUID(int=1), uuid.UUID(int=2))
    with pytest.raises(ValueError, match="twice"):
        split([row, row], Ratios(), 0)
