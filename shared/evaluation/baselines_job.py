"""The baselines as evaluations: the same rows and measures as a model's, without a model."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.datasets.service import Item
from shared.datasets.tables import Dataset
from shared.evaluation import baselines, reporting, runner
from shared.evaluation.baselines import METHODS, BaselineRow
from shared.evaluation.runner import EvaluationRows, RankedRow
from shared.evaluation.service import get_measurable
from shared.jobs import service as jobs
from shared.jobs.kinds import BaselinesParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.ids import id_of_job
from shared.registry import store as model_store
from shared.registry.reports import BaselinesResult
from shared.registry.tables import Evaluation
from shared.resources import Resources
from shared.transactions.merchant import merchant_key


def submit(
    session: Session, organization_id: uuid.UUID, params: BaselinesParams, *, request_id: str | None = None
) -> Job:
    """Queue the baselines.

    Raises:
        DatasetNotFound: not the organisation's.
        EmptySplit: nothing to measure on.
    """
    get_measurable(session, organization_id, params.dataset_id, params.split)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def measure(run: Run, params: BaselinesParams, _resources: Resources) -> Effects:
    """Let each method rank the categories for each row of the split, fitted on what serves as history."""
    with run.reading() as session:
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
        rows = runner.read(session, run.organization_id, params.dataset_id, params.split)
    texts = {uuid.UUID(category_id): category.text for category_id, category in dataset.categories.items()}
    history, measured = _rows(rows.history), _rows(rows.measured)
    evaluations: list[tuple[Evaluation, list[dict[str, Any]]]] = []
    for number, method in enumerate(METHODS):
        run.progress(number, len(METHODS), method)
        run.checkpoint()
        evaluation_id = id_of_job("baselines", run.job_id, number)
        answers = _answers(method, history, measured, rows, texts)
        evaluation = _evaluation(run, params, evaluation_id, method, answers, rows, dataset)
        evaluations.append((evaluation, reporting.rows_of(run.organization_id, evaluation_id, answers)))

    def apply_effects(session: Session) -> dict[str, Any]:
        for evaluation, evaluation_rows in evaluations:
            model_store.add_evaluation(session, evaluation, evaluation_rows)
        ids = {evaluation.method: evaluation.id for evaluation, _ in evaluations}
        return BaselinesResult(evaluation_ids=ids).model_dump(mode="json")

    return apply_effects


def _rows(items: Sequence[Item]) -> list[BaselineRow]:
    return [
        BaselineRow(item.text, merchant_key(item.fields.merchant_name), item.category_id) for item in items
    ]


def _answers(
    method: str,
    history: Sequence[BaselineRow],
    measured: Sequence[BaselineRow],
    rows: EvaluationRows,
    texts: Mapping[uuid.UUID, str],
) -> list[RankedRow]:
    order = baselines.columns(texts)
    column_of = {category_id: column for column, category_id in enumerate(order)}
    scores = baselines.scores(method, history, measured, texts)
    ranks = baselines.ranks(scores, [column_of[row.category_id] for row in measured])
    best_columns = scores.argmax(axis=1)  # of equals the first column, as in `ranks`
    return [
        RankedRow(
            item,
            rank,
            suggested_category_id=order[best] if row_scores[best] > 0 else None,
            score=float(row_scores[best]) if row_scores[best] > 0 else None,
        )
        for item, rank, best, row_scores in zip(rows.measured, ranks, best_columns, scores, strict=True)
    ]


def _evaluation(
    run: Run,
    params: BaselinesParams,
    evaluation_id: uuid.UUID,
    method: str,
    answers: Sequence[RankedRow],
    rows: EvaluationRows,
    dataset: Dataset,
) -> Evaluation:
    return Evaluation(
        id=evaluation_id,
        organization_id=run.organization_id,
        dataset_id=params.dataset_id,
        method=method,
        split=params.split,
        metrics=reporting.metrics_of(answers, is_model=False),
        per_category=reporting.per_category(answers),
        report=reporting.report_of(answers, rows, dataset),
        job_id=run.job_id,
    )
