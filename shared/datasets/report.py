"""What a dataset is like, so that nobody trusts a figure that its rows cannot carry. Pure."""

import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.datasets.tables import SPLITS

THIN = 5  # a category with fewer training rows is learnt from little more than its name
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ReportRow:
    """A row of a dataset: its split, its category's id, the text that is encoded."""

    split: str
    category_id: uuid.UUID
    text: str


def without_duplicates(
    split_of: Mapping[uuid.UUID, str], digest_of: Mapping[uuid.UUID, str]
) -> set[uuid.UUID]:
    """The rows to leave out so that no content is in two splits: a copy stays in the earliest split only.

    Copies within one split stay: they are what the organisation's transactions are like.
    """
    first: dict[str, int] = {}
    for row_id, name in split_of.items():
        order = SPLITS.index(name)
        first[digest_of[row_id]] = min(order, first.get(digest_of[row_id], order))
    return {row_id for row_id, name in split_of.items() if SPLITS.index(name) > first[digest_of[row_id]]}


def names_its_label(text: str, category_name: str) -> bool:
    """Whether all words of the category's name (three letters or more) are words of the text."""
    wanted = {word for word in _words(category_name) if len(word) >= 3}
    return bool(wanted) and wanted <= set(_words(text))


def describe(rows: Sequence[ReportRow], names: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """Counts by split and category, rows whose text gives the label away, categories that lack rows.

    `names` has every category of the dataset by id, with rows or without.
    """
    counts: dict[uuid.UUID, Counter[str]] = {category_id: Counter() for category_id in names}
    leaks: Counter[str] = Counter()
    for row in rows:
        counts[row.category_id][row.split] += 1
        leaks[row.split] += names_its_label(row.text, names[row.category_id])
    totals = Counter(row.split for row in rows)
    order = sorted(names, key=lambda category_id: (names[category_id], str(category_id)))
    return {
        "categories": [
            {
                "id": str(category_id),
                "name": names[category_id],
                **{s: counts[category_id][s] for s in SPLITS},
            }
            for category_id in order
        ],
        "leakage": {
            name: {"rows": leaks[name], "share": leaks[name] / totals[name] if totals[name] else None}
            for name in SPLITS
        },
        "thin": [
            {"id": str(category_id), "name": names[category_id], "train": counts[category_id]["train"]}
            for category_id in order
            if counts[category_id].total() and counts[category_id]["train"] < THIN
        ],
        "without_rows": [
            {"id": str(category_id), "name": names[category_id]}
            for category_id in order
            if not counts[category_id].total()
        ],
        "parity": None,  # a job of its own measures it: POST /v1/datasets/{id}/check
    }


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
