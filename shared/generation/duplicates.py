"""Finds duplicates and near-duplicates: by text first, then by the active model's vectors.

Thresholds, measured by `python -m benchmarks.near_duplicates` on 1,920 rows of the bundled sample; "same" is
a row with one careless change, "different" rows of the same merchant (text), or the nearest of all rows
(cosine), that belong to different categories:

    token_sort_ratio  same refused  different refused      cosine  same refused  different refused
                  85         0.997              0.020        0.92         0.930              0.102
                  90         0.984              0.005        0.95         0.814              0.040
                  92         0.968              0.003        0.97         0.652              0.012
                  96         0.841              0.001        0.99         0.384              0.000

Hard rows are alike on purpose, so what is different should stay: 92 and 0.97. token_set_ratio would refuse
a row for holding another's words (0.016 of the different at 92), and a plain ratio misses another order.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from shared.kit.text import fold

TEXT_THRESHOLD = 92
COSINE_THRESHOLD = 0.97


class KnownTexts:
    """Texts in blocks, only those of one block compared: a merchant's transactions, a category's names."""

    def __init__(self) -> None:
        self._blocks: dict[str, dict[str, None]] = {}

    def add(self, block: str, text: str) -> None:
        """Remember a text."""
        self._blocks.setdefault(block, {})[fold(text)] = None

    def find(self, block: str, text: str) -> str | None:
        """'duplicate' or 'near-duplicate', where a text of the block is equal or nearly so."""
        known, folded = self._blocks.get(block), fold(text)
        if not known:
            return None
        if folded in known:
            return "duplicate"
        alike = process.extractOne(
            folded, known.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=TEXT_THRESHOLD
        )
        return None if alike is None else "near-duplicate"


class KnownVectors:
    """Unit vectors of what was made so far, of d dimensions, growing by doubling."""

    def __init__(self, dimension: int) -> None:
        self._rows: NDArray[np.float32] = np.empty((256, dimension), dtype=np.float32)
        self._count = 0

    def add(self, vectors: Iterable[NDArray[np.float32]]) -> None:
        """Remember vectors of shape (d,)."""
        for vector in vectors:
            if self._count == len(self._rows):
                self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._rows[self._count] = vector
            self._count += 1

    def has_near(self, vector: NDArray[np.float32]) -> bool:
        """Whether one of them has a cosine of at least the threshold."""
        return bool(self._count) and float((self._rows[: self._count] @ vector).max()) >= COSINE_THRESHOLD
