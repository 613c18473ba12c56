"""Trainings of rerankers: asking for one, and running one in a process of its own."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.engines.artifacts import Artifacts
from shared.engines.encoder_cache import Encoders
from shared.jobs import service as jobs
from shared.jobs.kinds import RerankerTrainingParams
from shared.jobs.run import Finish, Run
from shared.jobs.tables import Job
from shared.kit.settings import Settings
from shared.kit.unit_of_work import transaction
from shared.registry import service as registry
from shared.registry import store as model_store
from shared.registry.serving import find_active, get_bi_encoder, get_local, get_reranker, model_of
from shared.registry.tables import ModelVersion
from shared.training import service as training
from shared.training.bi_encoder.before_after import compare
from shared.training.cross_encoder.lists import examples_of
from shared.training.cross_encoder.spec import RerankerRequest, RerankerResult
from shared.training.rows import Untrainable
from shared.transactions.formats import TextFormat


def submit(
    session: Session, organization_id: uuid.UUID, values: dict[str, Any], *, request_id: str | None = None
) -> Job:
    """Queue a reranker's training; `values` are those of `RerankerTrainingParams`.

    Without a miner it is the active model, or the base model before the first activation.

    Raises:
        DatasetNotFound, ModelNotFound: not the organisation's.
        NoBiEncoder, NoReranker: the miner, or the model to start from, is of the other kind.
        NoWeights: the reranker to start from is hosted elsewhere.
        ModelNameTaken: another version has the name.
        Untrainable: the dataset has labels of fewer than two categories to learn from.
    """
    miner_id = values.get("miner_version_id") or _own_miner(session, organization_id)
    params = RerankerTrainingParams(**{**values, "miner_version_id": miner_id})
    get_bi_encoder(session, organization_id, miner_id)
    if params.base_model_version_id is not None:
        get_reranker(session, organization_id, params.base_model_version_id)
        get_local(session, organization_id, params.base_model_version_id)
    dataset = dataset_store.get(session, organization_id, params.dataset_id)
    registry.check_name(session, organization_id, params.name)
    if dataset.counts["train"] < 2 or len(dataset.categories) < 2:
        raise Untrainable
    return jobs.submit(session, organization_id, params, request_id=request_id)


def train(run: Run, params: RerankerTrainingParams, artifacts: Artifacts, command: Sequence[str]) -> Finish:
    """Let `command` (the trainer, given this job's id and an output folder) train, then keep its reranker."""
    with run.reading() as session:
        registry.check_name(session, run.organization_id, params.name)
        base = _base_of(session, run.organization_id, params)
        dataset = dataset_store.get(session, run.organization_id, params.dataset_id)

    def version_of(found: dict[str, Any]) -> ModelVersion:
        return ModelVersion(
            id=run.job_id,
            organization_id=run.organization_id,
            name=params.name,
            kind="reranker",
            base_model=base.base_model,
            base_model_revision=base.base_model_revision,
            parameters={**params.model_dump(mode="json"), "texts": TextFormat.of(base.parameters).as_dict()},
            metrics=found,
            dataset_id=params.dataset_id,
            job_id=run.job_id,
        )

    return training.make(run, artifacts, command, dataset, version_of)


def prepare(
    engine: Engine, encoders: Encoders, settings: Settings, job_id: uuid.UUID, output: Path
) -> RerankerRequest:
    """What the trainer's process trains, read from the job's row and its dataset.

    The reranker reads the texts that its base reads; the miner, which may be another, reads its own.
    """
    with transaction(engine) as session:
        job = jobs.get_any(session, job_id)
        params = RerankerTrainingParams.model_validate(job.params)
        dataset = dataset_store.get(session, job.organization_id, params.dataset_id)
        miner = model_store.get(session, job.organization_id, params.miner_version_id)
        base = _base_of(session, job.organization_id, params)
        items = {
            name: datasets.items(session, job.organization_id, params.dataset_id, name)
            for name in ("train", "test")
        }
    texts = TextFormat.of(base.parameters)
    rows = {name: training.train_rows(found, dataset.categories, texts) for name, found in items.items()}
    return RerankerRequest(
        base_model=encoders.folder(model_of(base)),
        miner=encoders.folder(model_of(miner)),
        miner_texts=TextFormat.of(miner.parameters),
        output_dir=output,
        category_texts=training.category_texts(dataset.categories, texts),
        miner_category_texts=training.category_texts(dataset.categories, TextFormat.of(miner.parameters)),
        train_rows=rows["train"],
        examples=examples_of(dataset.categories, texts) if params.has_examples else (),
        test_rows=rows["test"],
        **params.model_dump(include=set(RerankerRequest.__dataclass_fields__)),
        device=settings.device,
    )


def summary(result: RerankerResult) -> dict[str, Any]:
    """A `RerankerResult` as the model version's metrics keep it."""
    reciprocals = {epoch.epoch: epoch.reciprocals for epoch in result.epochs}
    return {
        "epochs": training.epochs_of(result.epochs),
        "best_epoch": result.best_epoch,
        "test": compare(result.first_stage, reciprocals.get(result.best_epoch, ())),
        "steps": result.steps,
        "seconds": round(result.seconds, 3),
        "device": result.device,
        "precision": result.precision,
    }


def _own_miner(session: Session, organization_id: uuid.UUID) -> uuid.UUID:
    active = find_active(session, organization_id)
    return registry.get_base(session, organization_id).id if active is None else active.version_id


def _base_of(session: Session, organization_id: uuid.UUID, params: RerankerTrainingParams) -> ModelVersion:
    return model_store.get(session, organization_id, params.base_model_version_id or params.miner_version_id)
