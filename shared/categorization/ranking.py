"""The retrieval that serving does and evaluation measures: two searches of one collection, then a vote."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.categorization.voting import Ranked, VotingWeights, favour_departments, rank_categories
from shared.engines.vectors import Search, VectorIndex


@dataclass(frozen=True)
class Query:
    """One transaction: its vector, shape (d,), its text and its department.

    Its own point, where it has one, never speaks for it.
    """

    vector: NDArray[np.float32]
    text: str = ""
    department: str | None = None
    own_row_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Choice:
    """A category that may be chosen: its text, and the departments that use it, folded; empty: any."""

    text: str
    departments: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, departments: Iterable[str]) -> "Choice":
        """From the chart's own spelling."""
        return cls(text, frozenset(filter(None, map(fold, departments))))


def fold(name: str | None) -> str:
    """A department's name as it is compared."""
    return " ".join((name or "").split()).casefold()


def rank(
    index: VectorIndex,
    collection: str,
    organization_id: uuid.UUID,
    queries: Sequence[Query],
    live: Mapping[uuid.UUID, Choice],
    *,
    with_history: bool = True,
) -> list[list[Ranked]]:
    """For each query the `live` categories that either search finds, best first.

    What the index still holds of archived categories is passed over.
    """
    if not queries or not live:
        return [[] for _ in queries]
    weights = VotingWeights()
    # The vote's softmax is over all categories; one that was archived a moment ago may still take a place.
    searches = [Search(organization_id, "category", query.vector, len(live) + 8) for query in queries]
    if with_history:
        limit = 2 * weights.neighbours
        searches += [
            Search(organization_id, "transaction", query.vector, limit, _own(query)) for query in queries
        ]
    found = [[hit for hit in hits if hit.category_id in live] for hits in index.search(collection, searches)]
    texts, history = found[: len(queries)], found[len(queries) :] or [[] for _ in queries]
    departments = {category_id: choice.departments for category_id, choice in live.items()}
    return [
        favour_departments(
            rank_categories(by_text, by_history, weights),
            fold(query.department),
            departments,
            weights.foreign_department,
        )
        for query, by_text, by_history in zip(queries, texts, history, strict=True)
    ]


def _own(query: Query) -> tuple[uuid.UUID, ...]:
    return () if query.own_row_id is None else (query.own_row_id,)
