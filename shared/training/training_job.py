"""What the jobs that train a model share: the checks, and the model version that a training becomes."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.tables import Dataset
from shared.jobs.handlers import Report
from shared.jobs.kinds import RerankerTrainingParams, SearchParams, TrainingParams
from shared.jobs.run import Effects, Run
from shared.registry import service as registry
from shared.registry.model_jobs import run_and_register
from shared.registry.tables import ModelVersion
from shared.resources import Resources
from shared.training import trackers
from shared.training.library_trainer import TrainProgress
from shared.training.rows import TrainRow, Untrainable, train_rows
from shared.training.trackers import RunLogger
from shared.training.trainer_process import train_in_subprocess
from shared.transactions.formats import TextFormat


def get_trainable_dataset(
    session: Session,
    organization_id: uuid.UUID,
    params: TrainingParams | RerankerTrainingParams | SearchParams,
    *,
    min_rows: int = 2,
) -> Dataset:
    """The dataset to train on; also checks that the new model's name is free.

    Raises:
        DatasetNotFound: not the organisation's.
        ModelNameTaken: another version has the name.
        Untrainable: fewer than `min_rows` training rows, or labels of fewer than two categories.
    """
    dataset = dataset_store.get(session, organization_id, params.dataset_id)
    registry.check_name(session, organization_id, params.name)
    if dataset.counts["train"] < min_rows or len(dataset.categories) < 2:
        raise Untrainable
    return dataset


def train_and_register(
    run: Run,
    params: TrainingParams | RerankerTrainingParams,
    resources: Resources,
    command: Sequence[str],
    *,
    kind: str,
    base: ModelVersion,
    dataset: Dataset,
    texts: TextFormat,
) -> Effects:
    """Train in a subprocess and register the model as a version of this kind, which reads these texts.

    `command` starts the trainer; the job's id and an output folder are appended to it. The metrics that it
    reports become those of the version.
    """

    def produce(folder: Path) -> ModelVersion:
        metrics = train_in_subprocess(run, [*command, str(run.job_id), str(folder)])
        return ModelVersion(
            id=run.job_id,
            organization_id=run.organization_id,
            name=params.name,
            kind=kind,
            base_model=base.base_model,
            base_model_revision=base.base_model_revision,
            # Serving reads under "texts" the text format that the model was trained on.
            parameters={**params.model_dump(mode="json"), "texts": texts.as_dict()},
            metrics=metrics,
            dataset_id=params.dataset_id,
            job_id=run.job_id,
        )

    return run_and_register(
        run, resources.artifacts, produce, dataset=dataset, result_of=lambda version: version.metrics
    )


@contextmanager
def tracked_steps(
    resources: Resources,
    params: TrainingParams | RerankerTrainingParams,
    epochs: int,
    report: Report,
) -> Iterator[tuple[Callable[[TrainProgress], None], RunLogger]]:
    """Sends each step to the job's progress and to the experiment trackers of the settings.

    Closes the resources first: a training takes hours and needs no connection.
    """
    resources.close()
    with trackers.track_run(resources.settings.training_reports, params.name, params) as run_logger:

        def on_step(step: TrainProgress) -> None:
            note = f"epoch {step.epoch:.2f} of {epochs}, loss {step.loss:.4f}"
            report(step.step, step.total_steps, note)
            run_logger.step(step.step, {"epoch": step.epoch, "loss": step.loss})

        yield on_step, run_logger


def load_rows(
    session: Session, organization_id: uuid.UUID, dataset: Dataset, texts: TextFormat
) -> tuple[tuple[TrainRow, ...], tuple[TrainRow, ...]]:
    """The rows of a dataset's train split and of its test split."""
    train, test = (
        train_rows(datasets.items(session, organization_id, dataset.id, split), dataset.categories, texts)
        for split in ("train", "test")
    )
    return train, test
