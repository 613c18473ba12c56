"""The reranker puts the first few categories of a ranking in order: it reads both texts together."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.categorization.voting import RankedCategory, VotingWeights, blend
from shared.engines.reranker import Reranker, RerankQuery
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat


@dataclass(frozen=True)
class CategoryReranker:
    """A reranker with the texts that it reads: of transactions by `texts`, of categories in `documents`.

    `top_n`: how many of the first categories it puts in order.
    """

    reranker: Reranker
    texts: TextFormat
    documents: Mapping[uuid.UUID, str]
    top_n: int

    def rerank(
        self, transactions: Sequence[TransactionFields], rankings: Sequence[list[RankedCategory]]
    ) -> list[list[RankedCategory]]:
        """Each transaction's ranking with its first `top_n` categories put in order, see `blend`.

        A ranking of fewer than two categories stays as it is, and costs no call.

        Raises:
            RerankerUnavailable, RerankerRefused: see `Reranker.score`.
        """
        heads = [[category.category_id for category in ranking[: self.top_n]] for ranking in rankings]
        queries = [
            RerankQuery(
                self.texts.of_transaction(fields),
                [self.documents[category_id] for category_id in head] if len(head) > 1 else [],
            )
            for fields, head in zip(transactions, heads, strict=True)
        ]
        weight = VotingWeights().reranker
        return [
            blend(ranking, dict(zip(head, map(float, scores), strict=False)), weight)
            for ranking, head, scores in zip(rankings, heads, self.reranker.score(queries), strict=True)
        ]
