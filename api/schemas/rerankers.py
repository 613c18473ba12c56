"""Rerankers: training them, and switching one on."""

import uuid
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, RowId
from api.schemas.datasets import Seed
from shared.jobs.kinds import RerankerTrainingParams
from shared.registry.serving import Reranking

_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"
_DEFAULT = {name: field.default for name, field in RerankerTrainingParams.model_fields.items()}


class HostedRerankerIn(In):
    """A name for the hosted reranker of the settings."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "rerank-v3.5, hosted"}]})

    name: Name200


class RerankingIn(In):
    """Which reranker to switch on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reranker_version_id": _ID, "top_n": 10}]})

    reranker_version_id: RowId | None = Field(description="null: none; the first stage alone answers.")
    top_n: Annotated[int, Field(ge=2, le=50)] = Field(
        default=10, description="How many top categories are reranked."
    )


class RerankingOut(Out):
    """The second stage of the active model."""

    reranker_version_id: uuid.UUID | None = Field(description="null: none is on.")
    reranker_version: str | None = Field(description="Its name.")
    top_n: int | None = Field(description="How many top categories are reranked.")

    @classmethod
    def of(cls, reranking: Reranking | None) -> Self:
        """The second stage as the API shows it."""
        if reranking is None:
            return cls(reranker_version_id=None, reranker_version=None, top_n=None)
        return cls(
            reranker_version_id=reranking.version_id,
            reranker_version=reranking.version_name,
            top_n=reranking.top_n,
        )


class RerankerTrainingIn(In):
    """A reranker's training."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset_id": _ID, "name": "May, reranker", "epochs": 3}]}
    )

    dataset_id: RowId
    name: Name200
    miner_version_id: RowId | None = Field(
        default=None,
        description="The bi-encoder whose candidates it will rerank; null: the active one.",
    )
    base_model_version_id: RowId | None = Field(
        default=None, description="A reranker to train further; null: the miner's weights with a new head."
    )
    epochs: Annotated[int, Field(ge=1, le=100)] = _DEFAULT["epochs"]
    batch_size: Annotated[int, Field(ge=1, le=256)] = Field(
        default=_DEFAULT["batch_size"],
        description="Rows per batch, each with its own category and the wrong ones.",
    )
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = _DEFAULT["learning_rate"]
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = _DEFAULT["warmup_ratio"]
    negatives_per_row: Annotated[int, Field(ge=1, le=50)] = _DEFAULT["negatives_per_row"]
    has_examples: bool = Field(
        default=_DEFAULT["has_examples"],
        description="Whether it is also trained on the categories' examples.",
    )
    seed: Seed = 0
