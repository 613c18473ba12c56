"""What an evaluation keeps of its answers: figures, and a row for each."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from shared.evaluation import metrics
from shared.evaluation.asking import Answer
from shared.evaluation.metrics import Metrics


def metrics_of(answers: Sequence[Answer]) -> dict[str, Any]:
    """The figures of all answers, and those without the history."""
    return {
        **as_json(metrics.evaluate([answer.rank for answer in answers])),
        "without_history": as_json(metrics.evaluate([answer.rank_without_history for answer in answers])),
    }


def per_category(answers: Sequence[Answer]) -> dict[str, Any]:
    """The figures of each category's rows, by its id."""
    found = metrics.evaluate_by(
        [str(answer.item.category_id) for answer in answers], [answer.rank for answer in answers]
    )
    return {category_id: as_json(one) for category_id, one in found.items()}


def rows_of(
    organization_id: uuid.UUID, evaluation_id: uuid.UUID, answers: Sequence[Answer]
) -> list[dict[str, Any]]:
    """The answers as rows of `evaluation_rows`."""
    return [
        {
            "evaluation_id": evaluation_id,
            "dataset_item_id": answer.item.id,
            "organization_id": organization_id,
            **{name: value for name, value in vars(answer).items() if name != "item"},
        }
        for answer in answers
    ]


def as_json(found: Metrics) -> dict[str, Any]:
    """Figures by k, the keys as JSON has them."""
    return {
        "n": found.n,
        "recall": {str(k): asdict(figure) for k, figure in found.recall.items()},
        "mrr": {str(k): asdict(figure) for k, figure in found.mrr.items()},
    }
