"""The lists that a reranker is trained on: each row with its category and similar wrong ones, by seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.categories.frozen import FrozenCategory
from shared.engines.encoder import Encoder
from shared.training.rows import TrainRow, Untrainable
from shared.transactions.formats import TextFormat

# The wrong categories of a row are drawn from this many times as many as it needs. So they differ between
# epochs, and are not only those that the miner, which was trained on the same rows, ranks highest.
POOL = 3


@dataclass(frozen=True)
class Example:
    """An example of a category, and the category's text without it: else the text would contain the query."""

    text: str
    category_id: str
    category_text: str


@dataclass(frozen=True)
class RankedList:
    """A transaction's text, its category's text, and the texts of wrong categories."""

    query: str
    correct: str
    wrong: tuple[str, ...]


def rank_categories(
    encoder: Encoder, rows: Sequence[TrainRow | Example], category_texts: Mapping[str, str]
) -> list[tuple[str, ...]]:
    """For each row the ids of all categories, the most similar text first; ties in the order given."""
    ids = list(category_texts)
    if not rows:
        return []
    queries = encoder.encode([row.text for row in rows])
    similarity = queries @ encoder.encode(list(category_texts.values())).T
    return [tuple(ids[index] for index in line) for line in (-similarity).argsort(axis=1, kind="stable")]


def examples_of(categories: Mapping[str, FrozenCategory], texts: TextFormat) -> tuple[Example, ...]:
    """The examples of a dataset's categories, by category name; the name serves as the category's id."""
    examples = []
    for category in sorted(categories.values(), key=lambda category: category.name):
        for example in category.examples:
            if example.strip():
                others = [other for other in category.examples if other != example]
                text = texts.of_category(category.name, category.description, others)
                examples.append(Example(example, category.name, text))
    return tuple(examples)


def epoch_lists(
    rows: Sequence[TrainRow | Example],
    category_texts: Mapping[str, str],
    ranked: Sequence[Sequence[str]],
    *,
    negatives_per_row: int,
    seed: int,
    epoch: int,
) -> list[RankedList]:
    """The lists of one epoch, shuffled; `ranked` is the result of `rank_categories`.

    The wrong categories are drawn from the `POOL` times as many that rank highest. A category that has the
    text of the correct one is never among them.

    Raises:
        Untrainable: fewer than two categories, or one without a text.
    """
    if len({row.category_id for row in rows}) < 2 or any(
        row.category_id not in category_texts for row in rows
    ):
        raise Untrainable
    rng = random.Random(f"{seed}/{epoch}")  # noqa: S311  # shuffling, not secrecy
    lists = []
    for row, category_ids in zip(rows, ranked, strict=True):
        own_text = category_texts[row.category_id]
        correct = row.category_text if isinstance(row, Example) else own_text
        other_texts = [category_texts[other] for other in category_ids if category_texts[other] != own_text]
        pool = other_texts[: POOL * negatives_per_row]
        wrong = rng.sample(pool, min(negatives_per_row, len(pool)))
        lists.append(RankedList(row.text, correct, tuple(wrong)))
    rng.shuffle(lists)
    return lists
