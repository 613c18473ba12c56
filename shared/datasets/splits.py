"""Dividing labelled rows into train, test and eval: by seed, whatever order the rows come in."""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from shared.kit.errors import Invalid


class BadRatios(Invalid):
    """Ratios are not negative and add up to 1, and train has a share."""

    code = "bad-ratios"


@dataclass(frozen=True)
class Ratios:
    """Shares of the rows: train is learnt from, test is watched while training, eval is what is reported."""

    train: float = 0.7
    test: float = 0.1
    eval: float = 0.2

    def __post_init__(self) -> None:
        shares = (self.train, self.test, self.eval)
        if min(shares) < 0 or self.train == 0 or abs(sum(shares) - 1) > 1e-6:
            raise BadRatios


@dataclass(frozen=True)
class Split:
    """Row ids in ascending order; no id is in two of them."""

    train: tuple[uuid.UUID, ...]
    test: tuple[uuid.UUID, ...]
    eval: tuple[uuid.UUID, ...]


def split(rows: Iterable[tuple[uuid.UUID, uuid.UUID]], ratios: Ratios, seed: int) -> Split:
    """Divide (row id, category id) pairs so that each part has its share of all rows, to within one.

    Stratified: each part has its share of each category's rows, too, to within two. The same rows, ratios and
    seed give the same split in any order of `rows` and on any machine.

    Raises:
        ValueError: a row is listed twice.
    """
    pairs = sorted(rows, key=lambda pair: (_shuffle(seed, pair[1]), _shuffle(seed, pair[0])))
    if len({row_id for row_id, _ in pairs}) != len(pairs):
        raise ValueError("a row is listed twice")
    sizes = _sizes(len(pairs), (ratios.train, ratios.test, ratios.eval))
    parts: tuple[list[uuid.UUID], ...] = ([], [], [])
    for done, (row_id, _) in enumerate(pairs, start=1):
        # To the part furthest behind its share of the rows so far. A category's rows follow one another, so
        # what holds for every stretch of the order holds for every category.
        behind = [size * done / len(pairs) - len(part) for size, part in zip(sizes, parts, strict=True)]
        open_parts = [index for index in range(3) if len(parts[index]) < sizes[index]]
        parts[max(open_parts, key=lambda index: behind[index])].append(row_id)
    return Split(*(tuple(sorted(part)) for part in parts))


def _shuffle(seed: int, value: uuid.UUID) -> bytes:
    """A key that orders ids at random, but by the seed alone."""
    return hashlib.sha256(f"{seed}:{value}".encode()).digest()


def _sizes(total: int, shares: tuple[float, float, float]) -> list[int]:
    """Whole numbers that add up to `total`, each within one of its share (largest remainders)."""
    sizes = [int(total * share + 1e-9) for share in shares]
    order = sorted(range(3), key=lambda index: (sizes[index] - total * shares[index], index))
    for index in order[: total - sum(sizes)]:
        sizes[index] += 1
    return sizes
