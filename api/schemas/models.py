"""Model versions, their trainings and what they scored."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, RowId
from api.schemas.datasets import Seed
from shared.jobs.kinds import Recipe
from shared.registry.tables import ModelVersion

_DEFAULT = Recipe()
_ID = "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"


class ModelOut(Out):
    """A model version."""

    id: uuid.UUID
    name: str
    kind: Literal["base", "fine_tuned", "imported", "reranker", "hosted_reranker"]
    base_model: str
    base_model_revision: str | None
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    dataset_id: uuid.UUID | None
    job_id: uuid.UUID | None
    created_at: dt.datetime
    is_active: bool = Field(description="Whether it is the one that answers.")

    @classmethod
    def of(cls, version: ModelVersion, active_id: uuid.UUID | None) -> Self:
        """The row as it is shown, given the id of the active one."""
        values = {name: getattr(version, name) for name in cls.model_fields if name != "is_active"}
        return cls(**values, is_active=version.id == active_id)


class ReindexIn(In):
    """What to rebuild."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_version_id": _ID, "rebuild": False}]})

    model_version_id: RowId | None = Field(default=None, description="null: the active model.")
    rebuild: bool = Field(default=False, description="Drop what is there first.")


class TrainingIn(In):
    """A fine-tuning."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"dataset_id": _ID, "name": "May, tuned", "loss": "mnrl", "epochs": 5, "batch_size": 16}
            ]
        }
    )

    dataset_id: RowId
    base_model_version_id: RowId | None = Field(default=None, description="null: the base model.")
    name: Name200
    loss: Literal["mnrl", "batch_semi_hard_triplet"] = Field(
        default="mnrl",
        description="`mnrl`: MultipleNegativesRankingLoss; `batch_semi_hard_triplet`: "
        "BatchSemiHardTripletLoss.",
    )
    epochs: Annotated[int, Field(ge=1, le=100)] = _DEFAULT.epochs
    batch_size: Annotated[int, Field(ge=2, le=1024)] = _DEFAULT.batch_size
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = _DEFAULT.learning_rate
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = _DEFAULT.warmup_ratio
    seed: Seed = 0
