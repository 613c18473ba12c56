"""Searches: a job whose parts are trials. It asks for a batch, waits without a worker, and asks again.

The rows of the trials are all that is kept of it: each step reads them, and what a step does is decided by
them and the seed. So a search that is killed goes on as if nothing had been.
"""

import itertools
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import Recipe, SearchParams, TrainingParams, TrialParams
from shared.jobs.run import Finish, Run
from shared.jobs.states import JobStatus
from shared.jobs.store import ChildJob
from shared.jobs.tables import Job
from shared.kit.errors import AppError, FieldError, Invalid
from shared.kit.ids import id_of_job
from shared.registry import service as registry
from shared.registry.serving import get_bi_encoder
from shared.training.bi_encoder.recipe_checks import check
from shared.training.rows import Untrainable
from shared.training.search import sampler
from shared.training.search.sampler import EvaluatedTrial

# Trials take minutes. The last of a batch wakes the search; this is for a wake that was missed.
LOOK_SECONDS = 30.0
# Of a trial's result, for the table.
FIGURES = ("value", "low", "high", "n", "recall_at_1", "running")


class NoTrialSucceeded(AppError):
    code = "no-trial-succeeded"
    message = "No trial came to an end. Their errors say why; search among recipes that can be trained."


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a search; `values` are those of `SearchParams`, without a base model for the first one.

    Raises:
        Invalid: the space holds recipes that cannot be trained.
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder: the base model is a reranker.
        ModelNameTaken: another version has the name, which the winner's model shall have.
        Untrainable: too few training rows for so many folds, or labels of fewer than two categories.
    """
    base_id = values.get("base_model_version_id") or registry.get_base(session, organization_id).id
    space = sampler.check(values.get("space") or {})
    params = SearchParams(**{**values, "base_model_version_id": base_id, "space": space})
    _check_recipes(space)
    get_bi_encoder(session, organization_id, base_id)
    dataset = dataset_store.get(session, organization_id, params.dataset_id)
    registry.check_name(session, organization_id, params.name)
    if dataset.counts["train"] < 2 * params.folds or len(dataset.categories) < 2:
        raise Untrainable
    return jobs.submit(session, organization_id, params, request_id=request_id)


def _check_recipes(space: Mapping[str, Any]) -> None:
    for loss, batch_size in itertools.product(space["loss"], space["batch_size"]):
        try:
            check(Recipe(loss=loss, batch_size=batch_size), dimension=None, has_teacher=False)
        except Invalid as error:
            wrong = (FieldError(f"/space{one.pointer}", one.code, one.message) for one in error.errors)
            raise Invalid(errors=tuple(wrong)) from error


def step(run: Run, params: SearchParams) -> Finish:
    """Wait for the trials at work, ask for the next ones, or end with a training of the winner.

    Raises:
        ChildrenAtWork: there are trials to wait for.
        NoTrialSucceeded: all failed.
    """
    with run.reading() as session:
        trials = job_store.list_children(session, run.organization_id, run.job_id, "trial")
    ended = [trial for trial in trials if trial.status.is_final]
    tried = [_tried(trial, params.space) for trial in ended]
    best = sampler.best_of(tried)
    note = f"best MRR@5 so far {best.value:.3f}, of trial {best.number}" if best else ""
    run.progress(len(ended), params.trials, note)
    if len(ended) == len(trials):
        asked = _ask(params, tried)
        if not asked:
            return _finish(run, params, trials, tried, best)
        with run.transaction() as session:
            for trial in asked:
                job_id = id_of_job("trial", run.job_id, trial.number)
                _submit_part(session, run, trial, job_id)
    raise job_exceptions.ChildrenAtWork(run.reported, LOOK_SECONDS)


def _ask(params: SearchParams, tried: Sequence[EvaluatedTrial]) -> list[TrialParams]:
    """The next batch, by what has ended; empty where there are trials enough, or no other recipe."""
    count = min(params.parallel, params.trials - len(tried))
    if count <= 0:
        return []
    startup = max(params.parallel, min(10, math.ceil(params.trials / 4)))
    points = sampler.ask(params.space, tried, count, seed=params.seed, startup=startup)
    threshold = sampler.stop_below(tried, params.folds)
    return [
        TrialParams(
            number=len(tried) + position,
            dataset_id=params.dataset_id,
            base_model_version_id=params.base_model_version_id,
            folds=params.folds,
            fold_seed=params.seed,
            recipe=Recipe(**point, seed=params.seed),
            stop_below=threshold,
        )
        for position, point in enumerate(points)
    ]


def _finish(
    run: Run,
    params: SearchParams,
    trials: Sequence[ChildJob],
    tried: Sequence[EvaluatedTrial],
    best: EvaluatedTrial | None,
) -> Finish:
    if best is None:
        raise NoTrialSucceeded
    recipe = Recipe.model_validate(trials[best.number].params["recipe"])
    training = TrainingParams(
        dataset_id=params.dataset_id,
        base_model_version_id=params.base_model_version_id,
        name=params.name,
        **recipe.model_dump() | {"averaged_runs": params.averaged_runs},
    )
    table = [_row(trial, one) for trial, one in zip(trials, tried, strict=True)]

    def finish(session: Session) -> dict[str, Any]:
        job_id = id_of_job("train", run.job_id, 0)
        _submit_part(session, run, training, job_id)
        return {"best": table[best.number], "trials": table, "training_job_id": str(job_id)}

    return finish


def _submit_part(session: Session, run: Run, params: TrialParams | TrainingParams, job_id: uuid.UUID) -> None:
    jobs.submit(session, run.organization_id, params, job_id=job_id, parent_id=run.job_id)


def _tried(trial: ChildJob, space: Mapping[str, Any]) -> EvaluatedTrial:
    recipe, result = trial.params["recipe"], trial.result
    values = {name: recipe[name] for name in space if sampler.matters(name, recipe["loss"])}
    if trial.status != JobStatus.SUCCEEDED or result is None:
        return EvaluatedTrial(trial.params["number"], values, "failed")
    return EvaluatedTrial(
        number=trial.params["number"],
        values=values,
        status="pruned" if result["is_pruned"] else "complete",
        value=result["value"],
        recall_at_1=result["recall_at_1"],
        running=tuple(result["running"]),
    )


def _row(trial: ChildJob, one: EvaluatedTrial) -> dict[str, Any]:
    figures = {} if one.status == "failed" else {key: (trial.result or {})[key] for key in FIGURES}
    recipe = trial.params["recipe"]
    return {"number": one.number, "status": one.status, "job_id": str(trial.id), "recipe": recipe, **figures}
