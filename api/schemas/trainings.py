"""Fine-tunings."""

from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, RowId
from api.schemas.datasets import Seed
from shared.engines.devices import Precision
from shared.jobs.kinds import CategoryText, Loss, NegativesKind, Recipe

AveragedRuns = Annotated[int, Field(ge=1, le=10)]

_DEFAULT = Recipe()
_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"

_LOSS = """`mnrl`: MultipleNegativesRankingLoss, to which the other pairs of a batch are negatives;
`cached_mnrl`: the same for batches that do not fit into memory; `symmetric_mnrl`: both ways;
`batch_…_triplet`: triplets of labelled texts, found in the batch; `triplet`: mined triplets;
`margin_mse`: the margins of a teacher."""


class TrainingIn(In):
    """A fine-tuning: what to learn from, and the recipe."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"dataset_id": _ID, "name": "May, tuned", "loss": "mnrl", "epochs": 5, "batch_size": 16},
                {
                    "dataset_id": _ID,
                    "name": "May, nested",
                    "negatives": "hard",
                    "matryoshka_dimensions": [384, 128, 64],
                    "field_dropout": 0.1,
                },
            ]
        }
    )

    dataset_id: RowId
    base_model_version_id: RowId | None = Field(default=None, description="null: the base model.")
    teacher_version_id: RowId | None = Field(
        default=None, description="Of `margin_mse`: the reranker, or the larger model, that teaches."
    )
    name: Name200
    loss: Loss = Field(default=_DEFAULT.loss, description=" ".join(_LOSS.split()))
    epochs: Annotated[int, Field(ge=1, le=100)] = _DEFAULT.epochs
    batch_size: Annotated[int, Field(ge=2, le=4096)] = Field(
        default=_DEFAULT.batch_size,
        description="Pairs at a time, at most: one for each category. Even for `batch_…_triplet`.",
    )
    mini_batch_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=_DEFAULT.mini_batch_size, description="Of `cached_mnrl`: so many texts in memory at a time."
    )
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = _DEFAULT.learning_rate
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.warmup_ratio, description="Of all steps, while the learning rate rises."
    )
    transaction_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=_DEFAULT.transaction_share,
        description="Of the pairs, so many have another transaction as positive, not the category's text.",
    )
    negatives: NegativesKind = Field(
        default=_DEFAULT.negatives,
        description="Beside those of the batch: none, random ones, or those that the model finds hardest.",
    )
    negatives_per_pair: Annotated[int, Field(ge=1, le=10)] = _DEFAULT.negatives_per_pair
    negative_margin: Annotated[float, Field(ge=0, le=1)] = Field(
        default=_DEFAULT.negative_margin,
        description="A hard negative is at least so much less similar than the nearest positive.",
    )
    matryoshka_dimensions: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(max_length=10)] = (
        Field(
            default=list(_DEFAULT.matryoshka_dimensions),
            description="Lengths, descending, to which the vectors may be cut: see a model's variants.",
        )
    )
    field_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.field_dropout,
        description="Chance of each field to be missing, so that it may be missing when asked.",
    )
    category_text: CategoryText = Field(
        default=_DEFAULT.category_text, description="What the model reads of a category."
    )
    has_amount_band: bool = Field(
        default=_DEFAULT.has_amount_band, description="Whether it reads how large an amount is, in steps."
    )
    is_cleaned: bool = Field(
        default=_DEFAULT.is_cleaned,
        description="Whether what card networks add to a merchant's name is taken off.",
    )
    averaged_runs: AveragedRuns = Field(
        default=_DEFAULT.averaged_runs,
        description="Trainings, each by another seed, whose weights are averaged: so many times as long.",
    )
    base_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.base_share,
        description="The weights are moved so far towards the base model's, which knows more of what is new.",
    )
    seed: Seed = _DEFAULT.seed
    precision: Precision = Field(
        default="auto", description="`auto`: what the device multiplies fastest without harm."
    )
    has_gradient_checkpointing: bool = Field(
        default=False, description="Activations are computed twice instead of kept: slower, in less memory."
    )
