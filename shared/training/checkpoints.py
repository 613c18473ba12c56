"""Which epoch's weights a training keeps, decided by the test rows after each epoch."""

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.training.metrics import EpochMetrics


def is_worse(reciprocals: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether an epoch is significantly worse than the best one: 5 %, one-sided, normal approximation.

    Both hold the reciprocal ranks of the same test rows, so their differences are paired. In doubt the later
    epoch wins: with a few dozen rows the highest score is mostly luck, and weights settle as the learning
    rate falls.
    """
    if len(best) < 2:
        return False
    behind = best - reciprocals
    return bool(behind.mean() > 1.645 * behind.std(ddof=1) / math.sqrt(len(behind)))


class CheckpointSelector(ABC):
    """Measures a model after each epoch and keeps a copy, in main memory, of the weights to save.

    `epochs` has the metrics of each epoch, the base model's (epoch 0) first; `kept_epoch` is the epoch whose
    weights are kept.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._best: NDArray[np.float64] | None = None
        self._weights: dict[str, Any] = {}
        self.epochs: list[EpochMetrics] = []
        self.kept_epoch = 0

    def measure(self, epoch: int) -> None:
        """Measure after an epoch, and keep its weights unless it `is_worse`. Epoch 0 is never kept."""
        reciprocals = self._reciprocal_ranks()
        has_rows = reciprocals.size > 0
        recall = float((reciprocals == 1).mean()) if has_rows else math.nan
        mrr = float(reciprocals.mean()) if has_rows else math.nan
        self.epochs.append(EpochMetrics(epoch, recall, mrr, tuple(map(float, reciprocals))))
        if epoch == 0:
            return
        if self._best is None or not is_worse(reciprocals, self._best):
            self.kept_epoch = epoch
            state = self._model.state_dict()
            self._weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}
        if self._best is None or reciprocals.sum() > self._best.sum():
            self._best = reciprocals

    def restore_kept(self) -> None:
        """Load the kept epoch's weights into the model."""
        self._model.load_state_dict(self._weights)

    @abstractmethod
    def _reciprocal_ranks(self) -> NDArray[np.float64]:
        """1 / rank of each test row's category, 0 where it is not ranked."""
