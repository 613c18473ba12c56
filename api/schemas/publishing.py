"""Models that come in and go out."""

import uuid
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas.common import In, Name200
from shared.engines.hub import is_hub_name
from shared.jobs.kinds import ImportModelParams, PushModelParams

_OWNER_AND_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$"
_COMMIT = r"^[0-9a-f]{40}$"
_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"  # 40 hex digits: an example


class ModelImportIn(In):
    """A model to fetch."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "MiniLM",
                    "source": "sentence-transformers/all-MiniLM-L6-v2",
                    "revision": _REVISION,
                    "kind": "bi_encoder",
                }
            ]
        }
    )

    name: Name200
    source: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,299}$")] = Field(
        description="With a revision the hub's 'owner/name', without one a folder below OUTLAY_MODELS_DIR."
    )
    revision: Annotated[str, Field(pattern=_COMMIT)] | None = Field(
        default=None, description="The full hash of a commit: a hub's names may mean other weights tomorrow."
    )
    kind: Literal["bi_encoder", "reranker"] = "bi_encoder"
    matryoshka_dimensions: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(max_length=10)] = (
        Field(
            default=[],
            description="Lengths, descending, to which a bi-encoder's vectors may be cut, if its publisher "
            "trained it for that: see a model's variants.",
        )
    )

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if self.revision is not None and not is_hub_name(self.source):
            raise PydanticCustomError("hub_name", "With a revision, source is a hub's 'owner/name'.")
        return self

    @model_validator(mode="after")
    def _check_dimensions(self) -> Self:
        dimensions = self.matryoshka_dimensions
        if dimensions != sorted(set(dimensions), reverse=True):
            raise PydanticCustomError("not_descending", "Each dimension must be less than the one before.")
        if dimensions and self.kind == "reranker":
            raise PydanticCustomError("no_vectors", "A reranker makes no vectors that could be cut.")
        return self

    def params(self) -> ImportModelParams:
        """What the job takes."""
        return ImportModelParams(**self.model_dump())


class ModelPushIn(In):
    """Where to send a model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"repository": "acme/expense-categories", "is_private": True}]}
    )

    repository: Annotated[str, Field(pattern=_OWNER_AND_NAME)] = Field(
        description="The hub's 'owner/name'; made where it is missing."
    )
    is_private: bool = Field(
        default=True, description="Whether only its owner sees it: the weights were learnt from transactions."
    )

    def params(self, model_version_id: uuid.UUID) -> PushModelParams:
        """What the job takes."""
        return PushModelParams(model_version_id=model_version_id, **self.model_dump())
