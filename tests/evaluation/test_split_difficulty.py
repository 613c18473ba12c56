"""Whether splits are equally hard, and no alarm where they differ by chance."""

import random

from hypothesis import given
from hypothesis import strategies as st

from shared.evaluation.split_difficulty import compare, permutation_p


def test_a_split_that_is_harder_is_flagged() -> None:
    rng = random.Random(1)
    easy = [rng.choice([1, 1, 1, 2]) for _ in range(200)]
    hard = [rng.choice([1, 3, 5, 9]) for _ in range(200)]
    parity = compare({"train": easy, "test": easy[:100], "eval": hard}, "base")
    assert not parity.is_even
    assert {difference.splits: difference.differs for difference in parity.differences} == {
        ("train", "test"): False,
        ("train", "eval"): True,
        ("test", "eval"): True,
    }
    assert parity.splits["eval"].recall[1].n == 200


def test_chance_alone_is_seldom_flagged() -> None:
    rng = random.Random(5)
    flagged = 0
    for _ in range(100):
        ranks = [rng.choice([1, 1, 2, 4]) for _ in range(120)]
        flagged += not compare({"train": ranks[:80], "test": ranks[80:], "eval": []}, "base").is_even
    assert flagged <= 12  # 5 in 100 are expected; more than 12 come in 1 of 1,000 runs


def test_a_split_without_rows_says_nothing() -> None:
    parity = compare({"train": [1, 2], "test": [], "eval": [1]}, "base")
    assert parity.splits["test"].recall[1].value is None
    assert [difference.splits for difference in parity.differences] == [("train", "eval")]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_p_is_a_share_and_the_same_for_the_same_rows(a: list[float], b: list[float]) -> None:
    p = permutation_p(a, b, rounds=50)
    assert 0 < p <= 1
    assert p == permutation_p(a, b, rounds=50)
