"""Categories and charts of accounts."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import MISSING, ConfigDict, Field
from pydantic.config import JsonValue

from api.schemas.common import MAX_BATCH, In, Name100, Name200, Name500, Out, PageQuery, Prose
from shared.categories.service import CategoryFields, SyncReport

Examples = Annotated[list[Name500], Field(max_length=100)]
Departments = Annotated[list[Name200], Field(max_length=100)]

_EXAMPLE: dict[str, JsonValue] = {
    "name": "Travel: lodging",
    "code": "6210",
    "description": "Hotels and short-term rentals on business trips.",
    "examples": ["Marriott Berlin, 2 nights", "Airbnb"],
    "departments": ["Sales"],
}


class CategoryIn(In):
    """A category; its name, description and examples are what it is found by."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name200
    code: Name100 | None = Field(default=None, description="The general-ledger code.")
    description: Prose | None = None
    examples: Examples = Field(default_factory=list)
    departments: Departments = Field(default_factory=list)

    def fields(self) -> CategoryFields:
        """What the service takes."""
        return CategoryFields(**self.model_dump())


class CategoryPatch(In):
    """The fields to change; a field that is absent stays as it is, null empties it where that is possible."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"description": "Hotels and hostels.", "code": None}]}
    )

    name: Name200 | MISSING = MISSING
    code: Name100 | MISSING | None = MISSING
    description: Prose | MISSING | None = MISSING
    examples: Examples | MISSING = MISSING
    departments: Departments | MISSING = MISSING

    def changes(self) -> dict[str, Any]:
        """Only the fields that the caller named."""
        return self.model_dump()


class ChartIn(In):
    """A whole chart of accounts, matched by code with the one that is there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"categories": [_EXAMPLE]}]})

    categories: Annotated[list[CategoryIn], Field(min_length=1, max_length=MAX_BATCH)]


class CategoryQuery(PageQuery):
    """Which categories."""

    with_archived: bool = Field(default=False, description="Also those that are archived.")


class CategoryOut(Out):
    """A category."""

    id: uuid.UUID
    name: str
    code: str | None
    description: str | None
    examples: list[str]
    departments: list[str]
    created_at: dt.datetime
    updated_at: dt.datetime
    archived_at: dt.datetime | None


class ChangedOut(Out):
    """Some categories."""

    count: int
    ids: list[uuid.UUID]

    @classmethod
    def of(cls, ids: Sequence[uuid.UUID]) -> Self:
        """The categories with their number."""
        return cls(count=len(ids), ids=list(ids))


class SyncReportOut(Out):
    """What syncing a chart did."""

    created: ChangedOut
    updated: ChangedOut
    archived: ChangedOut
    unchanged: ChangedOut

    @classmethod
    def of(cls, report: SyncReport) -> Self:
        """The service's report."""
        return cls(**{name: ChangedOut.of(ids) for name, ids in vars(report).items()})
