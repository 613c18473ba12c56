"""What a dataset is like, so that nobody trusts a measure that its rows cannot carry. Pure."""

import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from shared.datasets.splits import SPLITS
from shared.kit.measures import RetrievalMeasures
from shared.kit.pydantic_json import JSONModel

THIN = 5  # a category with fewer training rows is learnt from little more than its name
_WORD = re.compile(r"[^\W_]+")


class CategoryCounts(JSONModel):
    """How many rows a category has in each split."""

    id: uuid.UUID
    name: str
    train: int
    test: int
    eval: int


class Leakage(JSONModel):
    """Rows whose text has all the words of their category's name."""

    rows: int
    share: float | None = Field(description="Of the split's rows; null: it has none.")


class ThinCategory(JSONModel):
    """A category with too few rows to learn from."""

    id: uuid.UUID
    name: str
    train: int


class EmptyCategory(JSONModel):
    """A category without rows."""

    id: uuid.UUID
    name: str


class SplitDifference(JSONModel):
    """Whether two splits differ by more than chance, by a permutation test."""

    splits: tuple[str, str]
    p: float
    differs: bool


class SplitParity(JSONModel):
    """How hard the splits are for the base model."""

    model: str
    splits: dict[str, RetrievalMeasures] = Field(description="Measures by split.")
    differences: tuple[SplitDifference, ...]
    is_even: bool = Field(description="No two splits differ by more than chance.")


class DatasetReport(JSONModel):
    """Counts and warnings of a dataset."""

    categories: tuple[CategoryCounts, ...] = Field(default=(), description="By name.")
    leakage: dict[str, Leakage] = Field(
        default_factory=dict, description="By split: texts that give their label away."
    )
    thin: tuple[ThinCategory, ...] = Field(
        default=(), description="Categories with rows, but fewer than 5 to train on."
    )
    without_rows: tuple[EmptyCategory, ...] = ()
    duplicates_removed: dict[str, int] = Field(
        default_factory=dict, description="By split: rows that were left out as copies of an earlier split's."
    )
    undated: int = Field(default=0, description="Rows without a day.")
    parity: SplitParity | None = Field(
        default=None, description="Null until POST /v1/datasets/{id}/check has compared the splits."
    )


class DatasetResult(JSONModel):
    """The result of a job of kind `freeze_dataset`."""

    dataset_id: uuid.UUID
    counts: dict[str, int] = Field(description="Rows by split.")


class CheckDatasetResult(JSONModel):
    """The result of a job of kind `check_dataset`."""

    dataset_id: uuid.UUID
    parity: SplitParity


@dataclass(frozen=True)
class ReportRow:
    """A row of a dataset: its split, its category's id, the text that is encoded."""

    split: str
    category_id: uuid.UUID
    text: str


def find_duplicates(split_of: Mapping[uuid.UUID, str], digest_of: Mapping[uuid.UUID, str]) -> set[uuid.UUID]:
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
    name_words = {word for word in _words(category_name) if len(word) >= 3}
    return bool(name_words) and name_words <= set(_words(text))


def describe(
    rows: Sequence[ReportRow],
    names: Mapping[uuid.UUID, str],
    *,
    duplicates_removed: Mapping[str, int],
    undated: int,
) -> DatasetReport:
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
    return DatasetReport(
        categories=tuple(
            CategoryCounts(
                id=category_id,
                name=names[category_id],
                train=counts[category_id]["train"],
                test=counts[category_id]["test"],
                eval=counts[category_id]["eval"],
            )
            for category_id in order
        ),
        leakage={
            name: Leakage(rows=leaks[name], share=leaks[name] / totals[name] if totals[name] else None)
            for name in SPLITS
        },
        thin=tuple(
            ThinCategory(id=category_id, name=names[category_id], train=counts[category_id]["train"])
            for category_id in order
            if counts[category_id].total() and counts[category_id]["train"] < THIN
        ),
        without_rows=tuple(
            EmptyCategory(id=category_id, name=names[category_id])
            for category_id in order
            if not counts[category_id].total()
        ),
        duplicates_removed={name: duplicates_removed.get(name, 0) for name in SPLITS},
        undated=undated,
        parity=None,  # a job of its own measures it: POST /v1/datasets/{id}/check
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
