"""Intervals, against plain resampling and the textbook."""

import math

import numpy as np
import pytest

from shared.kit.intervals import bootstrap_interval, figure, proportion, wilson_interval


def test_the_interval_repeats_and_has_the_textbook_width() -> None:
    values = [1.0] * 120 + [0.0] * 80
    low, high = bootstrap_interval(values, seed=7)
    assert bootstrap_interval(values, seed=7) == (low, high)
    half = 1.96 * math.sqrt(0.6 * 0.4 / 200)
    assert low == pytest.approx(0.6 - half, abs=0.01)
    assert high == pytest.approx(0.6 + half, abs=0.01)
    assert bootstrap_interval(list(reversed(values)), seed=7) == (low, high)


def test_the_interval_is_that_of_plain_resampling() -> None:
    values = np.array([0, 0.2, 0.25, 1 / 3, 0.5, 1, 1, 1])
    draws = np.random.default_rng(1).choice(values, size=(20_000, values.size)).mean(axis=1)
    expected = np.quantile(draws, [0.025, 0.975])
    np.testing.assert_allclose(bootstrap_interval(values, samples=20_000), expected, atol=0.015)


def test_a_figure_has_its_interval_and_no_rows_have_none() -> None:
    interval = figure([0, 1, 1, 1])
    assert (interval.value, interval.n) == (0.75, 4)
    assert (interval.low, interval.high) == bootstrap_interval([0, 1, 1, 1])
    assert math.isnan(figure([]).low)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe, 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (50, 50, 0.9287, 1.0000),  # the bootstrap says 1 to 1
    ],
)
def test_a_proportion_has_the_published_wilson_interval(hits: int, n: int, low: float, high: float) -> None:
    share = proportion([1.0] * hits + [0.0] * (n - hits))
    assert (share.value, share.n) == (hits / n, n)
    assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert share.low <= share.value <= share.high


@pytest.mark.parametrize("n", [1, 2, 7, 50, 1000])
def test_wilson_intervals_mirror_and_hold_their_share(n: int) -> None:
    for hits in range(n + 1):
        low, high = wilson_interval(hits, n)
        assert 0 <= low <= hits / n <= high <= 1
        assert low < high
        assert wilson_interval(n - hits, n) == pytest.approx((1 - high, 1 - low))


def test_a_proportion_is_of_zeros_and_ones() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        proportion([0.0, 0.5])
    assert math.isnan(proportion([]).value)
    assert math.isnan(proportion([]).low)
