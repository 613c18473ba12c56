"""Searches for the recipe that fits the data."""

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas.common import In, Name200, RowId
from api.schemas.datasets import Seed
from api.schemas.trainings import AveragedRuns
from shared.jobs.kinds import CategoryText, NegativesKind
from shared.training.search.sampler import DEFAULT_SPACE

_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"

# `margin_mse` needs a teacher, which a search has not.
TriedLoss = Literal[
    "mnrl",
    "cached_mnrl",
    "symmetric_mnrl",
    "batch_semi_hard_triplet",
    "batch_hard_triplet",
    "batch_hard_soft_margin_triplet",
    "batch_all_triplet",
    "triplet",
]
BatchSize = Annotated[int, Field(ge=2, le=4096)]
Epochs = Annotated[int, Field(ge=1, le=100)]
Rate = Annotated[float, Field(gt=0, le=0.1)]
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(ge=0, lt=1)]


class Range(In):
    """From one end to the other, both included; equal ends fix the value."""

    low: float
    high: float

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low > self.high:
            raise PydanticCustomError("reversed", "`low` must not be above `high`.")
        return self


class EpochsRange(Range):
    """A range of epochs."""

    low: Epochs
    high: Epochs


class RateRange(Range):
    """A range of learning rates, sampled on a logarithmic scale."""

    low: Rate
    high: Rate


class ShareRange(Range):
    """A range of shares, 0 to 1."""

    low: Share
    high: Share


class PartRange(Range):
    """A range of shares below 1."""

    low: Part
    high: Part


class SpaceIn(In):
    """What each trial draws from; one choice, or a range with equal ends, fixes a field.

    A field that is left out has the default. These are not varied unless named: `warmup_ratio`,
    `has_amount_band`, `is_cleaned`.
    """

    loss: Annotated[list[TriedLoss], Field(min_length=1, max_length=8)] | None = None
    learning_rate: RateRange | None = None
    epochs: EpochsRange | None = None
    batch_size: Annotated[list[BatchSize], Field(min_length=1, max_length=8)] | None = None
    category_text: Annotated[list[CategoryText], Field(min_length=1, max_length=3)] | None = None
    negatives: Annotated[list[NegativesKind], Field(min_length=1, max_length=3)] | None = None
    transaction_share: ShareRange | None = None
    field_dropout: PartRange | None = None
    warmup_ratio: PartRange | None = None
    has_amount_band: Annotated[list[bool], Field(min_length=1, max_length=2)] | None = None
    is_cleaned: Annotated[list[bool], Field(min_length=1, max_length=2)] | None = None

    def values(self) -> dict[str, Any]:
        """The fields that are given, as the job takes them; a choice that is given twice counts once."""
        given = self.model_dump(exclude_none=True)
        return {
            name: list(dict.fromkeys(value)) if isinstance(value, list) else value
            for name, value in given.items()
        }


class SearchIn(In):
    """A search for the recipe with the best cross-validated MRR@5, and a training with it.

    The rows of the train split are divided into `folds`; each trial trains on all but one of them and ranks
    that one, in turn. The rows of the test and eval splits are not looked at.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dataset_id": _ID,
                    "name": "May, searched",
                    "trials": 20,
                    "parallel": 2,
                    "folds": 3,
                    "space": {"loss": ["mnrl"], "epochs": {"low": 3, "high": 8}},
                }
            ]
        }
    )

    dataset_id: RowId
    base_model_version_id: RowId | None = Field(default=None, description="null: the base model.")
    name: Name200 = Field(description="The name of the model that is trained with the winning recipe.")
    trials: Annotated[int, Field(ge=1, le=500)] = 20
    parallel: Annotated[int, Field(ge=1, le=16, description="How many trials run at once.")] = 2
    folds: Annotated[int, Field(ge=2, le=10)] = 3
    seed: Seed = Field(default=0, description="The same rows and seed give the same trials and winner.")
    averaged_runs: AveragedRuns = Field(
        default=1, description="For the winner's training, see `POST /v1/trainings`; each trial trains once."
    )
    space: SpaceIn | None = Field(default=None, description=f"null: {DEFAULT_SPACE}")

    def params(self) -> dict[str, Any]:
        """What the job takes."""
        return self.model_dump(exclude={"space"}) | {"space": self.space.values() if self.space else {}}
