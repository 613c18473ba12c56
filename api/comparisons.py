"""Comparisons of two evaluations, computed once: evaluations never change."""

import uuid

from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool

from api.connections import Connections
from shared.evaluation import comparison
from shared.evaluation.comparison import Comparison

MAX_KEPT = 64  # each has at most 200 rows: some ten MB in all


class Comparisons:
    """Compares evaluations and keeps the latest results, of which a page and each of its files ask the same.

    A comparison reads all rows of both evaluations and draws 10,000 permutations for each measure.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._results: LRUCache[tuple[uuid.UUID, uuid.UUID, uuid.UUID], Comparison] = LRUCache(MAX_KEPT)

    async def get(
        self, organization_id: uuid.UUID, baseline_id: uuid.UUID, candidate_id: uuid.UUID
    ) -> Comparison:
        """The candidate compared with the baseline.

        Raises:
            EvaluationNotFound: one of them is not the organisation's.
            NothingToCompare: they have no row in common.
        """
        key = (organization_id, baseline_id, candidate_id)
        if key not in self._results:
            baseline, candidate = await self._connections.run(
                lambda session: [
                    comparison.read(session, organization_id, evaluation_id)
                    for evaluation_id in (baseline_id, candidate_id)
                ]
            )
            # Permutations take a moment; no transaction waits for them.
            self._results[key] = await run_in_threadpool(comparison.compare, baseline, candidate)
        return self._results[key]
