"""Cross-validation's two halves that need no training: who is in which fold, and how a fold is ranked."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.categorization.ranking import Choice, fold
from shared.categorization.voting import VotingWeights, favour_departments, rank_categories
from shared.engines.encoder import Encoder
from shared.engines.vectors import Hit
from shared.kit.ids import derived_id

# So many queries at a time: the similarities of all to all would not fit where there are many rows.
QUERIES_AT_ONCE = 512


@dataclass(frozen=True)
class RankRow:
    """A labelled row as serving would see it; `category` is the key of its choice."""

    text: str
    category: str
    department: str | None = None


def assign(rows: Sequence[tuple[str, str]], folds: int, seed: int) -> list[int]:
    """The fold, from 0, of each row, given as (category, contents).

    Sizes differ by at most one, and so do those of each category. By contents and seed alone: the same rows
    in another order, or in another database, are in the same folds. Rows that are alike in both are told
    apart by number, so that any of them may stand for any other.
    """
    seen: Counter[tuple[str, str]] = Counter()
    keys = []
    for row in rows:
        seen[row] += 1
        keys.append((_shuffle(seed, row[0]), _shuffle(seed, *row, seen[row])))
    order = sorted(range(len(rows)), key=keys.__getitem__)
    # A category's rows follow one another, so dealing them out shares out each category.
    fold_of = {position: number % folds for number, position in enumerate(order)}
    return [fold_of[position] for position in range(len(rows))]


def ranks(
    encoder: Encoder, choices: Mapping[str, Choice], known: Sequence[RankRow], asked: Sequence[RankRow]
) -> list[int]:
    """The rank, from 1, of each asked row's category, with the known rows as labelled history.

    As serving ranks, but by exact similarities: the category texts' and the nearest known rows' vote.
    """
    ids = {name: derived_id("category", name) for name in choices}
    rows = [(derived_id("row", number), ids[row.category]) for number, row in enumerate(known)]
    departments = {ids[name]: choice.departments for name, choice in choices.items()}
    texts = encoder.encode([choice.text for choice in choices.values()])
    history = encoder.encode([row.text for row in known])
    weights = VotingWeights()
    found: list[int] = []
    for start in range(0, len(asked), QUERIES_AT_ONCE):
        part = asked[start : start + QUERIES_AT_ONCE]
        queries = encoder.encode([row.text for row in part])
        for row, to_texts, to_rows in zip(part, queries @ texts.T, queries @ history.T, strict=True):
            by_text = [Hit(one, one, float(score)) for one, score in zip(ids.values(), to_texts, strict=True)]
            by_history = [
                Hit(rows[near][0], rows[near][1], float(to_rows[near])) for near in _nearest(to_rows, weights)
            ]
            voted = rank_categories(by_text, by_history, weights)
            ranked = favour_departments(voted, fold(row.department), departments, weights.foreign_department)
            found.append([one.category_id for one in ranked].index(ids[row.category]) + 1)
    return found


def _nearest(similarities: NDArray[np.float32], weights: VotingWeights) -> NDArray[np.intp]:
    return np.argsort(-similarities, kind="stable")[: 2 * weights.neighbours]


def _shuffle(seed: int, *contents: object) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, (seed, *contents))).encode()).digest()
