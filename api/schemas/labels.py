"""What was decided about a transaction."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.common import In, Name200, Out, RowId, Storable


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
    unless_labelled_by_another: bool = Field(
        default=False,
        description="true: refuse with 409 `labelled-by-another` if the current label has another actor.",
    )


class LabelQueueIn(In):
    """Which unlabelled transactions to look at next."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reviewer": "Jane#3f2a", "count": 7}]})

    reviewer: Name200 = Field(description="A name of your choice; two reviewers never get one transaction.")
    count: int = Field(
        default=1, ge=0, le=50, description="How many new ones at most; 0 only renews what you hold."
    )
    transaction_ids: list[RowId] = Field(
        default=[],
        max_length=200,
        description="The transactions of earlier answers that you still look at: yours for another five "
        "minutes. All others that you had are given to other reviewers again.",
    )
    cursor: Annotated[str, Storable] | None = Field(
        default=None,
        description="`page.next` of the answer before: what comes after it. Left out: newest first.",
    )


class LabelOut(Out):
    """A decision."""

    id: uuid.UUID
    category_id: uuid.UUID
    source: Literal["human", "import", "rule", "synthetic"]
    actor: str
    is_current: bool
    created_at: dt.datetime
