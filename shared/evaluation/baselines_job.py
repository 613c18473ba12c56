"""The baselines as evaluations: the same rows, the same figures, and no model of ours."""

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
from shared.evaluation.slices import merchant_key
from shared.jobs import service as jobs
from shared.jobs.kinds import BaselinesParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.ids import id_of_job
from shared.registry import store as model_store
from shared.registry.tables import Evaluation


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


def measure(run: Run, params: BaselinesParams) -> Finish:
    """Let each method rank the categories for each row of the split, knowing what may speak as history."""
    with run.reading() as session:
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
        rows = runner.read(session, run.organization_id, params.dataset_id, params.split)
    texts = {uuid.UUID(one): str(about["text"]) for one, about in dataset.categories.items()}
    train, asked = _rows(rows.history), _rows(rows.asked)
    made: list[tuple[Evaluation, list[dict[str, Any]]]] = []
    for number, method in enumerate(METHODS):
        run.progress(number, len(METHODS), method)
        run.checkpoint()
        evaluation_id = id_of_job("baselines", run.job_id, number)
        answers = _answers(method, train, asked, rows, texts)
        evaluation = _evaluation(run, params, evaluation_id, method, answers, rows, dataset)
        made.append((evaluation, reporting.rows_of(run.organization_id, evaluation_id, answers)))

    def finish(session: Session) -> dict[str, Any]:
        for evaluation, kept in made:
            model_store.add_evaluation(session, evaluation, kept)
        return {"evaluation_ids": {evaluation.method: str(evaluation.id) for evaluation, _ in made}}

    return finish


def _rows(items: Sequence[Item]) -> list[BaselineRow]:
    return [BaselineRow(item.text, merchant_key(item), item.category_id) for item in items]


def _answers(
    method: str,
    train: Sequence[BaselineRow],
    asked: Sequence[BaselineRow],
    rows: EvaluationRows,
    texts: Mapping[uuid.UUID, str],
) -> list[RankedRow]:
    order = baselines.columns(texts)
    place = {category_id: column for column, category_id in enumerate(order)}
    found = baselines.scores(method, train, asked, texts)
    ranks = baselines.ranks(found, [place[row.category_id] for row in asked])
    first = found.argmax(axis=1)  # of equals the first column, as in `ranks`
    return [
        RankedRow(
            item,
            rank,
            suggested_category_id=order[column] if scores[column] > 0 else None,
            score=float(scores[column]) if scores[column] > 0 else None,
        )
        for item, rank, column, scores in zip(rows.asked, ranks, first, found, strict=True)
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
