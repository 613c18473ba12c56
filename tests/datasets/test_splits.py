"""The split of a dataset."""

import datetime as dt
import random
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.datasets.splits import BadRatios, Ratios, Split, SplitRow, Strategy, divide, split

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
    result = split(rows, ratios, seed)
    parts = (result.train, result.test, result.eval)
    assert sorted(row_id for part in parts for row_id in part) == sorted(row_id for row_id, _ in rows)
    for part, share in zip(parts, (ratios.train, ratios.test, ratios.eval), strict=True):
        assert abs(len(part) - share * len(rows)) < 1
    rng.shuffle(rows)
    assert split(rows, ratios, seed) == result


@given(_rows(), _ratios(), st.integers(0, 100))
def test_each_category_is_spread_over_the_parts(rows: Rows, ratios: Ratios, seed: int) -> None:
    result = split(rows, ratios, seed)
    category = dict(rows)
    totals = Counter(category.values())
    for part, share in ((result.train, ratios.train), (result.test, ratios.test), (result.eval, ratios.eval)):
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


@st.composite
def _split_rows(draw: st.DrawFn) -> list[SplitRow]:
    count = draw(st.integers(0, 120))
    rows = []
    for number in range(count):
        day = draw(st.none() | st.integers(0, 20))
        rows.append(
            SplitRow(
                uuid.UUID(int=number),
                uuid.UUID(int=draw(st.integers(0, 6))),
                f"merchant {draw(st.integers(0, 30))}",
                None if day is None else dt.date(2026, 1, 1) + dt.timedelta(days=day),
            )
        )
    return rows


def parts_of(result: Split) -> tuple[tuple[uuid.UUID, ...], ...]:
    return result.train, result.test, result.eval


STRATEGIES: list[Strategy] = ["random", "stratified", "by_merchant", "by_time", "by_category"]


@given(_split_rows(), st.sampled_from(STRATEGIES), _ratios(), st.integers(0, 50), st.randoms())
def test_every_strategy_makes_a_partition_that_depends_on_the_seed_alone(
    rows: list[SplitRow], strategy: Strategy, ratios: Ratios, seed: int, rng: random.Random
) -> None:
    result = divide(rows, strategy, ratios, seed)
    assert sorted(row_id for part in parts_of(result) for row_id in part) == sorted(row.id for row in rows)
    rng.shuffle(rows)
    assert divide(rows, strategy, ratios, seed) == result


@given(_split_rows(), _ratios(), st.integers(0, 50))
def test_a_merchant_or_a_category_is_never_in_two_parts(
    rows: list[SplitRow], ratios: Ratios, seed: int
) -> None:
    of = {row.id: row for row in rows}
    merchants = [
        {of[row_id].merchant for row_id in part}
        for part in parts_of(divide(rows, "by_merchant", ratios, seed))
    ]
    categories = [
        {of[row_id].category for row_id in part}
        for part in parts_of(divide(rows, "by_category", ratios, seed))
    ]
    for held in (merchants, categories):
        assert sum(len(part) for part in held) == len(set[object]().union(*held))


@given(_split_rows(), _ratios())
def test_no_day_of_a_later_part_is_before_one_of_an_earlier_part(
    rows: list[SplitRow], ratios: Ratios
) -> None:
    of = {row.id: row.day for row in rows}
    days = [
        [day for row_id in part if (day := of[row_id])]
        for part in parts_of(divide(rows, "by_time", ratios, 0))
    ]
    for earlier, later in ((0, 1), (1, 2), (0, 2)):
        assert all(a < b for a in days[earlier] for b in days[later])
    assert all(
        of[row_id] is not None for part in parts_of(divide(rows, "by_time", ratios, 0))[1:] for row_id in part
    )


@given(_split_rows(), _ratios(), st.integers(0, 50))
def test_random_parts_have_their_sizes(rows: list[SplitRow], ratios: Ratios, seed: int) -> None:
    result = divide(rows, "random", ratios, seed)
    for part, share in zip(parts_of(result), (ratios.train, ratios.test, ratios.eval), strict=True):
        assert abs(len(part) - share * len(rows)) <= 1


def test_groups_of_many_sizes_come_near_the_ratios() -> None:
    rng = random.Random(3)
    rows = [
        SplitRow(uuid.UUID(int=n), uuid.UUID(int=0), f"m{int(rng.paretovariate(1))}") for n in range(2000)
    ]
    result = divide(rows, "by_merchant", Ratios(0.5, 0.1, 0.4), 0)
    assert all(len(part) > 0 for part in parts_of(result))


def test_rows_of_one_day_stay_together_and_the_last_are_held_out() -> None:
    rows = [SplitRow(uuid.UUID(int=n), uuid.UUID(int=0), day=dt.date(2026, 1, 1 + n // 2)) for n in range(20)]
    result = divide(rows, "by_time", Ratios(0.7, 0.1, 0.2), 0)
    assert [len(part) for part in parts_of(result)] == [14, 2, 4]
    assert [row_id.int for row_id in result.eval] == [16, 17, 18, 19]
