"""What a reranker is trained on: each row with its category and with those that look like it, by seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.engines.encoder import Encoder
from shared.training.rows import TrainRow, Untrainable
from shared.transactions.formats import TextFormat

# The wrong categories of a row are drawn from so many times as many as it needs: others in each epoch, and
# never only those that the miner, which has seen the training rows, happens to find nearest.
POOL = 3


@dataclass(frozen=True)
class Example:
    """One of a category's examples, and the category's text without it: else it would find itself there."""

    text: str
    category_id: str
    category_text: str


@dataclass(frozen=True)
class RankedList:
    """A transaction's text, the text of its category, and the texts of categories that are not its own."""

    query: str
    right: str
    wrong: tuple[str, ...]


def by_similarity(
    encoder: Encoder, rows: Sequence[TrainRow | Example], category_texts: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """For each row the ids of all categories, the most similar text first; equal ones in the order given."""
    ids = list(category_texts)
    if not rows:
        return []
    queries = encoder.encode([row.text for row in rows])
    similarity = queries @ encoder.encode(list(category_texts.values())).T
    return [tuple(ids[index] for index in line) for line in (-similarity).argsort(axis=1, kind="stable")]


def examples_of(categories: Mapping[str, Any], texts: TextFormat) -> tuple[Example, ...]:
    """The examples of a dataset's categories, the name of each as its id, in the order of the names."""
    return tuple(
        Example(
            example,
            about["name"],
            texts.of_category(about["name"], about["description"], [one for one in listed if one != example]),
        )
        for about in sorted(categories.values(), key=lambda about: about["name"])
        for listed in [about["examples"]]
        for example in listed
        if example.strip()
    )


def epoch_lists(
    rows: Sequence[TrainRow | Example],
    category_texts: Mapping[str, str],
    nearest: Sequence[Sequence[str]],
    *,
    negatives_per_row: int,
    seed: int,
    epoch: int,
) -> list[RankedList]:
    """One epoch's lists in the order in which they are learnt; `nearest` as `by_similarity` gives it.

    The wrong categories are drawn from the nearest `POOL` times as many; a category whose text is that of the
    right one is never among them.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    if len({row.category_id for row in rows}) < 2 or any(
        row.category_id not in category_texts for row in rows
    ):
        raise Untrainable
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    lists = []
    for row, near in zip(rows, nearest, strict=True):
        own = category_texts[row.category_id]
        right = row.category_text if isinstance(row, Example) else own
        others = [category_texts[one] for one in near if category_texts[one] != own]
        pool = others[: POOL * negatives_per_row]
        wrong = rng.sample(pool, min(negatives_per_row, len(pool)))
        lists.append(RankedList(row.text, right, tuple(wrong)))
    rng.shuffle(lists)
    return lists
