"""Which categories fit a transaction? In three steps, of which only the first and the last use the database.

    context = read_context(session, …)          a short transaction
    rankings = compute_rankings(context, …)     no transaction: encodes, searches, votes, reranks
    answers = build_answers(session, …)         a short transaction

`read_context` is in `shared.categorization.context`. The API runs the second step in threads of its own, so
that slow models and a slow index never keep the database from other requests.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from shared.categories import service as categories
from shared.categories.tables import Category
from shared.categorization.context import CategorizationContext
from shared.categorization.ranking import Choice, EncodedTransaction, IndexedChart, rank
from shared.categorization.reranking import CategoryReranker
from shared.categorization.voting import RankedCategory
from shared.engines.encoder import Encoder
from shared.engines.encoder_cache import Encoders
from shared.engines.reranker_cache import Rerankers
from shared.engines.vectors import VectorIndex
from shared.kit import metrics
from shared.kit.errors import AppError
from shared.kit.logging import get_logger
from shared.registry.serving import Reranking, Serving
from shared.transactions import store as transaction_store

MAX_EVIDENCE = 3

logger = get_logger(__name__)


@dataclass(frozen=True)
class Evidence:
    """A labelled transaction that spoke for a category, with its cosine similarity."""

    transaction_id: uuid.UUID
    merchant_name: str
    category: str
    similarity: float


@dataclass(frozen=True)
class Suggestion:
    """A category that fits: rank from 1, score in [0, 1]."""

    category: Category
    rank: int
    score: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Answer:
    """The categories that fit a transaction, and the model version that ranked them.

    `reranker_version`: the reranker that had a say in their order; None: none had.
    """

    model_version: str
    model_version_id: uuid.UUID
    reranker_version: str | None
    decision: Literal["suggest", "none"]
    reason: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class Rankings:
    """The best categories for each input of a context, in its order.

    `precedents`: for each input how many labelled transactions at its merchant and place each category has.
    `reranker_version`, `failed_reranker`: the name of the reranker that ordered the categories, or failed to.
    """

    categories: list[list[RankedCategory]]
    precedents: list[Mapping[uuid.UUID, int]]
    reranker_version: str | None = None
    failed_reranker: str | None = None


def compute_rankings(
    context: CategorizationContext,
    top_k: int,
    *,
    index: VectorIndex,
    encoders: Encoders,
    rerankers: Rerankers,
) -> Rankings:
    """The `top_k` best categories for each input.

    A reranker that fails is left out; nothing else fails with it, and the answers' reasons mention it.

    Raises:
        IndexUnavailable, CollectionMissing: the vector index cannot answer.
    """
    serving = context.serving
    transactions = _encode(encoders.get(serving.model), context)
    choices = choices_of(context.chart.values(), serving)
    chart = IndexedChart.read(index, serving.collection, context.organization_id, choices)
    ranked = rank(chart, transactions, habits=context.history.habits, is_tuned=serving.is_tuned)
    reranker_version = failed_reranker = None
    if serving.reranking is not None:
        try:
            ranked = _rerank(rerankers, serving.reranking, context, ranked)
            reranker_version = serving.reranking.version_name
        except AppError as error:
            metrics.rerank_failed(error.code, len(ranked))
            logger.warning("answered without the reranker", code=error.code, transactions=len(ranked))
            failed_reranker = serving.reranking.version_name
    return Rankings(
        [best[:top_k] for best in ranked],
        [transaction.precedents for transaction in transactions],
        reranker_version,
        failed_reranker,
    )


def build_answers(session: Session, context: CategorizationContext, rankings: Rankings) -> list[Answer]:
    """The rankings with names: an answer for each input, with the evidence that is still stored."""
    shown = {
        hit.row_id
        for ranked in rankings.categories
        for category in ranked
        for hit in category.evidence[:MAX_EVIDENCE]
    }
    rows = transaction_store.by_ids(session, context.organization_id, shown)
    merchants = {row.id: row.merchant_name for row in rows}
    return [
        _answer(context, rankings, ranked, precedents, merchants)
        for ranked, precedents in zip(rankings.categories, rankings.precedents, strict=True)
    ]


def choices_of(chart: Iterable[Category], serving: Serving) -> dict[uuid.UUID, Choice]:
    """The chart's categories as the serving model chooses among them."""
    return {
        row.id: Choice.of(categories.text_of(row, serving.texts.category), row.departments) for row in chart
    }


def _encode(encoder: Encoder, context: CategorizationContext) -> list[EncodedTransaction]:
    history, inputs = context.history, context.inputs
    texts = [context.serving.texts.of_transaction(given.fields) for given in inputs]
    own_categories = [
        history.labels.get(given.transaction_id) if given.transaction_id else None for given in inputs
    ]
    return [
        EncodedTransaction(
            vector,
            text,
            given.fields.department,
            given.fields.location,
            given.transaction_id,
            own_category,
            history.precedents.at(given.fields, own_category),
        )
        for vector, text, given, own_category in zip(
            encoder.encode(texts), texts, inputs, own_categories, strict=True
        )
    ]


def _rerank(
    rerankers: Rerankers,
    reranking: Reranking,
    context: CategorizationContext,
    ranked: list[list[RankedCategory]],
) -> list[list[RankedCategory]]:
    texts = reranking.texts
    documents = {row.id: categories.text_of(row, texts.category) for row in context.chart.values()}
    reranker = CategoryReranker(rerankers.get(reranking.reranker), texts, documents, reranking.top_n)
    return reranker.rerank([given.fields for given in context.inputs], ranked)


def _answer(
    context: CategorizationContext,
    rankings: Rankings,
    ranked: Sequence[RankedCategory],
    precedents: Mapping[uuid.UUID, int],
    merchants: Mapping[uuid.UUID, str],
) -> Answer:
    suggestions = tuple(
        Suggestion(
            context.chart[category.category_id],
            position,
            category.score,
            _evidence(category, context.chart, merchants),
        )
        for position, category in enumerate(ranked, start=1)
    )
    reason = _reason(suggestions, precedents)
    if rankings.failed_reranker is not None and suggestions:
        reason += (
            f" The reranker '{rankings.failed_reranker}' did not answer, so the order is that of the first "
            "stage."
        )
    return Answer(
        context.serving.version_name,
        context.serving.version_id,
        rankings.reranker_version,
        "suggest" if suggestions else "none",
        reason,
        suggestions,
    )


def _reason(suggestions: Sequence[Suggestion], precedents: Mapping[uuid.UUID, int]) -> str:
    if not suggestions:
        return "The organisation has no categories in the index yet."
    agreeing = precedents.get(suggestions[0].category.id, 0)
    if agreeing:
        total = sum(precedents.values())
        return f"Of {total} labelled before with this merchant and place, {agreeing} went to this category."
    if suggestions[0].evidence:
        return "Nearest to the category's text and to transactions that were labelled before."
    return "Nearest to the category's text; nothing alike has been labelled yet."


def _evidence(
    category: RankedCategory, chart: Mapping[uuid.UUID, Category], merchants: Mapping[uuid.UUID, str]
) -> tuple[Evidence, ...]:
    # A transaction that was deleted a moment ago may still be in the index; it is not shown.
    return tuple(
        Evidence(hit.row_id, merchants[hit.row_id], chart[hit.category_id].name, hit.score)
        for hit in category.evidence[:MAX_EVIDENCE]
        if hit.row_id in merchants
    )
