"""The second stage: the first few of a ranking are put in order again by a model that reads both texts."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.categorization.voting import Ranked, VotingWeights, blend
from shared.engines.reranker import Reranker, RerankQuery
from shared.transactions.formats import TextFormat
from shared.transactions.text import TransactionFields


@dataclass(frozen=True)
class SecondStage:
    """A reranker, the texts that it reads, the category's among them (`documents`), and how many it puts in
    order.
    """

    reranker: Reranker
    texts: TextFormat
    documents: Mapping[uuid.UUID, str]
    top_n: int

    def rerank(
        self, asked: Sequence[TransactionFields], ranked: Sequence[list[Ranked]]
    ) -> list[list[Ranked]]:
        """For each transaction its ranking, about whose first `top_n` the reranker was asked; see `blend`.

        It is not asked where there is nothing to put in order.

        Raises:
            RerankerUnavailable, RerankerRefused: see `Reranker.score`.
        """
        heads = [[one.category_id for one in found[: self.top_n]] for found in ranked]
        queries = [
            RerankQuery(
                self.texts.of_transaction(fields),
                [self.documents[one] for one in head] if len(head) > 1 else [],
            )
            for fields, head in zip(asked, heads, strict=True)
        ]
        weight = VotingWeights().reranker
        return [
            blend(found, dict(zip(head, map(float, scores), strict=False)), weight)
            for found, head, scores in zip(ranked, heads, self.reranker.score(queries), strict=True)
        ]
