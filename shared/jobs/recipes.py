"""Parameters of the jobs that train, and of the search for how to."""

import uuid
from typing import Any, Literal

from pydantic import Field

from shared.jobs.params import Params

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


class Recipe(Params):
    """How to fine-tune a bi-encoder: everything that a search may vary. Defaults chosen by measurement."""

    loss: Loss = "mnrl"
    epochs: int = 5
    batch_size: int = 16
    mini_batch_size: int = Field(default=32, description="Of `cached_mnrl`: so many texts at a time.")
    learning_rate: float = 1e-4
    warmup_ratio: float = 0.1
    transaction_share: float = Field(default=0.5, description="Of pairs whose positive is a transaction.")
    negatives: NegativesKind = "in_batch"
    negatives_per_pair: int = 1
    negative_margin: float = Field(default=0.05, description="Hard negatives are so much less similar.")
    matryoshka_dimensions: tuple[int, ...] = ()
    field_dropout: float = Field(default=0.0, description="Chance of each field to be missing in training.")
    category_text: CategoryText = "name_examples_description"
    has_amount_band: bool = False
    is_cleaned: bool = True
    averaged_runs: int = Field(default=1, description="Trainings by other seeds; their weights' mean.")
    base_share: float = Field(default=0.0, description="Of the base model's weights in the result's.")
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
    has_examples: bool = Field(default=True, description="Whether the categories' examples are learnt from.")
    seed: int = 0


class SearchParams(Params):
    """Look for the recipe that a dataset's training rows bear out, then train with it on all of them."""

    dataset_id: uuid.UUID
    base_model_version_id: uuid.UUID
    name: str
    trials: int = 20
    parallel: int = 2
    folds: int = 3
    seed: int = 0
    averaged_runs: int = Field(default=1, description="Of the winner's training; trials run once.")
    space: dict[str, Any] = Field(default_factory=dict, description="Recipe field -> what it may be.")


class TrialParams(Params):
    """Cross-validate one recipe; the parent job is the search."""

    number: int
    dataset_id: uuid.UUID
    base_model_version_id: uuid.UUID
    folds: int
    fold_seed: int
    recipe: Recipe
    stop_below: tuple[float, ...] = ()  # after fold i it ends where its mean is below the i-th of these
