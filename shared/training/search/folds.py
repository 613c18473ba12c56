"""Cross-validation's folds: who is in which, by contents and seed."""

import hashlib
from collections import Counter
from collections.abc import Sequence


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


def _shuffle(seed: int, *contents: object) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, (seed, *contents))).encode()).digest()
