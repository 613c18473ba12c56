"""The retrieval that serving does and evaluation measures: two searches of one collection, then a vote."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.categorization.habits import Habits, fold
from shared.categorization.voting import (
    Ranked,
    VotingWeights,
    favour_departments,
    follow,
    multiply,
    rank_categories,
    weights_for,
)
from shared.engines.vectors import Hit, Search, VectorIndex

EVERYONE = {"all", "all departments"}


@dataclass(frozen=True)
class Query:
    """One transaction: its vector, shape (d,), its text, its department and its location.

    `precedents`: how many others at its merchant and place each category has. Its own point, where it has
    one, never speaks for it, nor does the category that it is labelled with.
    """

    vector: NDArray[np.float32]
    text: str = ""
    department: str | None = None
    location: str | None = None
    own_row_id: uuid.UUID | None = None
    own_category_id: uuid.UUID | None = None
    precedents: Mapping[uuid.UUID, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """A category that may be chosen: its text, and the departments that use it, folded; empty: any."""

    text: str
    departments: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, departments: Iterable[str]) -> "Choice":
        """From the chart's own spelling; "All departments" is as good as none."""
        folded = frozenset(filter(None, map(fold, departments)))
        return cls(text, frozenset() if folded & EVERYONE else folded)


def rank(
    index: VectorIndex,
    collection: str,
    organization_id: uuid.UUID,
    queries: Sequence[Query],
    live: Mapping[uuid.UUID, Choice],
    *,
    habits: Habits | None = None,
    is_tuned: bool = False,
    with_history: bool = True,
) -> list[list[Ranked]]:
    """For each query the `live` categories that either search finds, best first.

    What the index still holds of archived categories is passed over. `is_tuned`: whether the model behind the
    vectors was tuned on labels of the organisation, see `weights_for`.
    """
    if not queries or not live:
        return [[] for _ in queries]
    weights = weights_for(is_tuned=is_tuned)
    # The vote's softmax is over all categories; one that was archived a moment ago may still take a place.
    searches = [Search(organization_id, "category", query.vector, len(live) + 8) for query in queries]
    if with_history:
        limit = 2 * weights.neighbours
        searches += [
            Search(organization_id, "transaction", query.vector, limit, _own(query)) for query in queries
        ]
    found = [[hit for hit in hits if hit.category_id in live] for hits in index.search(collection, searches)]
    texts, history = found[: len(queries)], found[len(queries) :] or [[] for _ in queries]
    return [
        vote(by_text, by_history, query, live, habits if with_history else None, weights)
        for query, by_text, by_history in zip(queries, texts, history, strict=True)
    ]


def vote(
    by_text: Sequence[Hit],
    by_history: Sequence[Hit],
    query: Query,
    live: Mapping[uuid.UUID, Choice],
    habits: Habits | None,
    weights: VotingWeights,
) -> list[Ranked]:
    """The vote of the hits, then what the chart says of the transaction's department and the habits of its
    location, then what was decided before at its merchant and place.

    Without `habits` the precedents are not heard either: both are history.
    """
    ranked = rank_categories(by_text, by_history, weights)
    department = fold(query.department)
    departments = {category_id: choice.departments for category_id, choice in live.items()}
    if department in frozenset[str]().union(*departments.values()):
        ranked = favour_departments(ranked, department, departments, weights.foreign_department)
    if habits is None:
        return ranked
    if query.location:
        lifts = habits.lifts(query.location, live, weights.habit_prior, query.own_category_id)
        ranked = multiply(ranked, {one: lift**weights.habit_power for one, lift in lifts.items()})
    return follow(ranked, query.precedents, weights.precedent_prior)


def _own(query: Query) -> tuple[uuid.UUID, ...]:
    return () if query.own_row_id is None else (query.own_row_id,)
