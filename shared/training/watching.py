"""Watching a training: the test rows after each epoch, and the weights of the best one."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.training.pairs import TrainRow


@dataclass(frozen=True)
class EpochMetrics:
    """Of the test rows after an epoch (0: the base model), by category text alone; NaN without test rows."""

    epoch: int
    recall_at_1: float
    mrr: float


class Watch:
    """Measures a model in training and keeps a copy of its best weights in main memory."""

    def __init__(self, model: Any, rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> None:
        self._model = model
        self._ids = sorted(category_texts)
        self._texts = [category_texts[category_id] for category_id in self._ids]
        self._queries = [row.text for row in rows]
        self._right = np.array([self._ids.index(row.category_id) for row in rows], dtype=np.intp)
        self._weights: dict[str, Any] = {}
        self.epochs: list[EpochMetrics] = []
        self.best_epoch = 0

    def measure(self, epoch: int) -> None:
        """Measure after an epoch; a trained one that is no worse than all before it becomes the best."""
        recall, mrr = self._figures()
        former = [one.mrr for one in self.epochs if one.epoch > 0 and not math.isnan(one.mrr)]
        self.epochs.append(EpochMetrics(epoch, recall, mrr))
        if epoch > 0 and (math.isnan(mrr) or mrr >= max(former, default=0)):
            self.best_epoch = epoch
            state = self._model.state_dict()
            self._weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in state.items()}

    def restore_best(self) -> None:
        """Put the best epoch's weights back into the model."""
        self._model.load_state_dict(self._weights)

    def _figures(self) -> tuple[float, float]:
        if not self._queries:
            return math.nan, math.nan
        similarity = self._encode(self._queries) @ self._encode(self._texts).T
        right = similarity[np.arange(len(self._right)), self._right]
        ranks = (similarity > right[:, None]).sum(axis=1) + 1
        return float((ranks == 1).mean()), float((1 / ranks).mean())

    def _encode(self, texts: list[str]) -> Any:
        # encode() leaves the model in evaluation mode; the trainer sets it back at each step.
        return self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


def callback(watch: Watch, on_step: Callable[[float, int, int, float], None]) -> Any:
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
