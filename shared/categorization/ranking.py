"""The retrieval that serving does and evaluation measures: two searches of one collection, then a vote."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.categorization.voting import Ranked, VotingWeights, rank_categories
from shared.engines.vectors import Search, VectorIndex


@dataclass(frozen=True)
class Query:
    """One transaction's vector, shape (d,); its own point, where it has one, never speaks for it."""

    vector: NDArray[np.float32]
    own_row_id: uuid.UUID | None = None


def rank(
    index: VectorIndex,
    collection: str,
    organization_id: uuid.UUID,
    queries: Sequence[Query],
    live: Collection[uuid.UUID],
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
    return [rank_categories(*pair, weights) for pair in zip(texts, history, strict=True)]


def _own(query: Query) -> tuple[uuid.UUID, ...]:
    return () if query.own_row_id is None else (query.own_row_id,)
