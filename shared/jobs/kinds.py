"""Every kind of job: its parameters, its queue and its urgency. One place to see what the workers do.

The parameters of what trains are in `recipes`.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from shared.jobs.params import Params
from shared.jobs.recipes import RerankerTrainingParams, SearchParams, TrainingParams, TrialParams

QUEUES = ("default", "llm", "embedding", "evaluation", "gpu")
Projection = Literal["pca", "umap"]
Strategy = Literal["random", "stratified", "by_merchant", "by_time", "by_category", "by_department"]


class ImportParams(Params):
    """Rows of an uploaded file become transactions."""

    upload: str
    format: Literal["csv", "jsonl"]
    mapping: dict[str, str] = Field(description="Our field -> the file's column.")
    defaults: dict[str, str] = Field(default_factory=dict, description="Our field -> a value for every row.")
    create_categories: bool = False


class SyncIndexParams(Params):
    """Bring these rows' points in line with Postgres."""

    category_ids: list[uuid.UUID] = Field(default_factory=list)
    transaction_ids: list[uuid.UUID] = Field(default_factory=list)


class ReindexParams(Params):
    """Bring every point of a model version in line with Postgres; `rebuild` drops the old ones first."""

    model_version_id: uuid.UUID
    rebuild: bool = False


class ActivateParams(Params):
    """Index a model version, then switch to it, unless somebody else switched since `counter`."""

    model_version_id: uuid.UUID
    counter: int


class DatasetParams(Params):
    """Freeze what is labelled."""

    name: str
    seed: int
    train: float
    test: float
    eval: float
    strategy: Strategy = "stratified"
    remove_duplicates: bool = True
    sources: list[str] = Field(default_factory=list, description="Of the transactions; empty: all.")
    category_ids: list[uuid.UUID] = Field(default_factory=list, description="Empty: all live ones.")
    occurred_from: dt.date | None = None
    occurred_to: dt.date | None = None


class CheckDatasetParams(Params):
    """Compare how hard a dataset's splits are for the base model."""

    dataset_id: uuid.UUID


class EvaluationParams(Params):
    """Measure a model version on one split of a dataset, with a reranker behind it or without."""

    dataset_id: uuid.UUID
    model_version_id: uuid.UUID
    split: Literal["train", "test", "eval"]
    reranker_version_id: uuid.UUID | None = None
    rerank_top_n: int = 10
    renamed: bool = Field(default=False, description="Categories under other names that people approved.")
    projection: Projection = Field(default="pca", description="Of the map; umap needs its extra.")


class BaselinesParams(Params):
    """Measure what needs no model of ours on one split of a dataset, an evaluation for each method."""

    dataset_id: uuid.UUID
    split: Literal["train", "test", "eval"]


class ImportModelParams(Params):
    """Fetch a model from a hub, or from a folder of this machine, and register it."""

    name: str
    source: str
    revision: str | None = None
    kind: Literal["bi_encoder", "reranker"] = "bi_encoder"
    matryoshka_dimensions: tuple[int, ...] = ()


class PushModelParams(Params):
    """Send a model version to a hub."""

    model_version_id: uuid.UUID
    repository: str
    is_private: bool = True


class GenerationParams(Params):
    """Let an LLM make up transactions, or other names for categories, for people to review."""

    style: Literal["plain", "ambiguous", "adversarial", "paraphrase", "offline"]
    count: int
    choice: Literal["balanced", "by_need"] = "balanced"
    category_ids: list[uuid.UUID] = Field(default_factory=list, description="Empty: all live ones.")
    seed: int = 0
    max_tokens: int | None = Field(default=None, description="Prompt and completion together.")
    max_cost: float | None = Field(default=None, description="In the currency of the settings' prices.")


class DeleteOrganizationParams(Params):
    """Remove everything that belongs to the job's organisation, and in the end the organisation itself."""


@dataclass(frozen=True)
class Kind:
    """How one kind of job is run."""

    params: type[Params]
    queue: str
    priority: int = 3
    max_attempts: int | None = None  # None: the setting's
    is_counted: bool = True  # among the jobs of which an organisation may have so many waiting


KINDS: dict[str, Kind] = {
    "import": Kind(ImportParams, "default"),
    "freeze_dataset": Kind(DatasetParams, "default"),
    "check_dataset": Kind(CheckDatasetParams, "evaluation"),
    "sync_index": Kind(SyncIndexParams, "embedding", priority=0, is_counted=False),
    "reindex": Kind(ReindexParams, "embedding", priority=6),
    "activate": Kind(ActivateParams, "embedding"),
    "generate": Kind(GenerationParams, "llm"),
    "evaluate": Kind(EvaluationParams, "evaluation"),
    "baselines": Kind(BaselinesParams, "evaluation"),
    "train": Kind(TrainingParams, "gpu"),
    "train_reranker": Kind(RerankerTrainingParams, "gpu"),
    "search": Kind(SearchParams, "evaluation"),
    "trial": Kind(TrialParams, "gpu", is_counted=False),
    "import_model": Kind(ImportModelParams, "default"),
    "push_model": Kind(PushModelParams, "default"),
    "delete_organization": Kind(DeleteOrganizationParams, "default", max_attempts=20),
}
