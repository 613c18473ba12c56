"""How hard candidates are for the active model: where it ranks the intended category."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.candidates.service import Difficulty
from shared.categorization.exact import rank_of
from shared.categorization.habits import Habits
from shared.categorization.ranking import Choice, EncodedTransaction, IndexedChart, rank
from shared.categorization.voting import RankedCategory
from shared.engines.encoder import Encoder
from shared.engines.vectors import Search, VectorIndex
from shared.generation.duplicates import COSINE_THRESHOLD
from shared.kit.pydantic_json import JSONModel
from shared.registry.serving import Serving

KS = (1, 3, 5)


@dataclass(frozen=True)
class DifficultyScorer:
    """Ranks as serving does, but without precedents: the label of the transaction that a row imitates would
    give the answer away.
    """

    serving: Serving
    encoder: Encoder
    index: VectorIndex
    live: Mapping[uuid.UUID, Choice]
    habits: Habits

    def check(self) -> None:
        """Fail before any money is spent if the index cannot answer.

        Raises:
            IndexUnavailable, CollectionMissing: it cannot.
        """
        self.are_near_labelled(self.encoder.encode(["probe"]))

    def are_near_labelled(self, vectors: NDArray[np.float32]) -> list[bool]:
        """For each row of the (n, d) vectors whether a labelled transaction is nearly the same."""
        organization_id = self.serving.organization_id
        searches = [Search(organization_id, "transaction", vector, 1) for vector in vectors]
        results = self.index.search(self.serving.collection, searches)
        return [bool(hits) and hits[0].score >= COSINE_THRESHOLD for hits in results]

    def difficulties(
        self, queries: Sequence[EncodedTransaction], intended: Sequence[uuid.UUID], *, with_history: bool
    ) -> list[Difficulty]:
        """How hard each query is, given its intended category."""
        chart = IndexedChart.read(
            self.index, self.serving.collection, self.serving.organization_id, self.live
        )
        rankings = rank(
            chart,
            queries,
            habits=self.habits,
            is_tuned=self.serving.is_tuned,
            with_history=with_history,
        )
        return [
            _difficulty(ranked, category_id, self.serving.version_id)
            for ranked, category_id in zip(rankings, intended, strict=True)
        ]


def _difficulty(ranked: Sequence[RankedCategory], intended: uuid.UUID, version_id: uuid.UUID) -> Difficulty:
    rank_of_intended = rank_of(intended, ranked)
    if rank_of_intended is None:
        return Difficulty(None, None, version_id)
    scores = {category.category_id: category.score for category in ranked}
    own = scores.pop(intended)
    return Difficulty(rank_of_intended, own - max(scores.values(), default=0.0), version_id)


class DifficultyMetrics(JSONModel):
    """recall@k and MRR@k by k: how easy the candidates are for the active model."""

    n: int
    recall: dict[int, float]
    mrr: dict[int, float]


def metrics_of(ranks: Sequence[int | None]) -> DifficultyMetrics | None:
    """recall@k and MRR@k of the ranks (from 1, None where not found); None where there are no ranks."""
    if not ranks:
        return None
    numbers = np.array([np.inf if rank is None else rank for rank in ranks])
    return DifficultyMetrics(
        n=len(ranks),
        recall={k: float((numbers <= k).mean()) for k in KS},
        mrr={k: float(np.where(numbers <= k, 1 / numbers, 0.0).mean()) for k in KS},
    )
