"""What is kept of an evaluation: figures, a report, and a row for each answer."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from shared.datasets.tables import Dataset
from shared.evaluation import metrics, slices
from shared.evaluation.figures import as_json, by_k, figure_json
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.kit.intervals import proportion

# What is counted and how: evaluations of different ones are not compared without a warning. 1 had k up to 5,
# no report, and no departments in the ranking.
EVALUATOR = "2"


def metrics_of(answers: Sequence[RankedRow], *, is_model: bool, has_reranker: bool = False) -> dict[str, Any]:
    """The figures of all answers; of a model those without the history, and without the reranker, too."""
    groups = [answer.item.category_id for answer in answers]
    found = _figures(groups, [answer.rank for answer in answers])
    nearer = [float(answer.is_nearer) for answer in answers if answer.is_nearer is not None]
    found["triplet_accuracy"] = figure_json(proportion(nearer)) if nearer else None
    if is_model:
        found["without_history"] = _figures(groups, [answer.rank_without_history for answer in answers])
    if has_reranker:
        found["without_reranker"] = _figures(groups, [answer.rank_without_reranker for answer in answers])
    return found


def per_category(answers: Sequence[RankedRow]) -> dict[str, Any]:
    """The figures of each category's rows, by its id."""
    found = metrics.evaluate_by(
        [str(answer.item.category_id) for answer in answers], [answer.rank for answer in answers]
    )
    return {category_id: as_json(one) for category_id, one in found.items()}


def report_of(
    answers: Sequence[RankedRow],
    rows: EvaluationRows,
    dataset: Dataset,
    *,
    drawn: Mapping[str, Any] | None = None,
    renamed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Slices, confusions, reliability and map, and by which rules all was measured."""
    names = {uuid.UUID(one): str(about["name"]) for one, about in dataset.categories.items()}
    return {
        "evaluator": EVALUATOR,
        "history_rows": len(rows.history),
        "renamed": renamed,
        "slices": slices.slices(answers, rows),
        "confusions": slices.confusions(answers, names),
        "reliability": slices.reliability(answers),
        "map": drawn,
    }


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


def _figures(groups: Sequence[uuid.UUID], ranks: Sequence[int | None]) -> dict[str, Any]:
    found = as_json(metrics.evaluate(ranks))
    return {**found, "macro_recall": by_k({1: metrics.macro_recall(groups, ranks, k=1)})}
