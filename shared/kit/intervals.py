"""How sure a mean is: bootstrap intervals, for whoever measures anything."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Figure:
    """A mean over `n` observations with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def figure(values: Sequence[float] | NDArray[np.float64], *, seed: int = 0) -> Figure:
    """The mean of the values with its interval; not numbers where there are none."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean()) if array.size else float("nan")
    return Figure(mean, *bootstrap_interval(array, seed=seed), array.size)


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
