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
    """A fine-tuning: what to train on, and the recipe."""

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
        default=None, description="For `margin_mse`: the reranker or the larger model that teaches."
    )
    name: Name200
    loss: Loss = Field(default=_DEFAULT.loss, description=" ".join(_LOSS.split()))
    epochs: Annotated[int, Field(ge=1, le=100)] = _DEFAULT.epochs
    batch_size: Annotated[int, Field(ge=2, le=4096)] = Field(
        default=_DEFAULT.batch_size,
        description="Pairs per batch, at most one per category. Must be even for `batch_…_triplet`.",
    )
    mini_batch_size: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=_DEFAULT.mini_batch_size,
        description="For `cached_mnrl`: how many texts are in memory at a time.",
    )
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = _DEFAULT.learning_rate
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.warmup_ratio, description="Share of all steps during which the learning rate rises."
    )
    transaction_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=_DEFAULT.transaction_share,
        description="Share of pairs whose positive is another transaction instead of the category's text.",
    )
    negatives: NegativesKind = Field(
        default=_DEFAULT.negatives,
        description="Beside those of the batch: none, random texts, or the ones the model finds hardest.",
    )
    negatives_per_pair: Annotated[int, Field(ge=1, le=10)] = _DEFAULT.negatives_per_pair
    negative_margin: Annotated[float, Field(ge=0, le=1)] = Field(
        default=_DEFAULT.negative_margin,
        description="How much less similar than the nearest positive a hard negative must be, at least.",
    )
    matryoshka_dimensions: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(max_length=10)] = (
        Field(
            default=list(_DEFAULT.matryoshka_dimensions),
            description="Lengths, descending, to which the vectors can be cut: see a model's variants.",
        )
    )
    field_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.field_dropout,
        description="Probability that a field is left out of a text, so that the model can do without it.",
    )
    category_text: CategoryText = Field(
        default=_DEFAULT.category_text, description="What the model reads of a category."
    )
    has_amount_band: bool = Field(
        default=_DEFAULT.has_amount_band,
        description="Whether a transaction's text contains the size of the amount, in steps.",
    )
    is_cleaned: bool = Field(
        default=_DEFAULT.is_cleaned,
        description="Whether additions of card networks are removed from merchant names.",
    )
    averaged_runs: AveragedRuns = Field(
        default=_DEFAULT.averaged_runs,
        description="How many trainings, by different seeds, are averaged; takes that many times as long.",
    )
    base_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=_DEFAULT.base_share,
        description="How far the weights are moved towards the base model's; helps with new categories.",
    )
    seed: Seed = _DEFAULT.seed
    precision: Precision = Field(
        default="auto", description="`auto`: the fastest one that does no harm on the device."
    )
    has_gradient_checkpointing: bool = Field(
        default=False,
        description="Compute activations twice instead of keeping them: slower, with less memory.",
    )
