"""Measures a model version by the very retrieval that serving does."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.categorization.ranking import Choice
from shared.datasets import service as datasets
from shared.engines.encoders import Encoders
from shared.engines.vectors import VectorIndex
from shared.evaluation import asking, reporting
from shared.evaluation.asking import Answer
from shared.jobs import service as jobs
from shared.jobs.kinds import EvaluationParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.errors import Invalid
from shared.registry import service as registry
from shared.registry.tables import Evaluation


class EmptySplit(Invalid):
    """The dataset has no rows in this split. Freeze one with a larger share for it."""

    code = "empty-split"


def submit(
    session: Session, organization_id: uuid.UUID, params: EvaluationParams, *, request_id: str | None = None
) -> Job:
    """Queue an evaluation.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        EmptySplit: nothing to measure on.
    """
    dataset = datasets.get(session, organization_id, params.dataset_id)
    registry.get(session, organization_id, params.model_version_id)
    if not dataset.counts.get(params.split):
        raise EmptySplit
    return jobs.submit(session, organization_id, "evaluate", params, request_id=request_id)


def evaluate(run: Run, params: EvaluationParams, index: VectorIndex, encoders: Encoders) -> Finish:
    """Ask for each row of the split what serving would have answered, and note where its own category came
    in: with the history, as serving answers, and without.
    """
    with run.reading() as session:
        serving = registry.serving_of(registry.get(session, run.organization_id, params.model_version_id))
        dataset = datasets.get(session, run.organization_id, params.dataset_id)
        rows = asking.read(session, run.organization_id, params.dataset_id, params.split)
    choices = {
        uuid.UUID(category_id): Choice.of(serving.texts.of_frozen(about), about.get("departments", ()))
        for category_id, about in dataset.categories.items()
    }
    answers = asking.ask(run, index, encoders.get(serving.model), serving, rows, choices)
    return _finish(run, params, answers)


def _finish(run: Run, params: EvaluationParams, answers: Sequence[Answer]) -> Finish:
    evaluation = Evaluation(
        id=run.job_id,  # like every id in the order of time, and the same at each attempt
        organization_id=run.organization_id,
        dataset_id=params.dataset_id,
        model_version_id=params.model_version_id,
        split=params.split,
        metrics=reporting.metrics_of(answers),
        per_category=reporting.per_category(answers),
        job_id=run.job_id,
    )
    rows = reporting.rows_of(run.organization_id, run.job_id, answers)

    def finish(session: Session) -> dict[str, Any]:
        registry.add_evaluation(session, evaluation, rows)
        return {"evaluation_id": str(run.job_id), "metrics": evaluation.metrics}

    return finish
