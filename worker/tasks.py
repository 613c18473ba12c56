"""The table of contents: every kind of job and who does its work."""

import sys

from shared.bootstrap import Resources
from shared.datasets import freezing
from shared.engines.hub import Hub
from shared.erasing import service as erasing
from shared.evaluation import baselines_job, split_difficulty
from shared.evaluation import service as evaluation
from shared.generation import service as generation
from shared.importing import service as importing
from shared.indexing import service as indexing
from shared.jobs.kinds import (
    ActivateParams,
    BaselinesParams,
    CheckDatasetParams,
    DatasetParams,
    DeleteOrganizationParams,
    EvaluationParams,
    GenerationParams,
    ImportModelParams,
    ImportParams,
    PushModelParams,
    ReindexParams,
    RerankerTrainingParams,
    SearchParams,
    SyncIndexParams,
    TrainingParams,
    TrialParams,
)
from shared.jobs.run import Finish, Run
from shared.publishing import service as publishing
from shared.training.bi_encoder import service as bi_encoder
from shared.training.cross_encoder import service as cross_encoder
from shared.training.search import service as searches
from shared.training.search import trial as trials
from worker.runner import runs

TRAINER = (sys.executable, "-m", "worker.trainer")


def _trainers(processes: int) -> tuple[str, ...]:
    """One trainer, or several that share the batches, each on a GPU of its own."""
    if processes == 1:
        return TRAINER
    launcher = (sys.executable, "-m", "torch.distributed.run", "--standalone")
    return (*launcher, "--nproc-per-node", str(processes), "-m", "worker.trainer")


@runs("import")
def import_rows(resources: Resources, run: Run, params: ImportParams) -> Finish:
    """Rows of a file become transactions."""
    return importing.import_rows(run, params, resources.artifacts)


@runs("freeze_dataset")
def freeze_dataset(_: Resources, run: Run, params: DatasetParams) -> Finish:
    """What is labelled becomes a dataset."""
    return freezing.freeze(run, params)


@runs("check_dataset")
def check_dataset(resources: Resources, run: Run, params: CheckDatasetParams) -> Finish:
    """A dataset's splits are compared."""
    return split_difficulty.check(run, params, resources.encoders)


@runs("sync_index")
def sync_index(resources: Resources, run: Run, params: SyncIndexParams) -> Finish:
    """Changed rows reach the index."""
    return indexing.sync(run, params, resources.index, resources.encoders)


@runs("reindex")
def reindex(resources: Resources, run: Run, params: ReindexParams) -> Finish:
    """All of an organisation's rows reach the index."""
    return indexing.reindex(run, params, resources.index, resources.encoders)


@runs("activate")
def activate(resources: Resources, run: Run, params: ActivateParams) -> Finish:
    """A model version is indexed, then serves."""
    return indexing.activate(run, params, resources.index, resources.encoders)


@runs("generate")
def generate(resources: Resources, run: Run, params: GenerationParams) -> Finish:
    """Candidates are made up."""
    return generation.generate(run, params, resources.settings, resources.index, resources.encoders)


@runs("evaluate")
def evaluate(resources: Resources, run: Run, params: EvaluationParams) -> Finish:
    """A model version is measured."""
    return evaluation.evaluate(run, params, resources.index, resources.encoders, resources.rerankers)


@runs("baselines")
def measure_baselines(_: Resources, run: Run, params: BaselinesParams) -> Finish:
    """What needs no model is measured."""
    return baselines_job.measure(run, params)


@runs("delete_organization")
def delete_organization(resources: Resources, run: Run, _: DeleteOrganizationParams) -> Finish:
    """An organisation and all that belongs to it are removed."""
    return erasing.erase(run, resources.index, resources.artifacts)


@runs("train")
def train(resources: Resources, run: Run, params: TrainingParams) -> Finish:
    """A model is fine-tuned, in a process of its own."""
    return bi_encoder.train(run, params, resources.artifacts, _trainers(resources.settings.trainer_processes))


@runs("search")
def search(_: Resources, run: Run, params: SearchParams) -> Finish:
    """A search's next step: trials are asked for, or waited for, or the winner is trained."""
    return searches.step(run, params)


@runs("trial")
def trial(resources: Resources, run: Run, params: TrialParams) -> Finish:
    """A recipe is cross-validated, in a process of its own."""
    return trials.attempt(run, params, resources.artifacts, TRAINER)


@runs("import_model")
def import_model(resources: Resources, run: Run, params: ImportModelParams) -> Finish:
    """A model is fetched, tried and registered."""
    settings = resources.settings
    hub = Hub(settings.hub_token)
    return publishing.import_model(run, params, resources.artifacts, hub, settings.models_dir)


@runs("push_model")
def push_model(resources: Resources, run: Run, params: PushModelParams) -> Finish:
    """A model goes to a hub."""
    return publishing.push_model(run, params, resources.artifacts, Hub(resources.settings.hub_token))


@runs("train_reranker")
def train_reranker(resources: Resources, run: Run, params: RerankerTrainingParams) -> Finish:
    """A reranker is trained, in a process of its own."""
    return cross_encoder.train(run, params, resources.artifacts, TRAINER)
