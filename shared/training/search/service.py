"""A search is a job with child jobs, its trials: it submits a batch, waits without a worker, and goes on.

A search has no state but the rows of its trials. Each step reads them, and they and the seed decide what the
step does, so a search that was killed goes on as if nothing had happened.
"""

import itertools
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from shared.jobs import exceptions as job_exceptions
from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import Recipe, SearchParams, TrainingParams, TrialParams
from shared.jobs.run import Effects, Run
from shared.jobs.states import JobStatus
from shared.jobs.store import ChildJob
from shared.jobs.tables import Job
from shared.kit.errors import AppError, FieldError, Invalid
from shared.kit.ids import id_of_job
from shared.registry import service as registry
from shared.registry.serving import get_bi_encoder
from shared.resources import Resources
from shared.training.bi_encoder.service import check_recipe
from shared.training.search import sampler
from shared.training.search.results import SearchResult, SearchTrial, TrialResult
from shared.training.search.sampler import EvaluatedTrial
from shared.training.training_job import get_trainable_dataset

# Trials take minutes, and the last of a batch wakes the search. Polling covers a wake-up that was lost.
POLL_SECONDS = 30.0


class NoTrialSucceeded(AppError):
    code = "no-trial-succeeded"
    message = "Every trial failed. Look at their errors, then search among recipes that can be trained."


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a search; `values` are those of `SearchParams`. The default base model is the first one.

    Raises:
        Invalid: the space has recipes that cannot be trained.
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder: the base model is a reranker.
        ModelNameTaken: another version has the name that the winner's model is to have.
        Untrainable: fewer than two training rows per fold, or labels of fewer than two categories.
    """
    base_id = values.get("base_model_version_id") or registry.get_base(session, organization_id).id
    space = sampler.complete_space(values.get("space") or {})
    params = SearchParams(**{**values, "base_model_version_id": base_id, "space": space})
    _check_recipes(space)
    get_bi_encoder(session, organization_id, base_id)
    get_trainable_dataset(session, organization_id, params, min_rows=2 * params.folds)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def _check_recipes(space: Mapping[str, Any]) -> None:
    for loss, batch_size in itertools.product(space["loss"], space["batch_size"]):
        try:
            check_recipe(Recipe(loss=loss, batch_size=batch_size), dimension=None, has_teacher=False)
        except Invalid as error:
            errors = (
                FieldError(f"/space{field.pointer}", field.code, field.message) for field in error.errors
            )
            raise Invalid(errors=tuple(errors)) from error


def step(run: Run, params: SearchParams, _resources: Resources) -> Effects:
    """Wait for running trials, submit the next ones, or end by submitting the winner's training.

    Raises:
        ChildrenAtWork: there are trials to wait for.
        NoTrialSucceeded: every trial failed.
    """
    with run.reading() as session:
        trials = job_store.list_children(session, run.organization_id, run.job_id, "trial")
    ended = [trial for trial in trials if trial.status.is_final]
    evaluated = [_evaluated(trial, params.space) for trial in ended]
    best = sampler.best_of(evaluated)
    note = f"best MRR@5 so far {best.value:.3f}, of trial {best.number}" if best else ""
    run.progress(len(ended), params.trials, note)
    if len(ended) == len(trials):
        batch = _next_batch(params, evaluated)
        if not batch:
            return _submit_winner(run, params, trials, evaluated, best)
        with run.transaction() as session:
            for trial in batch:
                job_id = id_of_job("trial", run.job_id, trial.number)
                _submit_child(session, run, trial, job_id)
    raise job_exceptions.ChildrenAtWork(run.reported, POLL_SECONDS)


def _next_batch(params: SearchParams, evaluated: Sequence[EvaluatedTrial]) -> list[TrialParams]:
    """The next trials; none where there are enough of them, or no recipe is left."""
    count = min(params.parallel, params.trials - len(evaluated))
    if count <= 0:
        return []
    startup = max(params.parallel, min(10, math.ceil(params.trials / 4)))
    points = sampler.ask(params.space, evaluated, count, seed=params.seed, startup=startup)
    threshold = sampler.stop_below(evaluated, params.folds)
    return [
        TrialParams(
            number=len(evaluated) + position,
            dataset_id=params.dataset_id,
            base_model_version_id=params.base_model_version_id,
            folds=params.folds,
            fold_seed=params.seed,
            recipe=Recipe(**point, seed=params.seed),
            stop_below=threshold,
        )
        for position, point in enumerate(points)
    ]


def _submit_winner(
    run: Run,
    params: SearchParams,
    trials: Sequence[ChildJob],
    evaluated: Sequence[EvaluatedTrial],
    best: EvaluatedTrial | None,
) -> Effects:
    if best is None:
        raise NoTrialSucceeded
    recipe = Recipe.model_validate(trials[best.number].params["recipe"])
    training = TrainingParams(
        dataset_id=params.dataset_id,
        base_model_version_id=params.base_model_version_id,
        name=params.name,
        **recipe.model_dump() | {"averaged_runs": params.averaged_runs},
    )
    table = [_table_row(trial, result) for trial, result in zip(trials, evaluated, strict=True)]

    def apply_effects(session: Session) -> dict[str, Any]:
        job_id = id_of_job("train", run.job_id, 0)
        _submit_child(session, run, training, job_id)
        result = SearchResult(best=table[best.number], trials=table, training_job_id=job_id)
        return result.model_dump(mode="json", exclude_unset=True)

    return apply_effects


def _submit_child(
    session: Session, run: Run, params: TrialParams | TrainingParams, job_id: uuid.UUID
) -> None:
    jobs.submit(session, run.organization_id, params, job_id=job_id, parent_id=run.job_id)


def _evaluated(trial: ChildJob, space: Mapping[str, Any]) -> EvaluatedTrial:
    recipe = trial.params["recipe"]
    values = {name: recipe[name] for name in space if sampler.is_relevant(name, recipe["loss"])}
    if trial.status != JobStatus.SUCCEEDED or trial.result is None:
        return EvaluatedTrial(trial.params["number"], values, "failed")
    result = TrialResult.model_validate(trial.result)
    return EvaluatedTrial(
        number=trial.params["number"],
        values=values,
        status="pruned" if result.is_pruned else "complete",
        value=result.value,
        recall_at_1=result.recall_at_1,
        running=result.running,
    )


def _table_row(trial: ChildJob, evaluated: EvaluatedTrial) -> SearchTrial:
    figures: dict[str, Any] = {}
    if evaluated.status != "failed":
        scores = TrialResult.model_validate(trial.result)
        figures = scores.model_dump(include={"value", "low", "high", "n", "recall_at_1", "running"})
    return SearchTrial(
        number=evaluated.number,
        status=evaluated.status,
        job_id=trial.id,
        recipe=trial.params["recipe"],
        **figures,
    )
