"""Means with their 95 % intervals: Wilson's for proportions, the bootstrap's for everything else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Figure:
    """A mean over `n` observations with its 95 % interval; not numbers where `n` is 0."""

    value: float
    low: float
    high: float
    n: int


def figure(values: Sequence[float] | NDArray[np.float64], *, seed: int = 0) -> Figure:
    """The mean of the values with its bootstrap interval. For outcomes of 0 and 1 see `proportion`."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean()) if array.size else float("nan")
    return Figure(mean, *bootstrap_interval(array, seed=seed), array.size)


def proportion(outcomes: Sequence[float] | NDArray[np.float64]) -> Figure:
    """The share of ones among outcomes of 0 and 1, with its Wilson interval.

    The bootstrap would not do: where all outcomes are equal, so are all its samples, and 50 right of 50 would
    seem to be certain.

    Raises:
        ValueError: an outcome is neither 0 nor 1.
    """
    array = np.asarray(outcomes, dtype=np.float64)
    if not np.isin(array, (0, 1)).all():
        raise ValueError("the outcomes of a proportion are 0 and 1")
    share = float(array.mean()) if array.size else float("nan")
    return Figure(share, *wilson_interval(int(array.sum()), array.size), array.size)


def wilson_interval(hits: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson, 1927, doi:10.1080/01621459.1927.10502953).

    Not numbers where `n` is 0.
    """
    if n == 0:
        return float("nan"), float("nan")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # At both ends the exact bound is 0 or 1; rounding must not put the share outside.
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == n else centre + half)


def bootstrap_interval(
    values: Sequence[float] | NDArray[np.float64], *, seed: int = 0, samples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of the mean under resampling (Efron, 1979): the same seed, the same interval.

    Not numbers where there are no values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return float("nan"), float("nan")
    # The mean depends on how often each distinct value is drawn, so draw those counts: no n x samples table.
    distinct, counts = np.unique(array, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(array.size, counts / array.size, size=samples)
    tail = (1 - level) / 2
    low, high = np.quantile(drawn @ distinct / array.size, [tail, 1 - tail])
    return float(low), float(high)
