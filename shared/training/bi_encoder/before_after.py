"""A model before its training and after it, on the same test rows: what its card tells."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.kit.intervals import figure

_Values = NDArray[np.float64]

# Of each row, given its reciprocal rank.
_MEASURES: dict[str, Callable[[_Values], _Values]] = {
    "recall_at_1": lambda reciprocals: (reciprocals == 1).astype(np.float64),
    "recall_at_5": lambda reciprocals: (reciprocals >= 1 / 5).astype(np.float64),
    "mrr": lambda reciprocals: reciprocals,
}


def compare(before: Sequence[float], after: Sequence[float]) -> dict[str, Any] | None:
    """Figures of both and of the differences row by row, given each row's reciprocal rank; None without rows.

    {"n", "before", "after", "difference": {"recall_at_1", "recall_at_5", "mrr"}, "improved", "regressed",
    "unchanged"}, each figure {"value", "low", "high", "n"} with a 95 % bootstrap interval. The intervals of
    the differences are of paired values: they are narrower than those of the sides make one think.
    """
    if not len(before):
        return None
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    return {
        "n": old.size,
        "before": {name: asdict(figure(of(old))) for name, of in _MEASURES.items()},
        "after": {name: asdict(figure(of(new))) for name, of in _MEASURES.items()},
        "difference": {name: asdict(figure(of(new) - of(old))) for name, of in _MEASURES.items()},
        "improved": int((new > old).sum()),
        "regressed": int((new < old).sum()),
        "unchanged": int((new == old).sum()),
    }
