"""Divides labelled rows into train, test and eval, by seed and independent of their order."""

import datetime as dt
import uuid
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.kit.errors import Invalid
from shared.kit.seeded import sort_key

SPLITS = ("train", "test", "eval")

Strategy = Literal["random", "stratified", "by_merchant", "by_time", "by_category", "by_department"]


class BadRatios(Invalid):
    code = "bad-ratios"
    message = "Ratios are not negative and add up to 1, and train has a share."


@dataclass(frozen=True)
class Ratios:
    """Shares of the rows: train to learn from, test to watch while training, eval to report."""

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


@dataclass(frozen=True)
class SplitRow:
    """What a row is divided by; `merchant` and `department` are compared as they are, so give them folded."""

    id: uuid.UUID
    category: uuid.UUID
    merchant: str = ""
    day: dt.date | None = None
    department: str = ""


def divide(rows: Sequence[SplitRow], strategy: Strategy, ratios: Ratios, seed: int) -> Split:
    """Divide rows so that the evaluation answers the strategy's question.

    - `random`: how good is it on more of the same? Sizes are those of the ratios to within one.
    - `stratified`: the same, with each category's rows shared out, too (see `split`).
    - `by_merchant`: at merchants it has not seen? All rows of a merchant are in one part.
    - `by_department`: at departments it has not seen? All rows of a department are in one part.
    - `by_category`: at categories it has not seen? All rows of a category are in one part.
    - `by_time`: on later ones? No day of test is before one of train, none of eval before one of test; a day
      is never cut. Rows without a day are in train, where they can tell nothing of the future.

    Parts made of whole groups have the ratios' sizes only as nearly as the groups allow.

    Raises:
        ValueError: a row is listed twice.
    """
    if strategy == "stratified":
        return split([(row.id, row.category) for row in rows], ratios, seed)
    if len({row.id for row in rows}) != len(rows):
        raise ValueError("a row is listed twice")
    if strategy == "by_time":
        return _by_time(rows, ratios)
    key: Callable[[SplitRow], Hashable] = {
        "random": lambda row: row.id,
        "by_merchant": lambda row: row.merchant,
        "by_category": lambda row: row.category,
        "by_department": lambda row: row.department,
    }[strategy]
    return _by_group(rows, key, ratios, seed)


def split(rows: Iterable[tuple[uuid.UUID, uuid.UUID]], ratios: Ratios, seed: int) -> Split:
    """Divide (row id, category id) pairs so that each part has its share of all rows, to within one.

    Stratified: each part has its share of each category's rows, too, to within two. The same rows, ratios and
    seed give the same split in any order of `rows` and on any machine.

    Raises:
        ValueError: a row is listed twice.
    """
    pairs = sorted(rows, key=lambda pair: (sort_key(seed, pair[1]), sort_key(seed, pair[0])))
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


def _by_group(
    rows: Sequence[SplitRow], key: Callable[[SplitRow], Hashable], ratios: Ratios, seed: int
) -> Split:
    groups: dict[Hashable, list[uuid.UUID]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row.id)
    sizes = _sizes(len(rows), (ratios.train, ratios.test, ratios.eval))
    parts: tuple[list[uuid.UUID], ...] = ([], [], [])
    # In an order made by the seed, each to the part that misses most of its share.
    for name in sorted(groups, key=lambda name: sort_key(seed, name)):
        behind = [
            (size - len(part)) / size if size else -1.0 for size, part in zip(sizes, parts, strict=True)
        ]
        parts[max(range(3), key=lambda index: behind[index])].extend(groups[name])
    return Split(*(tuple(sorted(part)) for part in parts))


def _by_time(rows: Sequence[SplitRow], ratios: Ratios) -> Split:
    days: dict[dt.date, list[uuid.UUID]] = {}
    for row in rows:
        if row.day is not None:
            days.setdefault(row.day, []).append(row.id)
    parts: tuple[list[uuid.UUID], ...] = ([row.id for row in rows if row.day is None], [], [])
    ends = (ratios.train * len(rows), (ratios.train + ratios.test) * len(rows))
    done = len(parts[0])
    for day in sorted(days):
        middle = done + len(days[day]) / 2  # a day goes where most of it belongs
        parts[(middle > ends[0] + 1e-9) + (middle > ends[1] + 1e-9)].extend(days[day])
        done += len(days[day])
    return Split(*(tuple(sorted(part)) for part in parts))


def _sizes(total: int, shares: tuple[float, float, float]) -> list[int]:
    """Whole numbers that add up to `total`, each within one of its share (largest remainders)."""
    sizes = [int(total * share + 1e-9) for share in shares]
    order = sorted(range(3), key=lambda index: (sizes[index] - total * shares[index], index))
    for index in order[: total - sum(sizes)]:
        sizes[index] += 1
    return sizes
