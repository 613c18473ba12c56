"""Two evaluations side by side: what differs in how they were made, and the rows that both have."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from shared.evaluation import significance
from shared.evaluation.significance import Difference
from shared.kit.errors import Invalid
from shared.registry import store as model_store
from shared.registry.store import MeasuredRow
from shared.registry.tables import Evaluation

MOST_ROWS = 200


class NothingToCompare(Invalid):
    code = "nothing-to-compare"
    message = "The two evaluations have no row in common: measure both on the same split of one dataset."


@dataclass(frozen=True)
class ComparisonSide:
    """One of the two: its evaluation, the names of its models, and its rows."""

    evaluation: Evaluation
    model_name: str | None
    reranker_name: str | None
    rows: Sequence[MeasuredRow]


@dataclass(frozen=True)
class ComparedEvaluation:
    """Which evaluation was compared, and what it measured."""

    id: uuid.UUID
    method: str
    split: str
    dataset_id: uuid.UUID
    model_version_id: uuid.UUID | None
    model_name: str | None
    reranker_version_id: uuid.UUID | None
    reranker_name: str | None


@dataclass(frozen=True)
class ComparedRow:
    """A row that the two rank differently; ranks and suggestions are None where there were none."""

    dataset_item_id: uuid.UUID
    category_id: uuid.UUID
    merchant_name: str
    baseline_rank: int | None
    candidate_rank: int | None
    baseline_suggested_id: uuid.UUID | None
    candidate_suggested_id: uuid.UUID | None


@dataclass(frozen=True)
class Comparison:
    """Candidate less baseline on the `n` rows that both have; `rows` are the first 200 that changed."""

    baseline: ComparedEvaluation
    candidate: ComparedEvaluation
    warnings: list[str]
    n: int
    differences: list[Difference]
    improved: int
    regressed: int
    unchanged: int
    rows: list[ComparedRow]


def read(session: Session, organization_id: uuid.UUID, evaluation_id: uuid.UUID) -> ComparisonSide:
    """An evaluation with its rows, in three statements.

    Raises:
        EvaluationNotFound: not the organisation's.
    """
    evaluation = model_store.get_evaluation(session, organization_id, evaluation_id)
    version_ids = (evaluation.model_version_id, evaluation.reranker_version_id)
    names = model_store.model_names(
        session, organization_id, [version_id for version_id in version_ids if version_id is not None]
    )
    model_name, reranker_name = (
        None if version_id is None else names.get(version_id) for version_id in version_ids
    )
    rows = model_store.evaluation_rows(session, organization_id, evaluation_id)
    return ComparisonSide(evaluation, model_name, reranker_name, rows)


def compare(baseline: ComparisonSide, candidate: ComparisonSide) -> Comparison:
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
    return Comparison(
        baseline=_compared(baseline),
        candidate=_compared(candidate),
        warnings=_warnings(baseline, candidate, len(pairs)),
        n=len(pairs),
        differences=significance.differences(*ranks),
        improved=sum(change > 0 for change in changes),
        regressed=sum(change < 0 for change in changes),
        unchanged=sum(change == 0 for change in changes),
        rows=[_row(*pairs[position]) for position in shown],
    )


def _compared(side: ComparisonSide) -> ComparedEvaluation:
    evaluation = side.evaluation
    return ComparedEvaluation(
        id=evaluation.id,
        method=evaluation.method,
        split=evaluation.split,
        dataset_id=evaluation.dataset_id,
        model_version_id=evaluation.model_version_id,
        model_name=side.model_name,
        reranker_version_id=evaluation.reranker_version_id,
        reranker_name=side.reranker_name,
    )


def _warnings(baseline: ComparisonSide, candidate: ComparisonSide, shared: int) -> list[str]:
    before, after = baseline.evaluation, candidate.evaluation
    conditions = {
        "The datasets differ, so the labelled rows that served as history differ, too.": (
            before.dataset_id != after.dataset_id
        ),
        "The splits differ.": before.split != after.split,
        "One measures a model, the other a baseline.": (
            (before.method == "model") != (after.method == "model")
        ),
        "They were made by different versions of the evaluator.": _differ(before, after, "evaluator"),
        "They had different numbers of labelled rows as history.": _differ(before, after, "history_rows"),
        "The categories were renamed in only one of them, or in different ways.": (
            _differ(before, after, "renamed")
        ),
    }
    warnings = [text for text, is_true in conditions.items() if is_true]
    for name, side in (("baseline", baseline), ("candidate", candidate)):
        if len(side.rows) > shared:
            warnings.append(f"Only {shared} of the {name}'s {len(side.rows)} rows are compared.")
    return warnings


def _differ(before: Evaluation, after: Evaluation, name: str) -> bool:
    return bool(_of(before, name) != _of(after, name))


def _of(evaluation: Evaluation, name: str) -> Any:
    return None if evaluation.report is None else getattr(evaluation.report, name)


def _row(before: MeasuredRow, after: MeasuredRow) -> ComparedRow:
    return ComparedRow(
        dataset_item_id=after.dataset_item_id,
        category_id=after.category_id,
        merchant_name=after.merchant_name,
        baseline_rank=before.rank,
        candidate_rank=after.rank,
        baseline_suggested_id=before.suggested_category_id,
        candidate_suggested_id=after.suggested_category_id,
    )
