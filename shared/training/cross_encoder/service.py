"""Trainings of a reranker as jobs: submit one, run one, and load what its trainer needs."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from shared.datasets import store as dataset_store
from shared.jobs import service as jobs
from shared.jobs.handlers import Report
from shared.jobs.kinds import RerankerTrainingParams
from shared.jobs.run import Effects, Run
from shared.jobs.tables import Job
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import find_active, get_bi_encoder, get_local, get_reranker, model_of
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from shared.training.cross_encoder.lists import examples_of
from shared.training.cross_encoder.spec import RerankerRequest, RerankerResult
from shared.training.metrics import compare, epochs_as_json
from shared.training.rows import category_texts
from shared.training.trainer_process import trainer_command
from shared.training.training_job import get_trainable_dataset, load_rows, tracked_steps, train_and_register
from shared.transactions.formats import TextFormat


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a reranker's training; `values` are those of `RerankerTrainingParams`.

    The default miner is the active model, or the base model before the first activation.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder, NoReranker: the miner, or the model to start from, is of the other kind.
        NoWeights: the reranker to start from is hosted elsewhere.
        ModelNameTaken: another version has the name.
        Untrainable: the training rows are of fewer than two categories.
    """
    miner_id = values.get("miner_version_id") or _default_miner_id(session, organization_id)
    params = RerankerTrainingParams(**{**values, "miner_version_id": miner_id})
    get_bi_encoder(session, organization_id, miner_id)
    if params.base_model_version_id is not None:
        get_reranker(session, organization_id, params.base_model_version_id)
        get_local(session, organization_id, params.base_model_version_id)
    get_trainable_dataset(session, organization_id, params)
    return jobs.submit(session, organization_id, params, request_id=request_id)


def train(
    run: Run, params: RerankerTrainingParams, resources: Resources, command: Sequence[str] | None = None
) -> Effects:
    """Train in a subprocess that `command` starts, and register the reranker as a version."""
    with run.reading() as session:
        base = _get_base(session, run.organization_id, params)
        dataset = get_trainable_dataset(session, run.organization_id, params)
    return train_and_register(
        run,
        params,
        resources,
        command or trainer_command(),
        kind="reranker",
        base=base,
        dataset=dataset,
        texts=TextFormat.of(base.parameters),
    )


def fine_tune(
    organization_id: uuid.UUID,
    params: RerankerTrainingParams,
    resources: Resources,
    output: Path,
    report: Report,
) -> dict[str, Any]:
    """Train in this process, which is the trainer's; the metrics of the reranker in `output`."""
    from shared.training.cross_encoder.trainer import train_reranker

    request = load_request(organization_id, params, resources, output)
    with tracked_steps(resources, params, params.epochs, report) as (on_step, run_logger):
        metrics = summary(train_reranker(request, on_step))
        run_logger.result(metrics)
    return metrics


def load_request(
    organization_id: uuid.UUID, params: RerankerTrainingParams, resources: Resources, output: Path
) -> RerankerRequest:
    """The training that the parameters describe, with the rows and models that it needs.

    The reranker has the text format of its base; the miner, which may be another model, has its own.
    """
    with transaction(resources.engine) as session:
        dataset = dataset_store.get(session, organization_id, params.dataset_id)
        miner = model_store.get(session, organization_id, params.miner_version_id)
        base = _get_base(session, organization_id, params)
        texts = TextFormat.of(base.parameters)
        train_rows, test_rows = load_rows(session, organization_id, dataset, texts)
    return RerankerRequest(
        base_model=resources.encoders.folder(model_of(base)),
        miner=resources.encoders.folder(model_of(miner)),
        miner_texts=TextFormat.of(miner.parameters),
        output_dir=output,
        category_texts=category_texts(dataset.categories, texts),
        miner_category_texts=category_texts(dataset.categories, TextFormat.of(miner.parameters)),
        train_rows=train_rows,
        examples=examples_of(dataset.categories, texts) if params.has_examples else (),
        test_rows=test_rows,
        **params.model_dump(include=set(RerankerRequest.__dataclass_fields__)),
        device=resources.settings.device,
    )


def summary(result: RerankerResult) -> dict[str, Any]:
    """The result as the model version's metrics store it."""
    reciprocals = {epoch.epoch: epoch.reciprocals for epoch in result.epochs}
    return {
        "epochs": epochs_as_json(result.epochs),
        "best_epoch": result.best_epoch,
        "test": compare(result.first_stage, reciprocals.get(result.best_epoch, ())),
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "device": result.device,
        "precision": result.precision,
    }


def _default_miner_id(session: Session, organization_id: uuid.UUID) -> uuid.UUID:
    active = find_active(session, organization_id)
    return registry.get_base(session, organization_id).id if active is None else active.version_id


def _get_base(session: Session, organization_id: uuid.UUID, params: RerankerTrainingParams) -> ModelVersion:
    return model_store.get(session, organization_id, params.base_model_version_id or params.miner_version_id)
