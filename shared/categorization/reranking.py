"""The second stage: the first few of a ranking are put in order again by a model that reads both texts."""

import uuid
from collections.abc import Mapping, Sequence

from shared.categorization.voting import Ranked, VotingWeights, blend
from shared.engines.reranker import Reranker, RerankQuery


def rerank(
    reranker: Reranker,
    texts: Sequence[str],
    ranked: Sequence[Sequence[Ranked]],
    documents: Mapping[uuid.UUID, str],
    top_n: int,
) -> list[list[Ranked]]:
    """For each text its ranking, the first `top_n` of which the reranker had a say in; see `blend`.

    `documents` has the text of every ranked category. It is not asked where there is nothing to put in order.

    Raises:
        RerankerUnavailable, RerankerRefused: see `Reranker.score`.
    """
    heads = [[one.category_id for one in found[:top_n]] for found in ranked]
    asked = [
        RerankQuery(text, [documents[one] for one in head] if len(head) > 1 else [])
        for text, head in zip(texts, heads, strict=True)
    ]
    weight = VotingWeights().reranker
    return [
        blend(found, dict(zip(head, map(float, scores), strict=False)), weight)
        for found, head, scores in zip(ranked, heads, reranker.score(asked), strict=True)
    ]
