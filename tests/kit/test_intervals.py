"""Intervals, against plain resampling and the textbook."""

import math

import numpy as np
import pytest

from shared.kit.intervals import bootstrap_interval, figure


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
    found = figure([0, 1, 1, 1])
    assert (found.value, found.n) == (0.75, 4)
    assert (found.low, found.high) == bootstrap_interval([0, 1, 1, 1])
    assert math.isnan(figure([]).low)
