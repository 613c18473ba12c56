"""Every kind of job: its parameters, its queue and its urgency. To add one, see CONTRIBUTING.md."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Queue = Literal["default", "llm", "embedding", "evaluation", "gpu"]
QUEUES: tuple[Queue, ...] = get_args(Queue)

Projection = Literal["pca", "umap"]
Strategy = Literal["random", "stratified", "by_merchant", "by_time", "by_category", "by_department"]
Loss = Literal[
    "mnrl",
    "cached_mnrl",
    "symmetric_mnrl",
    "batch_semi_hard_triplet",
    "batch_hard_triplet",
    "batch_hard_soft_margin_triplet",
    "batch_all_triplet",
    "triplet",
    "margin_mse",
]

NegativesKind = Literal["in_batch", "random", "hard"]
CategoryText = Literal["name", "name_examples", "name_examples_description"]


class Params(BaseModel):
    """Parameters of a job; validated where it is submitted and again where it runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Recipe(Params):
    """How to fine-tune a bi-encoder: everything that a search may vary. Defaults chosen by measurement."""

    loss: Loss = "mnrl"
    epochs: int = 5
    batch_size: int = 16
    mini_batch_size: int = Field(default=32, description="For `cached_mnrl`: how many texts at a time.")
    learning_rate: float = 1e-4
    warmup_ratio: float = 0.1
    transaction_share: float = Field(
        default=0.5, description="Share of pairs whose positive is a transaction."
    )
    negatives: NegativesKind = "in_batch"
    negatives_per_pair: int = 1
    negative_margin: float = Field(default=0.05, description="How much less similar hard negatives must be.")
    matryoshka_dimensions: tuple[int, ...] = ()
    field_dropout: float = Field(default=0.0, description="Probability that a field is left out in training.")
    category_text: CategoryText = "name_examples_description"
    has_amount_band: bool = False
    is_cleaned: bool = True
    averaged_runs: int = Field(default=1, description="How many trainings are averaged by their weights.")
    base_share: float = Field(default=0.0, description="Share of the base model's weights in the result.")
    seed: int = 0


class TrainingParams(Recipe):
    """Fine-tune a model version on a dataset's train split, watched on its test split.

    With `teacher_version_id`, a reranker's or a larger bi-encoder's, the loss is `margin_mse`.
    """

    dataset_id: uuid.UUID
    base_model_version_id: uuid.UUID
    name: str
    teacher_version_id: uuid.UUID | None = None
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    has_gradient_checkpointing: bool = False


class RerankerTrainingParams(Params):
    """Fine-tune a cross-encoder on a dataset's train split, with a bi-encoder's hard negatives."""

    dataset_id: uuid.UUID
    name: str
    miner_version_id: uuid.UUID = Field(description="The bi-encoder whose candidates it will rerank.")
    base_model_version_id: uuid.UUID | None = None  # to train further; None: the miner's with a new head
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 5e-5
    warmup_ratio: float = 0.1
    negatives_per_row: int = 3
    has_examples: bool = Field(default=True, description="Whether to train on the categories' examples, too.")
    seed: int = 0


class SearchParams(Params):
    """Search for the recipe with the best cross-validated score, then train with it on all rows."""

    dataset_id: uuid.UUID
    base_model_version_id: uuid.UUID
    name: str
    trials: int = 20
    parallel: int = 2
    folds: int = 3
    seed: int = 0
    averaged_runs: int = Field(default=1, description="For the winner's training; each trial trains once.")
    space: dict[str, Any] = Field(
        default_factory=dict, description="From a recipe's field to its possible values."
    )


class TrialParams(Params):
    """Cross-validate one recipe; the parent job is the search."""

    number: int
    dataset_id: uuid.UUID
    base_model_version_id: uuid.UUID
    folds: int
    fold_seed: int
    recipe: Recipe
    stop_below: tuple[float, ...] = ()  # after fold i it ends where its mean is below the i-th of these


class DeleteOrganizationParams(Params):
    """Remove everything that belongs to the job's organisation, and in the end the organisation itself."""


@dataclass(frozen=True)
class Kind:
    """How one kind of job is run.

    Its functions are given as "module:function", since they stand in rooms above this one.
    `shared.jobs.handlers` imports and checks them when a worker starts; so does a test.
    """

    name: str  # as rows, API and metrics have it
    params: type[Params]
    queue: Queue
    handler: str
    trainer_handler: str | None = None  # the part that runs in the trainer's process, if any
    priority: int = 3  # 0 is most urgent, 9 least
    max_attempts: int = 3
    is_counted: bool = True  # among the jobs of which an organisation may have only so many queued
    # What it writes outside of Postgres under the job's own id, for erasing to remove.
    leaves_models: bool = False
    leaves_collections: bool = False


_TABLE = (
    Kind("import", ImportParams, "default", "shared.importing.service:import_rows"),
    Kind("freeze_dataset", DatasetParams, "default", "shared.datasets.freezing:freeze"),
    Kind("check_dataset", CheckDatasetParams, "evaluation", "shared.evaluation.split_difficulty:check"),
    Kind(
        "sync_index",
        SyncIndexParams,
        "embedding",
        "shared.indexing.service:sync",
        priority=0,
        is_counted=False,
    ),
    Kind("reindex", ReindexParams, "embedding", "shared.indexing.service:reindex", priority=6),
    Kind("activate", ActivateParams, "embedding", "shared.indexing.service:activate"),
    Kind("generate", GenerationParams, "llm", "shared.generation.service:generate"),
    Kind(
        "evaluate",
        EvaluationParams,
        "evaluation",
        "shared.evaluation.service:evaluate",
        leaves_collections=True,
    ),
    Kind("baselines", BaselinesParams, "evaluation", "shared.evaluation.baselines_job:measure"),
    Kind(
        "train",
        TrainingParams,
        "gpu",
        "shared.training.bi_encoder.service:train",
        trainer_handler="shared.training.bi_encoder.service:fine_tune",
        leaves_models=True,
    ),
    Kind(
        "train_reranker",
        RerankerTrainingParams,
        "gpu",
        "shared.training.cross_encoder.service:train",
        trainer_handler="shared.training.cross_encoder.service:fine_tune",
        leaves_models=True,
    ),
    Kind("search", SearchParams, "evaluation", "shared.training.search.service:step"),
    Kind(
        "trial",
        TrialParams,
        "gpu",
        "shared.training.search.trial:attempt",
        trainer_handler="shared.training.search.trial:run_trial",
        is_counted=False,
        leaves_models=True,
    ),
    Kind(
        "import_model",
        ImportModelParams,
        "default",
        "shared.publishing.service:import_model",
        leaves_models=True,
    ),
    Kind("push_model", PushModelParams, "default", "shared.publishing.service:push_model"),
    Kind(
        "delete_organization",
        DeleteOrganizationParams,
        "default",
        "shared.erasing.service:erase",
        max_attempts=20,
    ),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _TABLE}
_BY_PARAMS = {kind.params: kind for kind in KINDS.values()}


def kind_of(params: Params) -> Kind:
    """The kind of job that takes parameters of this very type.

    Raises:
        TypeError: no kind does.
    """
    if type(params) not in _BY_PARAMS:
        raise TypeError(f"no kind of job takes {type(params).__name__}")
    return _BY_PARAMS[type(params)]
