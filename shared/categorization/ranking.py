"""The ranking that serving does and evaluation measures: category texts, labelled neighbours, then a vote."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.categorization.habits import Habits
from shared.categorization.voting import (
    RankedCategory,
    VotingWeights,
    favour_departments,
    follow,
    multiply,
    rank_categories,
    weights_for,
)
from shared.engines.vectors import Hit, Search, VectorIndex
from shared.kit.text import fold

EVERYONE = {"all", "all departments"}


@dataclass(frozen=True)
class EncodedTransaction:
    """A transaction as it is ranked: its vector, shape (d,), its text, department and location.

    `precedents`: how many other transactions of its merchant and place each category has. A transaction's own
    point and label (`own_row_id`, `own_category_id`) are left out: it is no evidence for itself.
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
    """A category of the chart: its text, and the departments that use it (folded; empty: all)."""

    text: str
    departments: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, departments: Iterable[str]) -> "Choice":
        """From the chart's own spelling; "All departments" means no restriction."""
        folded = frozenset(filter(None, map(fold, departments)))
        return cls(text, frozenset() if folded & EVERYONE else folded)


@dataclass(frozen=True)
class IndexedChart:
    """An organisation's chart in a collection of the index, among whose categories `rank` chooses.

    `vectors`, shape (n, d): of the points of the categories `category_ids`. A category whose point is not
    written yet has none; points of archived categories are left out.
    """

    index: VectorIndex
    collection: str
    organization_id: uuid.UUID
    choices: Mapping[uuid.UUID, Choice]
    category_ids: Sequence[uuid.UUID]
    vectors: NDArray[np.float32]

    @classmethod
    def read(
        cls,
        index: VectorIndex,
        collection: str,
        organization_id: uuid.UUID,
        choices: Mapping[uuid.UUID, Choice],
    ) -> "IndexedChart":
        """The chart with the vectors that the index has now: one read, however many queries follow.

        Raises:
            IndexUnavailable, CollectionMissing: the index cannot answer.
        """
        row_ids, vectors = index.vectors(collection, organization_id, "category")
        live = [position for position, row_id in enumerate(row_ids) if row_id in choices]
        return cls(index, collection, organization_id, choices, [row_ids[at] for at in live], vectors[live])

    def similarities(self, queries: Sequence[EncodedTransaction]) -> NDArray[np.float32]:
        """The cosine of each query and each category, shape (queries, n).

        Computed in double precision, so that equal texts have equal similarities wherever they stand in the
        matrix, and ties stay ties.
        """
        if not self.category_ids:
            return np.empty((len(queries), 0), dtype=np.float32)
        vectors = np.array([query.vector for query in queries], dtype=np.float64)
        return (vectors @ self.vectors.T.astype(np.float64)).astype(np.float32)


def rank(
    chart: IndexedChart,
    queries: Sequence[EncodedTransaction],
    *,
    habits: Habits | None = None,
    is_tuned: bool = False,
    with_history: bool = True,
) -> list[list[RankedCategory]]:
    """For each query the chart's categories, best first.

    Every category text is compared, because the vote's softmax is over the whole chart; only the labelled
    transactions are searched. Hits of archived categories are dropped. `is_tuned`: whether the model was
    tuned on labels of the organisation, see `weights_for`.
    """
    if not queries or not chart.choices:
        return [[] for _ in queries]
    weights = weights_for(is_tuned=is_tuned)
    history: Sequence[Sequence[Hit]] = [[] for _ in queries]
    if with_history:
        searches = [
            Search(chart.organization_id, "transaction", query.vector, 2 * weights.neighbours, _own(query))
            for query in queries
        ]
        history = chart.index.search(chart.collection, searches)
    return [
        vote(
            [
                Hit(category_id, category_id, float(similarity))
                for category_id, similarity in zip(chart.category_ids, similarities, strict=True)
            ],
            [hit for hit in neighbours if hit.category_id in chart.choices],
            query,
            chart.choices,
            habits if with_history else None,
            weights,
        )
        for query, similarities, neighbours in zip(queries, chart.similarities(queries), history, strict=True)
    ]


def vote(
    by_text: Sequence[Hit],
    by_history: Sequence[Hit],
    query: EncodedTransaction,
    live: Mapping[uuid.UUID, Choice],
    habits: Habits | None,
    weights: VotingWeights,
) -> list[RankedCategory]:
    """Rank by the hits, then by the transaction's department, its location's habits, and its precedents.

    Without `habits` the precedents are left out, too: both are history.
    """
    ranked = rank_categories(by_text, by_history, weights)
    department = fold(query.department)
    if any(department in choice.departments for choice in live.values()):
        departments = {category_id: choice.departments for category_id, choice in live.items()}
        ranked = favour_departments(ranked, department, departments, weights.foreign_department)
    if habits is None:
        return ranked
    if query.location:
        lifts = habits.lifts(query.location, live, weights.habit_prior, query.own_category_id)
        ranked = multiply(
            ranked, {category_id: lift**weights.habit_power for category_id, lift in lifts.items()}
        )
    return follow(ranked, query.precedents, weights.precedent_prior)


def _own(query: EncodedTransaction) -> tuple[uuid.UUID, ...]:
    return () if query.own_row_id is None else (query.own_row_id,)
