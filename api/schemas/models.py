"""Model versions."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, RowId
from shared.registry.tables import ModelVersion

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
    dimension: int | None = Field(
        description="The length to which its vectors are cut; null: the full length."
    )
    created_at: dt.datetime
    is_active: bool = Field(description="Whether it is the model that answers.")

    @classmethod
    def of(cls, version: ModelVersion, active_id: uuid.UUID | None) -> Self:
        """The row as the API shows it, given the id of the active model."""
        values = {name: getattr(version, name) for name in cls.model_fields if name != "is_active"}
        return cls(**values, is_active=version.id == active_id)


class ReindexIn(In):
    """What to rebuild."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model_version_id": _ID, "rebuild": False}]})

    model_version_id: RowId | None = Field(default=None, description="null: the active model.")
    rebuild: bool = Field(default=False, description="Drop what is there first.")


class VariantIn(In):
    """The same weights with shorter vectors."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "May, 64", "dimension": 64}]})

    name: Name200
    dimension: Annotated[int, Field(ge=1, le=65536)] = Field(
        description="The length of its vectors: one of the `matryoshka_dimensions` of its training or import."
    )
