"""Fine-tunings of a bi-encoder as jobs: submit one, run one, and load what its trainer needs."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.engines.encoder_cache import Encoders
from shared.jobs import service as jobs
from shared.jobs.handlers import Report
from shared.jobs.kinds import Recipe, TrainingParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.errors import FieldError, Invalid
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.matryoshka import dimension_of
from shared.registry.serving import RERANKERS, get_bi_encoder, get_local, model_of, serving_of
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from shared.training.bi_encoder.losses import OF_LABELS
from shared.training.bi_encoder.spec import FinetuneRequest, FinetuneResult, TeacherModel
from shared.training.metrics import compare, epochs_as_json
from shared.training.rows import category_texts, text_format
from shared.training.trainer_process import trainer_command
from shared.training.training_job import get_trainable_dataset, load_rows, tracked_steps, train_and_register
from shared.transactions.formats import TextFormat


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a fine-tuning; `values` are those of `TrainingParams`. The default base model is the first one.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder: the base model is a reranker.
        NoWeights: the teacher is hosted elsewhere.
        ModelNameTaken: another version has the name.
        Invalid: the recipe contradicts itself, or does not fit the model.
        Untrainable: the training rows are of fewer than two categories.
    """
    base_id = values.get("base_model_version_id") or registry.get_base(session, organization_id).id
    params = TrainingParams(**{**values, "base_model_version_id": base_id})
    base = get_bi_encoder(session, organization_id, base_id)
    if params.teacher_version_id is not None:
        get_local(session, organization_id, params.teacher_version_id)
    check_recipe(params, dimension=dimension_of(base), has_teacher=params.teacher_version_id is not None)
    get_trainable_dataset(session, organization_id, params)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def train(
    run: Run, params: TrainingParams, resources: Resources, command: Sequence[str] | None = None
) -> Effects:
    """Fine-tune in the trainer's process, which `command` starts, and register the model as a version."""
    with run.reading() as session:
        base = model_store.get(session, run.organization_id, params.base_model_version_id)
        dataset = get_trainable_dataset(session, run.organization_id, params)
    return train_and_register(
        run,
        params,
        resources,
        command or trainer_command(resources.settings.trainer_processes),
        kind="fine_tuned",
        base=base,
        dataset=dataset,
        texts=text_format(params),
    )


def fine_tune(
    organization_id: uuid.UUID, params: TrainingParams, resources: Resources, output: Path, report: Report
) -> dict[str, Any]:
    """Fine-tune in this process, which is the trainer's; the metrics of the model in `output`."""
    from shared.training.bi_encoder.model_soup import finetune_averaged

    request = load_request(organization_id, params, resources, output)
    epochs = params.epochs * params.averaged_runs
    with tracked_steps(resources, params, epochs, report) as (on_step, run_logger):
        metrics = summary(finetune_averaged(request, on_step))
        run_logger.result(metrics)
    return metrics


def load_request(
    organization_id: uuid.UUID, params: TrainingParams, resources: Resources, output: Path
) -> FinetuneRequest:
    """The fine-tuning that the parameters describe, with the rows and models that it needs."""
    texts = text_format(params)
    with transaction(resources.engine) as session:
        dataset = dataset_store.get(session, organization_id, params.dataset_id)
        base = model_store.get(session, organization_id, params.base_model_version_id)
        teacher_id = params.teacher_version_id
        teacher = None if teacher_id is None else model_store.get(session, organization_id, teacher_id)
        train_rows, test_rows = load_rows(session, organization_id, dataset, texts)
    return FinetuneRequest(
        base_model=resources.encoders.folder(serving_of(base).model),
        output_dir=output,
        category_texts=category_texts(dataset.categories, texts),
        train_rows=train_rows,
        test_rows=test_rows,
        recipe=Recipe(**params.model_dump(include=set(Recipe.model_fields))),
        device=resources.settings.device,
        precision=params.precision,
        has_gradient_checkpointing=params.has_gradient_checkpointing,
        teacher=None if teacher is None else _teacher_model(teacher, dataset, resources.encoders),
    )


def _teacher_model(version: ModelVersion, dataset: Dataset, encoders: Encoders) -> TeacherModel:
    texts = TextFormat.of(version.parameters)
    return TeacherModel(
        folder=encoders.folder(model_of(version)),
        is_reranker=version.kind in RERANKERS,
        texts=texts,
        category_texts=category_texts(dataset.categories, texts),
    )


def summary(result: FinetuneResult) -> dict[str, Any]:
    """The result as the model version's metrics store it."""
    reciprocals = {epoch.epoch: epoch.reciprocals for epoch in result.epochs}
    return {
        "epochs": epochs_as_json(result.epochs),
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


def check_recipe(recipe: Recipe, *, dimension: int | None, has_teacher: bool) -> None:
    """Refuse a recipe whose fields contradict each other; `dimension`: of the model's vectors, where known.

    Raises:
        Invalid: with an error for each field.
    """
    errors = [*_loss_errors(recipe, has_teacher=has_teacher), *_dimension_errors(recipe, dimension)]
    if errors:
        raise Invalid(errors=tuple(errors))


def _loss_errors(recipe: Recipe, *, has_teacher: bool) -> list[FieldError]:
    errors = []
    if (recipe.loss == "margin_mse") != has_teacher:
        message = "The loss `margin_mse` learns from a teacher, and no other loss does."
        errors.append(FieldError("/teacher_version_id", "teacher", message))
    if recipe.loss in OF_LABELS:
        if recipe.batch_size < 4 or recipe.batch_size % 2:
            message = "This loss needs an even number of at least 4: two texts of each of two categories."
            errors.append(FieldError("/batch_size", "uneven", message))
        if recipe.negatives != "in_batch":
            message = "This loss finds its negatives in the batch."
            errors.append(FieldError("/negatives", "not-with-this-loss", message))
    if recipe.loss == "triplet" and recipe.negatives_per_pair != 1:
        message = "A triplet has one negative."
        errors.append(FieldError("/negatives_per_pair", "not-with-this-loss", message))
    return errors


def _dimension_errors(recipe: Recipe, dimension: int | None) -> list[FieldError]:
    dimensions = recipe.matryoshka_dimensions
    errors = []
    if list(dimensions) != sorted(set(dimensions), reverse=True):
        message = "Each dimension must be less than the one before."
        errors.append(FieldError("/matryoshka_dimensions", "not-descending", message))
    if dimension is not None and any(shorter > dimension for shorter in dimensions):
        message = f"The model's vectors have {dimension} numbers; no dimension can be more."
        errors.append(FieldError("/matryoshka_dimensions", "too-large", message))
    return errors
