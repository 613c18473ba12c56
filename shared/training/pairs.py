"""What a bi-encoder is trained on: seeded, pure, and without false negatives in a batch."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.kit.errors import Invalid
from shared.transactions.text import TransactionFields


class Untrainable(Invalid):
    """Training needs labelled transactions of at least two categories, each category with a text."""

    code = "untrainable"


@dataclass(frozen=True)
class TrainRow:
    """A transaction's text and the id of its category; its `fields` where the text may be made anew."""

    text: str
    category_id: str
    fields: TransactionFields | None = None


@dataclass(frozen=True)
class Pair:
    """Two texts of one category: a transaction, and the category's own text or another transaction of it."""

    anchor: str
    positive: str
    category_id: str


@dataclass(frozen=True)
class Triplet:
    """A transaction, its category's text, and the text of a category that is not its own."""

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
) -> list[list[Pair]]:
    """One epoch's batches for a loss that takes the other pairs of a batch as negatives.

    No batch holds two pairs of one category, so no negative is a positive in truth. Batches differ in size
    by at most one and hold at most `batch_size` pairs. With `transaction_share` (0 to 1) of the pairs, the
    positive is another transaction of the category, where there is one, instead of the category's text.

    A category with more rows than there are batches would leave batches small or with nothing to contrast, so
    there are at most twice as many batches as full ones would need, and none of that category alone; what it
    has beyond that is left out of the epoch, drawn anew each time.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    groups = _by_category(rows, category_texts)
    batches: list[list[Pair]] = [[] for _ in range(_batch_count(groups, batch_size))]
    # Large categories first, each to the emptiest batches: the sizes end level.
    for category_id in sorted(groups, key=lambda one: (-len(groups[one]), rng.random())):
        texts = groups[category_id]
        emptiest = sorted(batches, key=lambda batch: (len(batch), rng.random()))
        drawn = rng.sample(range(len(texts)), min(len(texts), len(batches)))
        for position, batch in zip(drawn, emptiest, strict=False):
            others = [text for text in texts if text != texts[position]]
            is_text = not others or rng.random() >= transaction_share
            positive = category_texts[category_id] if is_text else rng.choice(others)
            batch.append(Pair(texts[position], positive, category_id))
    for batch in batches:
        rng.shuffle(batch)
    rng.shuffle(batches)
    return batches


def batch_count(rows: Sequence[TrainRow], category_texts: Mapping[str, str], batch_size: int) -> int:
    """How many batches `epoch_batches` makes of these rows, the same in each epoch."""
    return _batch_count(_by_category(rows, category_texts), batch_size)


def triplets(rows: Sequence[TrainRow], category_texts: Mapping[str, str], *, seed: int) -> list[Triplet]:
    """For each row one triplet, with the text of another category drawn by seed."""
    rng = random.Random(seed)  # noqa: S311  # drawing examples, not secrets
    ids = sorted(category_texts)
    return [
        Triplet(
            row.text,
            category_texts[row.category_id],
            category_texts[rng.choice([one for one in ids if one != row.category_id])],
        )
        for row in rows
    ]


def _by_category(rows: Sequence[TrainRow], category_texts: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row.category_id, []).append(row.text)
    if len(groups) < 2 or not groups.keys() <= category_texts.keys():
        raise Untrainable
    return groups


def _batch_count(groups: Mapping[str, Sequence[str]], batch_size: int) -> int:
    sizes = [len(texts) for texts in groups.values()]
    full = math.ceil(sum(sizes) / min(batch_size, len(groups)))
    return min(max(full, max(sizes)), 2 * full, sum(sizes) - max(sizes))
