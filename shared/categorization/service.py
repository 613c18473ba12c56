"""Answers the question that Outlay is for: which categories fit this transaction?"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import Engine

from shared.categories import service as categories
from shared.categories import store as category_store
from shared.categories.tables import Category
from shared.categorization import ranking
from shared.categorization.habits import HabitsCache
from shared.categorization.questions import Question, past_of, queries_of
from shared.categorization.reranking import SecondStage
from shared.categorization.voting import Ranked
from shared.engines.encoder_cache import Encoders
from shared.engines.reranker_cache import Rerankers
from shared.engines.vectors import VectorIndex
from shared.kit import metrics
from shared.kit.errors import AppError
from shared.kit.logging import get_logger
from shared.kit.unit_of_work import transaction
from shared.registry.serving import Reranking, Serving, get_active
from shared.transactions import store as transaction_store

MAX_EVIDENCE = 3

logger = get_logger(__name__)


class Machines(Protocol):
    """What categorising needs of a process's resources."""

    @property
    def engine(self) -> Engine:
        """The database."""
        ...

    @property
    def index(self) -> VectorIndex:
        """The vector index."""
        ...

    @property
    def habits(self) -> HabitsCache:
        """What locations usually book."""
        ...

    @property
    def encoders(self) -> Encoders:
        """The loaded models."""
        ...

    @property
    def rerankers(self) -> Rerankers:
        """The loaded rerankers."""
        ...


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
    """The categories that fit a transaction, and the model version that found them.

    `reranker_version`: of the second stage that had a say in their order, None where none had.
    """

    model_version: str
    model_version_id: uuid.UUID
    reranker_version: str | None
    decision: Literal["suggest", "none"]
    reason: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class Stage:
    """The reranker that had a say in the answers, or the one that should have had and failed."""

    version: str | None = None
    failed: str | None = None


def categorize(
    machines: Machines, organization_id: uuid.UUID, questions: Sequence[Question], top_k: int
) -> list[Answer]:
    """The `top_k` best categories for each transaction, with the evidence for them.

    The model version and its collection are resolved once, so an answer never mixes two models, and no
    transaction is open while the texts are encoded and searched. A second stage that fails costs the answers
    its say and nothing else; their reasons tell.

    Raises:
        NoActiveModel: the organisation has activated none yet.
        IndexUnavailable, CollectionMissing: the vector index cannot answer.
    """
    with transaction(machines.engine) as session:
        serving = get_active(session, organization_id)
        live = {row.id: row for row in category_store.all_live(session, organization_id)}
        past = past_of(session, organization_id, machines.habits, questions)
    queries = queries_of(machines.encoders.get(serving.model), serving, questions, past)
    choices = choices_of(live.values(), serving)
    chart = ranking.IndexedChart.read(machines.index, serving.collection, organization_id, choices)
    found = ranking.rank(chart, queries, habits=past.habits, is_tuned=serving.is_tuned)
    found, reranker = _second_stage(machines, serving.reranking, questions, found, live)
    ranked = [one[:top_k] for one in found]
    shown = {hit.row_id for one in ranked for found in one for hit in found.evidence[:MAX_EVIDENCE]}
    with transaction(machines.engine) as session:
        merchants = {
            row.id: row.merchant_name for row in transaction_store.by_ids(session, organization_id, shown)
        }
    return [
        _answer(serving, reranker, query.precedents, one, live, merchants)
        for query, one in zip(queries, ranked, strict=True)
    ]


def _second_stage(
    machines: Machines,
    reranking: Reranking | None,
    questions: Sequence[Question],
    ranked: list[list[Ranked]],
    live: Mapping[uuid.UUID, Category],
) -> tuple[list[list[Ranked]], Stage]:
    """The rankings as the reranker would have them, or as they were where it is off or fails."""
    if reranking is None:
        return ranked, Stage()
    documents = {row.id: categories.text_of(row, reranking.texts.category) for row in live.values()}
    try:
        reranker = machines.rerankers.get(reranking.reranker)
        second = SecondStage(reranker, reranking.texts, documents, reranking.top_n)
        found = second.rerank([question.fields for question in questions], ranked)
    except AppError as error:
        metrics.rerank_failed(error.code, len(questions))
        logger.warning("answered without the reranker", code=error.code, questions=len(questions))
        return ranked, Stage(failed=reranking.version_name)
    return found, Stage(version=reranking.version_name)


def choices_of(chart: Iterable[Category], serving: Serving) -> dict[uuid.UUID, ranking.Choice]:
    """The chart's categories as the serving model chooses among them."""
    return {
        row.id: ranking.Choice.of(categories.text_of(row, serving.texts.category), row.departments)
        for row in chart
    }


def _answer(
    serving: Serving,
    reranker: Stage,
    precedents: Mapping[uuid.UUID, int],
    ranked: Sequence[Ranked],
    live: dict[uuid.UUID, Category],
    merchants: dict[uuid.UUID, str],
) -> Answer:
    suggestions = tuple(
        Suggestion(live[found.category_id], position, found.score, _evidence(found, live, merchants))
        for position, found in enumerate(ranked, start=1)
    )
    reason = _reason(suggestions, precedents)
    if reranker.failed is not None and suggestions:
        reason += (
            f" The reranker '{reranker.failed}' did not answer, so the order is that of the first stage."
        )
    decision: Literal["suggest", "none"] = "suggest" if suggestions else "none"
    return Answer(serving.version_name, serving.version_id, reranker.version, decision, reason, suggestions)


def _reason(suggestions: Sequence[Suggestion], precedents: Mapping[uuid.UUID, int]) -> str:
    if not suggestions:
        return "The organisation has no categories in the index yet."
    before = precedents.get(suggestions[0].category.id, 0)
    if before:
        among = sum(precedents.values())
        return f"Of {among} labelled before with this merchant and place, {before} went to this category."
    if suggestions[0].evidence:
        return "Nearest to the category's text and to transactions that were labelled before."
    return "Nearest to the category's text; nothing alike has been labelled yet."


def _evidence(
    found: Ranked, live: dict[uuid.UUID, Category], merchants: dict[uuid.UUID, str]
) -> tuple[Evidence, ...]:
    # A transaction that was deleted a moment ago may still be in the index; it is not shown.
    return tuple(
        Evidence(hit.row_id, merchants[hit.row_id], live[hit.category_id].name, hit.score)
        for hit in found.evidence[:MAX_EVIDENCE]
        if hit.row_id in merchants
    )
