"""Jobs."""

import datetime as dt
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from api.schemas.common import Detail200, Out, PageQuery, RowId
from shared.datasets.report import CheckDatasetResult, DatasetResult
from shared.generation.service import GenerationResult
from shared.importing.service import ImportResult
from shared.indexing.service import ActivationResult, ReindexResult, SyncIndexResult
from shared.jobs.states import JobStatus
from shared.publishing.service import PushResult
from shared.registry.model_jobs import ModelResult
from shared.registry.reports import BaselinesResult, EvaluationResult
from shared.training.search.results import SearchResult, TrialResult


class _OneOf:
    """Documents what a JSON object holds; its values stay as they are."""

    def __init__(self, *models: type[BaseModel]) -> None:
        self.models = models

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        documented = [handler(model.__pydantic_core_schema__) for model in self.models]
        return {"anyOf": [*documented, handler(schema)]}


Result = Annotated[
    dict[str, Any],
    _OneOf(
        ImportResult,
        GenerationResult,
        DatasetResult,
        CheckDatasetResult,
        EvaluationResult,
        BaselinesResult,
        SyncIndexResult,
        ReindexResult,
        ActivationResult,
        ModelResult,
        PushResult,
        SearchResult,
        TrialResult,
    ),
]


class JobProgressOut(Out):
    """How far a job is."""

    done: int
    total: int
    note: str


class JobErrorOut(Out):
    """What ended a job."""

    code: str
    message: str


class JobOut(Out):
    """A piece of long work."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011",
                    "parent_id": None,
                    "kind": "import",
                    "status": "running",
                    "progress": {"done": 1200, "total": 5000, "note": "reading rows"},
                    "result": None,
                    "error": None,
                    "attempt": 1,
                    "params": {"format": "csv"},
                    "created_at": "2026-05-12T09:00:00Z",
                    "started_at": "2026-05-12T09:00:01Z",
                    "finished_at": None,
                }
            ]
        }
    )

    id: uuid.UUID
    parent_id: uuid.UUID | None = Field(description="The job of which this one is a part.")
    kind: str
    status: JobStatus
    progress: JobProgressOut | None
    result: Result | None = Field(description="What the job did; its fields depend on the kind.")
    error: JobErrorOut | None
    attempt: int
    params: dict[str, Any]
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class JobQuery(PageQuery):
    """Which jobs."""

    status: JobStatus | None = None
    kind: Detail200 | None = None
    parent_id: RowId | None = None
