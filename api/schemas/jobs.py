"""Jobs."""

import datetime as dt
import uuid
from typing import Any

from pydantic import ConfigDict, Field

from api.schemas.common import Detail200, Out, PageQuery, RowId
from shared.jobs.states import JobStatus


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
    progress: dict[str, Any] | None = Field(description="`done` of `total`, and a `note`.")
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="`code` and `message` of what ended the job.")
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
