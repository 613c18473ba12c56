"""The pairs that a bi-encoder is trained on: pure, seeded, and without false negatives in a batch."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.training.bi_encoder.negatives import Negatives
from shared.training.rows import TrainRow, Untrainable


@dataclass(frozen=True)
class Pair:
    """Two texts of one category: a transaction, and the category's own text or another transaction of it.

    `negatives` are texts of other categories; every pair of a training has the same number of them.
    """

    anchor: str
    positive: str
    category_id: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Triplet:
    """A transaction's text, its category's text, and the text of another category."""

    anchor: str
    positive: str
    negative: str


def epoch_batches(
    rows: Sequence[TrainRow],
    category_texts: Mapping[str, str],
    *,
    batch_size: int,
    transaction_share: float,
    seed: int,
    epoch: int,
    negatives: Negatives | None = None,
    is_in_batch: bool = True,
) -> list[list[Pair]]:
    """The batches of one epoch, for a loss that takes the other pairs of a batch as negatives.

    No batch has two pairs of one category, so no negative is in truth a positive. The sizes of the batches
    differ by at most one and are at most `batch_size`. In a share of the pairs (`transaction_share`, 0 to 1)
    the positive is another transaction of the category, where there is one, instead of the category's text.

    A category with more rows than there are batches would leave batches that are small or have nothing to
    contrast. So there are at most twice as many batches as full ones would need, and no batch of that
    category alone; its remaining rows are left out of the epoch, other rows in each epoch.

    With `negatives`, each of which counts against every anchor of the batch, a batch has at most half of the
    categories, so that the others are left to draw from. `is_in_batch` is false for a loss that compares each
    pair with its own negatives only; this limit then does not apply.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    groups = _by_category(rows, category_texts)
    if negatives and is_in_batch:
        batch_size = min(batch_size, max(1, len(category_texts) // 2))
    count = _batch_count(groups, batch_size, may_be_alone=negatives is not None)
    batches = _deal(rows, groups, category_texts, count, transaction_share, rng)
    if negatives is None:
        return [[pair for _, pair in batch] for batch in batches]
    drawing = random.Random(f"{seed}/{epoch}/negatives")  # noqa: S311
    return [_with_negatives(batch, negatives, drawing, is_in_batch=is_in_batch) for batch in batches]


def _deal(
    rows: Sequence[TrainRow],
    groups: Mapping[str, Sequence[int]],
    category_texts: Mapping[str, str],
    count: int,
    transaction_share: float,
    rng: random.Random,
) -> list[list[tuple[int, Pair]]]:
    """`count` shuffled batches of (row position, pair), each with at most one pair of a category."""
    batches: list[list[tuple[int, Pair]]] = [[] for _ in range(count)]
    # Large categories first, each to the emptiest batches, so that the batches end up of equal size.
    for category_id in sorted(groups, key=lambda key: (-len(groups[key]), rng.random())):
        group = _CategoryTexts(rows, groups[category_id])
        emptiest = sorted(batches, key=lambda batch: (len(batch), rng.random()))
        drawn = rng.sample(range(len(group.texts)), min(len(group.texts), len(batches)))
        for position, batch in zip(drawn, emptiest, strict=False):
            others = group.count_others(position)
            is_text = not others or rng.random() >= transaction_share
            positive = (
                category_texts[category_id] if is_text else group.other(position, rng.randrange(others))
            )
            batch.append((group.rows[position], Pair(group.texts[position], positive, category_id)))
    for batch in batches:
        rng.shuffle(batch)
    rng.shuffle(batches)
    return batches


def _with_negatives(
    batch: Sequence[tuple[int, Pair]], negatives: Negatives, rng: random.Random, *, is_in_batch: bool
) -> list[Pair]:
    """The pairs with negatives that are true negatives of every anchor that they are compared with."""
    pairs = []
    for row, pair in batch:
        compared = [other for _, other in batch] if is_in_batch else [pair]
        category_ids = {other.category_id for other in compared}
        texts = {text for other in compared for text in (other.anchor, other.positive)}
        pairs.append(replace(pair, negatives=negatives.draw(row, category_ids, texts, rng)))
    return pairs


class _CategoryTexts:
    """The texts of a category's rows; picks one that differs from a given one without scanning them all."""

    def __init__(self, rows: Sequence[TrainRow], positions: Sequence[int]) -> None:
        self.rows = positions
        self.texts = [rows[position].text for position in positions]
        self._equal: dict[str, list[int]] = {}
        for position, text in enumerate(self.texts):
            self._equal.setdefault(text, []).append(position)

    def count_others(self, position: int) -> int:
        """How many texts differ from the one at this position."""
        return len(self.texts) - len(self._equal[self.texts[position]])

    def other(self, position: int, number: int) -> str:
        """The `number`-th text, from 0, that differs from the one at this position."""
        for equal in self._equal[self.texts[position]]:
            number += equal <= number
        return self.texts[number]


def batch_count(rows: Sequence[TrainRow], category_texts: Mapping[str, str], batch_size: int) -> int:
    """The number of batches that `epoch_batches` makes of these rows without negatives, in every epoch.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    return _batch_count(_by_category(rows, category_texts), batch_size)


def triplets(rows: Sequence[TrainRow], category_texts: Mapping[str, str], *, seed: int) -> list[Triplet]:
    """One triplet for each row, with the text of another category drawn by seed."""
    rng = random.Random(seed)  # noqa: S311  # drawing examples, not secrets
    ids = sorted(category_texts)
    return [
        Triplet(
            row.text,
            category_texts[row.category_id],
            category_texts[rng.choice([other for other in ids if other != row.category_id])],
        )
        for row in rows
    ]


def _by_category(rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        groups.setdefault(row.category_id, []).append(position)
    if len(groups) < 2 or not groups.keys() <= category_texts.keys():
        raise Untrainable
    return groups


def _batch_count(groups: Mapping[str, Sequence[int]], batch_size: int, *, may_be_alone: bool = False) -> int:
    sizes = [len(positions) for positions in groups.values()]
    full = math.ceil(sum(sizes) / min(batch_size, len(groups)))
    count = min(max(full, max(sizes)), 2 * full)
    return count if may_be_alone else min(count, sum(sizes) - max(sizes))
