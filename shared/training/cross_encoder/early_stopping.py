"""Watching a reranker in training: the test rows after each epoch, and the weights worth keeping."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.training.early_stopping import CheckpointKeeper
from shared.training.rows import TrainRow


class RerankerWatch(CheckpointKeeper):
    """Measures a cross-encoder in training by how it orders each test row's candidates.

    `candidates`: the category ids that the first stage finds for each row. A row whose category is not among
    them counts as not found, however the others are ordered.
    """

    def __init__(
        self,
        model: Any,
        rows: Sequence[TrainRow],
        category_texts: Mapping[str, str],
        candidates: Sequence[Sequence[str]],
    ) -> None:
        super().__init__(model)
        self._pairs = [
            (row.text, category_texts[one]) for row, ids in zip(rows, candidates, strict=True) for one in ids
        ]
        self._right = [
            np.array([one == row.category_id for one in ids])
            for row, ids in zip(rows, candidates, strict=True)
        ]

    def _reciprocals(self) -> NDArray[np.float64]:
        """1 / rank of each test row's category among its candidates, 0 where it is not among them."""
        if not self._pairs:
            return np.ones(len(self._right))
        # predict() leaves the model in evaluation mode; the trainer sets it back at each step.
        scores = self._model.predict(self._pairs, batch_size=32, show_progress_bar=False)
        ends = np.cumsum([len(right) for right in self._right])
        return np.array(
            [
                1 / (1 + (part > part[right][0]).sum()) if right.any() else 0.0
                for part, right in zip(np.split(scores, ends[:-1]), self._right, strict=True)
            ]
        )
