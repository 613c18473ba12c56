"""What was decided about a transaction."""

import datetime as dt
import uuid
from typing import Literal

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, RowId


class LabelIn(In):
    """A person's decision."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"category_id": "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011", "reviewer": "Jane"}]
        }
    )

    category_id: RowId
    reviewer: Name200 | None = Field(
        default=None, description="Who decided, kept as the label's actor; left out: the API key's name."
    )


class LabelOut(Out):
    """A decision."""

    id: uuid.UUID
    category_id: uuid.UUID
    source: Literal["human", "import", "rule", "synthetic"]
    actor: str
    is_current: bool
    created_at: dt.datetime
