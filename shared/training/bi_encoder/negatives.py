"""Negatives of a pair beyond those of its batch: random ones, or those that the model finds hardest."""

import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shared.training.rows import TrainRow, Untrainable

# So many of the hardest are kept for each row: its batch forbids some of them.
KEPT = 128
_TRIES = 20


@dataclass(frozen=True)
class Pool:
    """Each text that may be a negative, and the categories that it is a text of: more than one at times."""

    texts: tuple[str, ...]
    owners: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> "Pool":
        """The categories' own texts and those of their transactions."""
        owners: dict[str, set[str]] = {}
        for category_id, text in category_texts.items():
            owners.setdefault(text, set()).add(category_id)
        for row in rows:
            owners.setdefault(row.text, set()).add(row.category_id)
        return cls(tuple(owners), tuple(map(frozenset, owners.values())))

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each text is."""
        return {text: position for position, text in enumerate(self.texts)}

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        """The positions of each category's texts."""
        found: dict[str, list[int]] = {}
        for position, owners in enumerate(self.owners):
            for category_id in owners:
                found.setdefault(category_id, []).append(position)
        return dict(sorted(found.items()))

    def is_permitted(self, position: int, category_ids: Collection[str], texts: Collection[str]) -> bool:
        """Whether the text is of none of these categories and none of these texts."""
        return self.owners[position].isdisjoint(category_ids) and self.texts[position] not in texts


@dataclass(frozen=True)
class Negatives:
    """Hands out `count` negatives a pair; `hardest` has positions in the pool for each row, hardest first."""

    pool: Pool
    count: int
    hardest: tuple[NDArray[np.int32], ...] = ()

    def draw(
        self, row: int, category_ids: Collection[str], texts: Collection[str], rng: random.Random
    ) -> tuple[str, ...]:
        """The hardest permitted ones of the row, where there are too few random ones.

        None is a text of one of `category_ids` or one of `texts`: those of the row's whole batch, where each
        negative is one for all its anchors.

        Raises:
            Untrainable: every text is one of these categories too.
        """
        hardest = self.hardest[row].tolist() if self.hardest else []
        found: dict[int, None] = {}
        for position in itertools.chain(hardest, self._random(category_ids, rng)):
            if self.pool.is_permitted(position, category_ids, texts):
                found[position] = None
            if len(found) == self.count:
                break
        if not found:
            raise Untrainable("Negatives need texts that are not those of other categories too.")
        chosen = itertools.islice(itertools.cycle(found), self.count)
        return tuple(self.pool.texts[position] for position in chosen)

    def _random(self, category_ids: Collection[str], rng: random.Random) -> Iterator[int]:
        """Of a random other category a random text, a few times; then every text from a random one on."""
        by_category = self.pool.by_category
        others = [one for one in by_category if one not in category_ids]
        for _ in range(_TRIES * self.count if others else 0):
            yield rng.choice(by_category[rng.choice(others)])
        total, start = len(self.pool.texts), rng.randrange(len(self.pool.texts))
        yield from ((start + offset) % total for offset in range(total))


def hardest(
    similarity: NDArray[np.float32], rows: Sequence[TrainRow], pool: Pool, *, margin: float, each: int
) -> list[NDArray[np.int32]]:
    """For each row the positions of texts of other categories that are most similar to it, hardest first.

    `similarity` (rows, pool) is by the model that shall learn. A text that is not at least `margin` less
    similar than the nearest positive (the category's text or another transaction of it) is kept out: it is
    probably right as well. Of each category at most `each`, so that one alone does not fill the list.
    """
    allowed = similarity.astype(np.float32, copy=True)
    allowed[np.arange(len(rows)), [pool.positions[row.text] for row in rows]] = -np.inf  # itself
    for category_id in {row.category_id for row in rows}:
        its = np.flatnonzero([row.category_id == category_id for row in rows])
        own = np.array(pool.by_category[category_id])
        nearest = allowed[np.ix_(its, own)].max(axis=1)
        nearest[np.isneginf(nearest)] = 1  # there is nothing but the text itself
        part = allowed[its]
        part[part > nearest[:, None] - margin] = -np.inf
        part[:, own] = -np.inf
        allowed[its] = part
    tops = []
    for positions in map(np.array, pool.by_category.values()):
        order = np.argsort(-allowed[:, positions], axis=1, kind="stable")
        tops.append(positions[order[:, :each]])
    candidates = np.concatenate(tops, axis=1)
    values = np.take_along_axis(allowed, candidates, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return [
        positions[ranked][np.isfinite(value[ranked])][:KEPT].astype(np.int32)
        for positions, value, ranked in zip(candidates, values, order, strict=True)
    ]
