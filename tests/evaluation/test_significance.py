"""Paired differences: against scipy's tests, against plain resampling, and what is listed first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.evaluation.significance import changes, differences, regressions_first, sign_flip_p

_ranks = st.none() | st.integers(1, 12)


def test_p_is_that_of_all_sign_flips() -> None:
    from scipy.stats import permutation_test

    each = np.array([0.5, 0.5, 1.0, -0.5, 0.25, 1.0, 0.75, -0.25, 0.5, 1.0])
    exact = permutation_test(
        (each,), np.mean, permutation_type="samples", alternative="two-sided", n_resamples=np.inf
    ).pvalue
    assert sign_flip_p(each) == pytest.approx(exact, abs=0.01)


def test_chance_alone_gives_every_p_as_often() -> None:
    rng = np.random.default_rng(1)
    p_values = [sign_flip_p(rng.choice([-1.0, -0.5, 0, 0.5, 1.0], size=80), rounds=400) for _ in range(300)]
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.09
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.08)


def test_p_is_never_0_and_1_where_nothing_differs() -> None:
    assert sign_flip_p(np.ones(200)) == pytest.approx(1 / 10_001)
    assert sign_flip_p(np.zeros(5)) == 1
    assert sign_flip_p(np.array([])) == 1


def test_pairs_tell_what_two_intervals_alone_do_not() -> None:
    # Ten of 400 rows became right and none wrong: both intervals overlap widely, the difference is real.
    baseline = [1] * 200 + [2] * 200
    candidate = [1] * 210 + [2] * 190
    first = differences(baseline, candidate)[0]
    assert (first.metric, first.k) == ("recall", 1)
    assert (first.baseline, first.candidate) == (0.5, 0.525)
    assert first.difference == pytest.approx(0.025)
    assert 0 < first.low < first.difference < first.high
    assert first.p < 0.01
    again = differences(baseline, candidate)[0]
    assert again == first


def test_the_interval_is_that_of_resampling_rows_together() -> None:
    rng = np.random.default_rng(2)
    baseline = [int(rank) for rank in rng.integers(1, 5, size=90)]
    candidate = [max(1, rank - int(rng.integers(0, 2))) for rank in baseline]
    each = 1 / np.array(candidate) - 1 / np.array(baseline)
    means = rng.choice(each, size=(20_000, each.size)).mean(axis=1)
    [difference] = [row for row in differences(baseline, candidate) if (row.metric, row.k) == ("mrr", 10)]
    np.testing.assert_allclose(
        (difference.low, difference.high), np.quantile(means, [0.025, 0.975]), atol=0.006
    )


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(_ranks, _ranks), min_size=1, max_size=20))
def test_the_other_way_round_is_the_other_sign(pairs: list[tuple[int | None, int | None]]) -> None:
    before, after = [left for left, _ in pairs], [right for _, right in pairs]
    forth, back = differences(before, after), differences(after, before)
    for forward, other in zip(forth, back, strict=True):
        assert forward.difference == pytest.approx(-other.difference)
        assert forward.p == other.p
        assert forward.candidate - forward.baseline == pytest.approx(forward.difference)
    assert changes(before, after) == [-change for change in changes(after, before)]


def test_regressions_come_first_and_the_worst_of_them() -> None:
    baseline: list[int | None] = [1, 3, 1, 2, None, 8]
    candidate: list[int | None] = [2, 3, None, 1, 1, 9]
    assert regressions_first(changes(baseline, candidate)) == [2, 0, 5, 4, 3]


def test_unequal_rows_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="paired"):
        differences([1], [1, 2])
    with pytest.raises(ValueError, match="paired"):
        differences([], [])
