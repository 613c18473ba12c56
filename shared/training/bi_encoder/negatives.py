"""Negatives of a pair beyond those of its batch: random texts, or those that the model finds hardest."""

import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shared.training.rows import TrainRow, Untrainable

# How many of the hardest are kept for each row; its batch rules some of them out.
KEPT = 128
_TRIES = 20  # random draws per negative before all texts are tried in turn


@dataclass(frozen=True)
class NegativePool:
    """Each text that may be a negative, with the categories it belongs to (sometimes more than one)."""

    texts: tuple[str, ...]
    owners: tuple[frozenset[str], ...]

    @classmethod
    def from_rows(cls, rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> "NegativePool":
        """The category texts and the texts of their transactions."""
        owners: dict[str, set[str]] = {}
        for category_id, text in category_texts.items():
            owners.setdefault(text, set()).add(category_id)
        for row in rows:
            owners.setdefault(row.text, set()).add(row.category_id)
        return cls(tuple(owners), tuple(map(frozenset, owners.values())))

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each text."""
        return {text: position for position, text in enumerate(self.texts)}

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        """The positions of each category's texts."""
        positions: dict[str, list[int]] = {}
        for position, owners in enumerate(self.owners):
            for category_id in owners:
                positions.setdefault(category_id, []).append(position)
        return dict(sorted(positions.items()))

    def is_permitted(self, position: int, category_ids: Collection[str], texts: Collection[str]) -> bool:
        """Whether the text belongs to none of these categories and is none of these texts."""
        return self.owners[position].isdisjoint(category_ids) and self.texts[position] not in texts


@dataclass(frozen=True)
class Negatives:
    """Draws `count` negatives for a pair; `hardest`: for each row, positions in the pool, hardest first."""

    pool: NegativePool
    count: int
    hardest: tuple[NDArray[np.int32], ...] = ()

    def draw(
        self, row: int, category_ids: Collection[str], texts: Collection[str], rng: random.Random
    ) -> tuple[str, ...]:
        """The hardest permitted negatives of the row, filled up with random ones.

        `category_ids` and `texts` are those of the row's whole batch, since each negative counts against all
        anchors of the batch; no negative belongs to one of these categories or is one of these texts.

        Raises:
            Untrainable: every text belongs to one of these categories.
        """
        hardest = self.hardest[row].tolist() if self.hardest else []
        drawn: dict[int, None] = {}  # an ordered set
        for position in itertools.chain(hardest, self._random_positions(category_ids, rng)):
            if self.pool.is_permitted(position, category_ids, texts):
                drawn[position] = None
            if len(drawn) == self.count:
                break
        if not drawn:
            raise Untrainable("Negatives need texts that do not belong to other categories too.")
        chosen = itertools.islice(itertools.cycle(drawn), self.count)
        return tuple(self.pool.texts[position] for position in chosen)

    def _random_positions(self, category_ids: Collection[str], rng: random.Random) -> Iterator[int]:
        """A few times a random text of a random other category; then every text, from a random one on."""
        by_category = self.pool.by_category
        others = [category_id for category_id in by_category if category_id not in category_ids]
        for _ in range(_TRIES * self.count if others else 0):
            yield rng.choice(by_category[rng.choice(others)])
        total, start = len(self.pool.texts), rng.randrange(len(self.pool.texts))
        yield from ((start + offset) % total for offset in range(total))


def hardest(
    similarity: NDArray[np.float32],
    rows: Sequence[TrainRow],
    pool: NegativePool,
    *,
    margin: float,
    per_category: int,
) -> list[NDArray[np.int32]]:
    """For each row the positions of the most similar texts of other categories, hardest first.

    `similarity` (rows, pool) is by the model to be trained. A text must be at least `margin` less similar
    than the nearest positive (the category's text or another transaction of it): one that is not is probably
    right as well. There are at most `per_category` of each category, so that no category fills the list.
    """
    allowed = similarity.astype(np.float32, copy=True)
    allowed[np.arange(len(rows)), [pool.positions[row.text] for row in rows]] = -np.inf  # the row's own text
    for category_id in {row.category_id for row in rows}:
        members = np.flatnonzero([row.category_id == category_id for row in rows])
        own_texts = np.array(pool.by_category[category_id])
        nearest = allowed[np.ix_(members, own_texts)].max(axis=1)
        nearest[np.isneginf(nearest)] = 1  # the category has no other text than the row's own
        block = allowed[members]
        block[block > nearest[:, None] - margin] = -np.inf
        block[:, own_texts] = -np.inf
        allowed[members] = block
    tops = []
    for positions in map(np.array, pool.by_category.values()):
        order = np.argsort(-allowed[:, positions], axis=1, kind="stable")
        tops.append(positions[order[:, :per_category]])
    candidates = np.concatenate(tops, axis=1)
    values = np.take_along_axis(allowed, candidates, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return [
        positions[ranked][np.isfinite(value[ranked])][:KEPT].astype(np.int32)
        for positions, value, ranked in zip(candidates, values, order, strict=True)
    ]
