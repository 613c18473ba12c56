"""Watching a training: the test rows after each epoch, and the weights worth keeping."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.training.rows import TrainRow


@dataclass(frozen=True)
class EpochMetrics:
    """Of the test rows after an epoch (0: the base model), by category text alone; NaN without test rows.

    `reciprocals`: 1 / rank of each row, in their order.
    """

    epoch: int
    recall_at_1: float
    mrr: float
    reciprocals: tuple[float, ...] = field(default=(), repr=False)


def is_worse(reciprocals: NDArray[np.float64], best: NDArray[np.float64]) -> bool:
    """Whether an epoch is worse than the best one by more than luck: 5 %, one-sided, normal approximation.

    Both hold the reciprocal ranks of the same test rows, so their differences are paired. In doubt the later
    epoch is taken: the highest figure of a few dozen rows is mostly luck, and weights settle as the learning
    rate falls.
    """
    if len(best) < 2:
        return False
    behind = best - reciprocals
    return bool(behind.mean() > 1.645 * behind.std(ddof=1) / math.sqrt(len(behind)))


class CheckpointKeeper:
    """Measures a model in training and keeps a copy of the weights worth keeping in main memory."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._best: NDArray[np.float64] | None = None
        self._weights: dict[str, Any] = {}
        self.epochs: list[EpochMetrics] = []
        self.kept_epoch = 0

    def measure(self, epoch: int) -> None:
        """Measure after an epoch, and keep the weights of a trained one unless it `is_worse`."""
        reciprocals = self._reciprocals()
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
        """Put the kept epoch's weights back into the model."""
        self._model.load_state_dict(self._weights)

    def _reciprocals(self) -> NDArray[np.float64]:
        """1 / rank of each test row's category."""
        raise NotImplementedError


class Watch(CheckpointKeeper):
    """Measures a bi-encoder by how it orders all categories for each test row."""

    def __init__(self, model: Any, rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> None:
        super().__init__(model)
        self._ids = sorted(category_texts)
        self._texts = [category_texts[category_id] for category_id in self._ids]
        self._queries = [row.text for row in rows]
        self._right = np.array([self._ids.index(row.category_id) for row in rows], dtype=np.intp)

    def _reciprocals(self) -> NDArray[np.float64]:
        """1 / rank of each test row's category among all category texts."""
        if not self._queries:
            return np.ones(0)
        similarity = self._encode(self._queries) @ self._encode(self._texts).T
        right = similarity[np.arange(len(self._right)), self._right]
        ranks = (similarity > right[:, None]).sum(axis=1) + 1
        return np.asarray(1 / ranks, dtype=np.float64)

    def _encode(self, texts: list[str]) -> Any:
        # encode() leaves the model in evaluation mode; the trainer sets it back at each step.
        return self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


def callback(watch: CheckpointKeeper, on_step: Callable[[float, int, int, float], None]) -> Any:
    """A trainer callback: `on_step(epoch, step, total steps, loss)` each step, `watch.measure` each epoch."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002  # fixed names
            logs = kwargs.get("logs") or {}
            if "loss" in logs:  # the last call of a training brings a summary without it
                on_step(float(state.epoch), state.global_step, state.max_steps, float(logs["loss"]))

        def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002  # fixed names
            watch.measure(round(state.epoch))

    return Watcher()
