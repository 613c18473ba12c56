"""What the active model makes of candidates: where it ranks the meant category, and what it knows already."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.candidates.service import Difficulty
from shared.categorization.habits import Habits
from shared.categorization.ranking import Choice, EncodedTransaction, IndexedChart, rank
from shared.categorization.voting import RankedCategory
from shared.engines.encoder import Encoder
from shared.engines.vectors import Search, VectorIndex
from shared.generation.duplicates import COSINE_THRESHOLD
from shared.registry.serving import Serving

KS = (1, 3, 5)


@dataclass(frozen=True)
class DifficultyScorer:
    """The model that serves an organisation, asked as serving asks it, but for precedents: what was decided
    about the transaction that a row paraphrases would answer for the model.
    """

    serving: Serving
    encoder: Encoder
    index: VectorIndex
    live: Mapping[uuid.UUID, Choice]
    habits: Habits

    def check(self) -> None:
        """Fail before any money is spent, where the index cannot answer.

        Raises:
            IndexUnavailable, CollectionMissing: it cannot.
        """
        self.are_near_labelled(self.encoder.encode(["probe"]))

    def are_near_labelled(self, vectors: NDArray[np.float32]) -> list[bool]:
        """For each row of the (n, d) vectors whether a labelled transaction is nearly the same."""
        organization_id = self.serving.organization_id
        searches = [Search(organization_id, "transaction", vector, 1) for vector in vectors]
        found = self.index.search(self.serving.collection, searches)
        return [bool(hits) and hits[0].score >= COSINE_THRESHOLD for hits in found]

    def difficulties(
        self, queries: Sequence[EncodedTransaction], meant: Sequence[uuid.UUID], *, with_history: bool
    ) -> list[Difficulty]:
        """How hard each query is, whose meant category is given."""
        chart = IndexedChart.read(
            self.index, self.serving.collection, self.serving.organization_id, self.live
        )
        ranked = rank(
            chart,
            queries,
            habits=self.habits,
            is_tuned=self.serving.is_tuned,
            with_history=with_history,
        )
        return [
            _difficulty(one, category_id, self.serving.version_id)
            for one, category_id in zip(ranked, meant, strict=True)
        ]


def _difficulty(ranked: Sequence[RankedCategory], meant: uuid.UUID, version_id: uuid.UUID) -> Difficulty:
    scores = {found.category_id: found.score for found in ranked}
    if meant not in scores:
        return Difficulty(None, None, version_id)
    position = [found.category_id for found in ranked].index(meant) + 1
    best_other = max((score for category_id, score in scores.items() if category_id != meant), default=0.0)
    return Difficulty(position, scores[meant] - best_other, version_id)


def metrics_of(ranks: Sequence[int | None]) -> dict[str, Any] | None:
    """recall@k and MRR@k of the ranks (from 1, None where not found) by k; None where there are no ranks."""
    if not ranks:
        return None
    found = np.array([np.inf if one is None else one for one in ranks])
    return {
        "n": len(ranks),
        "recall": {str(k): float((found <= k).mean()) for k in KS},
        "mrr": {str(k): float(np.where(found <= k, 1 / found, 0.0).mean()) for k in KS},
    }
