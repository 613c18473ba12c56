"""What is kept of an evaluation: measures, a report, and a row for each answer."""

import uuid
from collections.abc import Sequence
from typing import Any

from shared.datasets.tables import Dataset
from shared.evaluation import slices
from shared.evaluation.metrics import estimate, estimates, evaluate, evaluate_by, macro_recall
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.kit.intervals import proportion
from shared.kit.measures import RetrievalMeasures
from shared.registry.reports import EmbeddingMap, EvaluationMetrics, EvaluationReport, RenamedCategories

# What is counted and how: evaluations of different ones are not compared without a warning. 1 had k up to 5,
# no report, and no departments in the ranking.
EVALUATOR = "2"


def metrics_of(
    answers: Sequence[RankedRow], *, is_model: bool, has_reranker: bool = False
) -> EvaluationMetrics:
    """The measures of all answers; of a model also those without the history and without the reranker."""
    groups = [answer.item.category_id for answer in answers]
    served = _measures(groups, [answer.rank for answer in answers])
    nearer = [float(answer.is_nearer) for answer in answers if answer.is_nearer is not None]
    stages = {}
    if is_model:
        stages["without_history"] = _measures(groups, [answer.rank_without_history for answer in answers])
    if has_reranker:
        stages["without_reranker"] = _measures(groups, [answer.rank_without_reranker for answer in answers])
    triplet_accuracy = estimate(proportion(nearer)) if nearer else None
    return EvaluationMetrics(**dict(served), triplet_accuracy=triplet_accuracy, **stages)


def per_category(answers: Sequence[RankedRow]) -> dict[uuid.UUID, RetrievalMeasures]:
    """The measures of each category's rows, by its id."""
    metrics = evaluate_by(
        [answer.item.category_id for answer in answers], [answer.rank for answer in answers]
    )
    return {category_id: category_metrics.as_measures() for category_id, category_metrics in metrics.items()}


def report_of(
    answers: Sequence[RankedRow],
    rows: EvaluationRows,
    dataset: Dataset,
    *,
    embedding_map: EmbeddingMap | None = None,
    renamed: RenamedCategories | None = None,
) -> EvaluationReport:
    """Slices, confusions, reliability and map, and by which rules all was measured."""
    names = {uuid.UUID(category_id): category.name for category_id, category in dataset.categories.items()}
    return EvaluationReport(
        evaluator=EVALUATOR,
        history_rows=len(rows.history),
        renamed=renamed,
        slices=slices.slices(answers, rows),
        confusions=slices.confusions(answers, names),
        reliability=slices.reliability(answers),
        map=embedding_map,
    )


def rows_of(
    organization_id: uuid.UUID, evaluation_id: uuid.UUID, answers: Sequence[RankedRow]
) -> list[dict[str, Any]]:
    """The answers as rows of `evaluation_rows`."""
    return [
        {
            "evaluation_id": evaluation_id,
            "dataset_item_id": answer.item.id,
            "organization_id": organization_id,
            "rank": answer.rank,
            "rank_without_history": answer.rank_without_history,
            "rank_without_reranker": answer.rank_without_reranker,
            "score": answer.score,
            "suggested_category_id": answer.suggested_category_id,
        }
        for answer in answers
    ]


def _measures(groups: Sequence[uuid.UUID], ranks: Sequence[int | None]) -> RetrievalMeasures:
    mean_over_categories = estimates({1: macro_recall(groups, ranks, k=1)})
    return evaluate(ranks).as_measures().model_copy(update={"macro_recall": mean_over_categories})
