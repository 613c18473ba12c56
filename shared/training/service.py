"""Trainings: asking for one, and running one in a process of its own."""

import math
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.engines.artifacts import Artifacts
from shared.engines.encoder_cache import Encoders
from shared.jobs import service as jobs
from shared.jobs.kinds import Recipe, TrainingParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry import cards
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.matryoshka import dimension_of
from shared.registry.serving import RERANKERS, get_bi_encoder, get_local, model_of, serving_of
from shared.registry.tables import ModelVersion
from shared.training import trainer_process
from shared.training.bi_encoder.before_after import compare
from shared.training.bi_encoder.recipe_checks import check
from shared.training.bi_encoder.spec import FinetuneRequest, Teacher
from shared.training.early_stopping import EpochMetrics
from shared.training.rows import Untrainable, category_texts, text_format, train_rows
from shared.transactions.formats import TextFormat

__all__ = ["category_texts", "text_format", "train_rows"]

STAGING = "staging"


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a fine-tuning; `values` are those of `TrainingParams`, without a base model for the first one.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder: the base model is a reranker.
        NoWeights: the teacher is hosted elsewhere.
        ModelNameTaken: another version has the name.
        Invalid: the recipe's parts do not fit each other, or not the model.
        Untrainable: the dataset has labels of fewer than two categories to learn from.
    """
    base_id = values.get("base_model_version_id") or registry.get_base(session, organization_id).id
    params = TrainingParams(**{**values, "base_model_version_id": base_id})
    base = get_bi_encoder(session, organization_id, base_id)
    if params.teacher_version_id is not None:
        get_local(session, organization_id, params.teacher_version_id)
    dataset = dataset_store.get(session, organization_id, params.dataset_id)
    registry.check_name(session, organization_id, params.name)
    check(params, dimension=dimension_of(base), has_teacher=params.teacher_version_id is not None)
    if dataset.counts["train"] < 2 or len(dataset.categories) < 2:
        raise Untrainable
    return jobs.submit(session, organization_id, params, request_id=request_id)


def train(run: Run, params: TrainingParams, artifacts: Artifacts, command: Sequence[str]) -> Finish:
    """Let `command` (the trainer, given this job's id and an output folder) train, then keep its model."""
    with run.reading() as session:
        registry.check_name(session, run.organization_id, params.name)
        base = model_store.get(session, run.organization_id, params.base_model_version_id)
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)
    return make(run, artifacts, command, dataset, lambda found: _version(run, params, base, found))


def make(
    run: Run,
    artifacts: Artifacts,
    command: Sequence[str],
    dataset: Dataset,
    version_of: Callable[[dict[str, Any]], ModelVersion],
) -> Finish:
    """What `command` leaves in its folder becomes an artifact, and a model version with the job's own id.

    So training twice is having once. Each attempt has an artifact of its own, so that one that comes back
    from the dead overwrites nothing. `version_of` makes the row of what the trainer found, but
    for its files.
    """
    version_id = run.job_id  # like every id in the order of time, and the same at each attempt
    for attempt in range(1, run.attempt):  # what they left when they died
        artifacts.delete(f"{STAGING}/{run.job_id}-{attempt}")
        artifacts.delete(f"models/{version_id}-{attempt}")
    staged, name = f"{STAGING}/{run.job_id}-{run.attempt}", f"models/{version_id}-{run.attempt}"
    output = artifacts.path(staged)
    try:
        found = trainer_process.supervise(run, [*command, str(run.job_id), str(output)])
        version = version_of(found)
        cards.write(output, version, dataset)
        version.artifact, version.fingerprint = name, artifacts.save(name, output)
    finally:
        artifacts.delete(staged)

    def finish(session: Session) -> dict[str, Any]:
        model_store.add(session, version)
        return {"model_version_id": str(version_id), **found}

    return finish


def _version(run: Run, params: TrainingParams, base: ModelVersion, found: dict[str, Any]) -> ModelVersion:
    """What was made, but for its files, in which its card is to lie."""
    return ModelVersion(
        id=run.job_id,
        organization_id=run.organization_id,
        name=params.name,
        kind="fine_tuned",
        base_model=base.base_model,
        base_model_revision=base.base_model_revision,
        # Serving reads under "texts" what the model has learnt to read.
        parameters={**params.model_dump(mode="json"), "texts": text_format(params).as_dict()},
        metrics=found,
        dataset_id=params.dataset_id,
        job_id=run.job_id,
    )


def prepare(
    engine: Engine, encoders: Encoders, settings: Settings, job_id: uuid.UUID, output: Path
) -> FinetuneRequest:
    """What the trainer's process trains, read from the job's row and its dataset."""
    with transaction(engine) as session:
        job = jobs.get_any(session, job_id)
        params = TrainingParams.model_validate(job.params)
        dataset = dataset_store.get(session, job.organization_id, params.dataset_id)
        base = model_store.get(session, job.organization_id, params.base_model_version_id)
        teacher_id = params.teacher_version_id
        teacher = None if teacher_id is None else model_store.get(session, job.organization_id, teacher_id)
        items = {
            name: datasets.items(session, job.organization_id, params.dataset_id, name)
            for name in ("train", "test")
        }
    texts = text_format(params)
    rows = {name: train_rows(found, dataset.categories, texts) for name, found in items.items()}
    return FinetuneRequest(
        base_model=encoders.folder(serving_of(base).model),
        output_dir=output,
        category_texts=category_texts(dataset.categories, texts),
        train_rows=rows["train"],
        test_rows=rows["test"],
        recipe=Recipe(**params.model_dump(include=set(Recipe.model_fields))),
        device=settings.device,
        precision=params.precision,
        has_gradient_checkpointing=params.has_gradient_checkpointing,
        teacher=None if teacher is None else _teacher_of(teacher, dataset, encoders),
    )


def _teacher_of(version: ModelVersion, dataset: Dataset, encoders: Encoders) -> Teacher:
    texts = TextFormat.of(version.parameters)
    return Teacher(
        folder=encoders.folder(model_of(version)),
        is_reranker=version.kind in RERANKERS,
        texts=texts,
        category_texts=category_texts(dataset.categories, texts),
    )


def epochs_of(epochs: Sequence[EpochMetrics]) -> list[dict[str, Any]]:
    """The epochs' figures as JSON, which cannot say that without test rows they are not numbers."""
    return [
        {
            "epoch": epoch.epoch,
            "recall_at_1": None if math.isnan(epoch.recall_at_1) else epoch.recall_at_1,
            "mrr": None if math.isnan(epoch.mrr) else epoch.mrr,
        }
        for epoch in epochs
    ]


def summary(result: Any) -> dict[str, Any]:
    """A `FinetuneResult` as the model version's metrics keep it."""
    reciprocals = {epoch.epoch: epoch.reciprocals for epoch in result.epochs}
    return {
        "epochs": epochs_of(result.epochs),
        "best_epoch": result.best_epoch,
        "test": compare(reciprocals[0], reciprocals.get(result.best_epoch, ())),
        "triplet_accuracy_before": result.triplet_accuracy_before,
        "triplet_accuracy_after": result.triplet_accuracy_after,
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "rows": result.rows,
        "rows_per_second": round(result.rows_per_second, 1),
        "peak_memory_mb": round(result.peak_memory_mb, 1),
        "peak_memory_of": result.peak_memory_of,
        "dimensions": list(result.dimensions),
        "device": result.device,
        "precision": result.precision,
    }
