"""Two evaluations side by side: what differs in how they were made, and the rows that both have."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from shared.evaluation import significance
from shared.kit.errors import Invalid
from shared.registry import store as model_store
from shared.registry.store import MeasuredRow
from shared.registry.tables import Evaluation

MOST_ROWS = 200


class NothingToCompare(Invalid):
    code = "nothing-to-compare"
    message = "The two evaluations have no row in common: measure both on the same split of one dataset."


@dataclass(frozen=True)
class Side:
    """One of the two: its evaluation, the names of its models, and its rows."""

    evaluation: Evaluation
    model_name: str | None
    reranker_name: str | None
    rows: Sequence[MeasuredRow]


def read(session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID) -> Side:
    """An evaluation and its rows.

    Raises:
        EvaluationNotFound: not the organisation's.
    """
    evaluation = model_store.get_evaluation(session, organization_id, evaluation_id)
    model, reranker = (
        model_store.get(session, organization_id, version_id).name if version_id is not None else None
        for version_id in (evaluation.model_version_id, evaluation.reranker_version_id)
    )
    return Side(
        evaluation, model, reranker, model_store.evaluation_rows(session, organization_id, evaluation_id)
    )


def compare(baseline: Side, candidate: Side) -> dict[str, Any]:
    """The difference on the rows that both have; needs no session.

    Rows are the same where they are copies of one transaction with one category, so that two datasets can be
    compared in what they share.

    Raises:
        NothingToCompare: they share nothing.
    """
    before = {(row.transaction_id, row.category_id): row for row in baseline.rows}
    pairs = [
        (before[key], row)
        for row in candidate.rows
        if (key := (row.transaction_id, row.category_id)) in before
    ]
    if not pairs:
        raise NothingToCompare
    ranks = [row.rank for row, _ in pairs], [row.rank for _, row in pairs]
    changes = significance.changes(*ranks)
    shown = significance.regressions_first(changes)[:MOST_ROWS]
    return {
        "baseline": _told(baseline),
        "candidate": _told(candidate),
        "warnings": _warnings(baseline, candidate, len(pairs)),
        "n": len(pairs),
        "differences": [asdict(one) for one in significance.differences(*ranks)],
        "improved": sum(one > 0 for one in changes),
        "regressed": sum(one < 0 for one in changes),
        "unchanged": sum(one == 0 for one in changes),
        "rows": [_row(*pairs[position]) for position in shown],
    }


def _told(side: Side) -> dict[str, Any]:
    one = side.evaluation
    return {
        **{name: getattr(one, name) for name in ("id", "method", "split", "dataset_id")},
        **{"model_version_id": one.model_version_id, "model_name": side.model_name},
        **{"reranker_version_id": one.reranker_version_id, "reranker_name": side.reranker_name},
    }


def _warnings(baseline: Side, candidate: Side, shared: int) -> list[str]:
    one, other = baseline.evaluation, candidate.evaluation
    found = {
        "The datasets differ: what may speak as history is not the same.": one.dataset_id == other.dataset_id,
        "The splits differ.": one.split == other.split,
        "One measures a model, the other a baseline.": (one.method == "model") == (other.method == "model"),
        "They were made by different versions of the evaluator.": _of(one, "evaluator")
        == _of(other, "evaluator"),
        "They had different numbers of rows as history.": _of(one, "history_rows")
        == _of(other, "history_rows"),
        "Only one, or each in another way, had the categories under other names.": _of(one, "renamed")
        == _of(other, "renamed"),
    }
    warnings = [text for text, is_alike in found.items() if not is_alike]
    for name, side in (("baseline", baseline), ("candidate", candidate)):
        if len(side.rows) > shared:
            warnings.append(f"Only {shared} of the {name}'s {len(side.rows)} rows are compared.")
    return warnings


def _of(evaluation: Evaluation, name: str) -> Any:
    return (evaluation.report or {}).get(name)


def _row(before: MeasuredRow, after: MeasuredRow) -> dict[str, Any]:
    return {
        "dataset_item_id": after.dataset_item_id,
        "category_id": after.category_id,
        "merchant_name": after.merchant_name,
        "baseline_rank": before.rank,
        "candidate_rank": after.rank,
        "baseline_suggested_id": before.suggested_category_id,
        "candidate_suggested_id": after.suggested_category_id,
    }
