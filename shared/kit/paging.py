"""Keyset paging: a page goes on after the last id seen, so inserts never shift or repeat rows."""

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.kit.errors import Malformed

T = TypeVar("T")


class BadCursor(Malformed):
    code = "bad-cursor"
    message = "The cursor is not one this list gave out. Start again without it."


@dataclass(frozen=True)
class Paging:
    """How many rows (1 to 200) after which cursor."""

    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows and the cursor of the next page; None: there is none."""

    rows: list[T]
    next: str | None


def encode_cursor(resource: str, after: uuid.UUID) -> str:
    """An opaque cursor for `resource`."""
    text = json.dumps([resource, str(after)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(resource: str, cursor: str) -> uuid.UUID:
    """The id after which the page starts.

    Raises:
        BadCursor: damaged, or of another list.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        name, after = value
        if name != resource:
            raise BadCursor
        return uuid.UUID(after)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise BadCursor from error


def page(
    session: Session,
    query: Select[T],
    column: InstrumentedAttribute[uuid.UUID],
    paging: Paging,
    *,
    resource: str,
    newest_first: bool = False,
) -> Page[T]:
    """One page of `query` in the order of `column`, a time-ordered id."""
    if paging.cursor is not None:
        after = decode_cursor(resource, paging.cursor)
        bound: ColumnElement[bool] = column < after if newest_first else column > after
        query = query.where(bound)
    ordered = query.order_by(column.desc() if newest_first else column).limit(paging.limit + 1)
    rows = list(session.scalars(ordered))
    if len(rows) <= paging.limit:
        return Page(rows, None)
    rows = rows[: paging.limit]
    last: uuid.UUID = getattr(rows[-1], column.key)
    return Page(rows, encode_cursor(resource, last))
