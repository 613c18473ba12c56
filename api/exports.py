"""Whole lists as files: JSON lines or CSV, page by page, with nothing held between two pages."""

import csv
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.responses import StreamingResponse

from api.answers import Responses
from api.connections import Connections

Record = Mapping[str, Any]
Fetch = Callable[[Session, uuid.UUID | None], Sequence[Record]]

MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv"}
PAGE = 1000

# What a spreadsheet would take for a formula (OWASP, "CSV Injection"); a tab or return may stand before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportQuery(BaseModel):
    """In which format."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["jsonl", "csv"] = Field(default="jsonl", description="JSON lines, or CSV with a header.")


FILE: Responses = {
    200: {
        "description": "The file, streamed. In CSV an apostrophe stands before what a spreadsheet would run.",
        "content": {media_type: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()},
    }
}


async def stream(
    connections: Connections, fetch: Fetch, *, format_: str, columns: Sequence[str], name: str
) -> StreamingResponse:
    """A file of all that `fetch` gives, from records whose values are JSON, `columns` of which make the CSV.

    `fetch` takes the id after which a page of `PAGE` records begins, and gives fewer only at the end. Each
    page has a transaction of its own; the first is read before the answer begins, so that an error of it
    still has a status.
    """
    first = await connections.run(lambda session: fetch(session, None))
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format_}"'}
    lines = _lines(connections, fetch, first, columns if format_ == "csv" else None)
    return StreamingResponse(lines, media_type=MEDIA_TYPES[format_], headers=headers)


async def _lines(
    connections: Connections, fetch: Fetch, records: Sequence[Record], columns: Sequence[str] | None
) -> AsyncIterator[str]:
    if columns is not None:
        yield csv_line(columns)
    while records:
        if columns is None:
            yield "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        else:
            yield "".join(csv_line([record[column] for column in columns]) for record in records)
        if len(records) < PAGE:
            return
        last = uuid.UUID(records[-1]["id"])
        records = await connections.run(lambda session, after=last: fetch(session, after))  # type: ignore[misc]


def csv_line(cells: Sequence[Any]) -> str:
    """A line of CSV (RFC 4180); objects and arrays are written as JSON, null as nothing."""
    text = io.StringIO()
    csv.writer(text).writerow([safe_cell(_written(cell)) for cell in cells])
    return text.getvalue()


def safe_cell(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(cell: Any) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
