"""The metrics of a training on its test rows: after each epoch, and before against after."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.kit.intervals import Figure, figure, proportion

_Values = NDArray[np.float64]

# From the reciprocal rank of each row to the metric's value for that row.
_METRICS: dict[str, Callable[[_Values], _Values]] = {
    "recall_at_1": lambda reciprocals: (reciprocals == 1).astype(np.float64),
    "recall_at_5": lambda reciprocals: (reciprocals >= 1 / 5).astype(np.float64),
    "mrr": lambda reciprocals: reciprocals,
}


@dataclass(frozen=True)
class EpochMetrics:
    """The test rows after an epoch (0: the base model), by category text alone; NaN without test rows.

    `reciprocals`: 1 / rank of each row, in the order of the rows.
    """

    epoch: int
    recall_at_1: float
    mrr: float
    reciprocals: tuple[float, ...] = field(default=(), repr=False)


def epochs_as_json(epochs: Sequence[EpochMetrics]) -> list[dict[str, Any]]:
    """The metrics of each epoch; null where there are no test rows, since JSON has no NaN."""
    return [
        {
            "epoch": epoch.epoch,
            "recall_at_1": None if math.isnan(epoch.recall_at_1) else epoch.recall_at_1,
            "mrr": None if math.isnan(epoch.mrr) else epoch.mrr,
        }
        for epoch in epochs
    ]


def compare(before: Sequence[float], after: Sequence[float]) -> dict[str, Any] | None:
    """Compare two models row by row, given each row's reciprocal rank by either; None without rows.

    {"n", "before", "after", "difference": {"recall_at_1", "recall_at_5", "mrr"}, "improved", "regressed",
    "unchanged"}, each figure {"value", "low", "high", "n"} with a 95 % interval: Wilson's of recall, the
    bootstrap's of MRR and of differences. Differences are of paired values, so their intervals are narrower
    than those of the two sides suggest.
    """
    if not len(before):
        return None
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    return {
        "n": old.size,
        "before": {name: asdict(_figure(name, metric(old))) for name, metric in _METRICS.items()},
        "after": {name: asdict(_figure(name, metric(new))) for name, metric in _METRICS.items()},
        "difference": {name: asdict(figure(metric(new) - metric(old))) for name, metric in _METRICS.items()},
        "improved": int((new > old).sum()),
        "regressed": int((new < old).sum()),
        "unchanged": int((new == old).sum()),
    }


def _figure(metric: str, values: _Values) -> Figure:
    return figure(values) if metric == "mrr" else proportion(values)
