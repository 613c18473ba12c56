"""Shapes that every resource shares, and the types of which the others are made."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.kit import paging
from shared.kit.text import is_blank, is_storable

T = TypeVar("T")

MAX_BATCH = 1000


class In(BaseModel):
    """What a caller sends: no unknown fields, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Out(BaseModel):
    """What a caller gets, read from rows."""

    model_config = ConfigDict(from_attributes=True)


class PageInfo(Out):
    """Where the list goes on."""

    next: str | None = Field(description="The cursor of the next page; null: this is the last.")


class PageOut(Out, Generic[T]):
    """Some rows of a list."""

    data: list[T]
    page: PageInfo

    @classmethod
    def of(cls, rows: Sequence[Any], next_: str | None = None) -> Self:
        """The envelope of rows that are shown as they are."""
        return cls.model_validate({"data": list(rows), "page": {"next": next_}})

    @classmethod
    def of_page(cls, page: paging.Page[Any]) -> Self:
        """The envelope of a store's page."""
        return cls.of(page.rows, page.next)


class ErrorOut(Out):
    """One wrong place in the request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body, or /query/…, /header/….")
    code: str
    message: str


class Problem(Out):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do next.")
    instance: str
    code: str = Field(description="Names the kind of error; stable, for programs.")
    errors: list[ErrorOut]


def _check_storable(text: str) -> str:
    if not is_storable(text):
        raise PydanticCustomError("bad-text", "Has a NUL or a lone surrogate.")
    return text


def _check_visible(text: str) -> str:
    if is_blank(text):
        raise PydanticCustomError("blank", "Must have at least one visible character.")
    return text


def _parse_day(value: Any) -> Any:
    """A calendar day as ISO 8601 writes it, and nothing else that Python would take for one."""
    if isinstance(value, str) and len(value) == 10 and value.isascii() and value[7] == "-":
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("date", "Must be a day of the calendar, written YYYY-MM-DD.")


def _parse_instant(value: Any) -> Any:
    if isinstance(value, str) and len(value) <= 40 and value.isascii():
        try:
            instant = dt.datetime.fromisoformat(value)
        except ValueError:
            instant = None
        if instant is not None and instant.tzinfo is not None and 1970 < instant.year < 9999:
            return instant
    raise PydanticCustomError("date-time", "Must be a time with its zone, such as 2027-01-31T12:00:00Z.")


def _parse_id(value: Any) -> Any:
    if isinstance(value, str) and len(value) == 36:
        try:
            return uuid.UUID(value)
        except ValueError:
            pass
    raise PydanticCustomError("uuid", "Must be a UUID, as other answers of this API give it.")


Storable = AfterValidator(_check_storable)
Visible = AfterValidator(_check_visible)

# Text of columns: sound, and as long as the column. Names must say something; details may be empty.
Name100 = Annotated[str, StringConstraints(max_length=100), Storable, Visible]
Name200 = Annotated[str, StringConstraints(max_length=200), Storable, Visible]
Name500 = Annotated[str, StringConstraints(max_length=500), Storable, Visible]
Detail200 = Annotated[str, StringConstraints(max_length=200), Storable]
Detail500 = Annotated[str, StringConstraints(max_length=500), Storable]
Prose = Annotated[str, StringConstraints(max_length=5000), Storable]

Day = Annotated[dt.date, BeforeValidator(_parse_day, json_schema_input_type=dt.date)]
Instant = Annotated[dt.datetime, BeforeValidator(_parse_instant, json_schema_input_type=dt.datetime)]
RowId = Annotated[uuid.UUID, BeforeValidator(_parse_id, json_schema_input_type=uuid.UUID)]


class PageQuery(BaseModel):
    """The query of every list; the query of a list with filters adds them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=50, ge=1, le=200, description="How many rows at most.")
    cursor: Annotated[str, Storable] | None = Field(
        default=None, max_length=500, description="`page.next` of the page before."
    )

    def paging(self) -> paging.Paging:
        """What the stores take."""
        return paging.Paging(limit=self.limit, cursor=self.cursor)
