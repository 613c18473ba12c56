"""Files that are made while they are sent: a page of rows at a time, and nothing held between two pages."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Literal

from sqlalchemy.orm import Session

from api.connections import Connections
from api.schemas.candidates import DecisionOut
from api.schemas.datasets import ExportQuery
from shared.candidates import service as candidates
from shared.candidates import store as candidate_store
from shared.datasets import exports
from shared.datasets import service as datasets
from shared.datasets import store as dataset_store
from shared.datasets.tables import DatasetItem
from shared.kit.lines import csv_line, json_line
from shared.kit.paging import Page, Paging

PAGE = 200
DECISIONS_PAGE = 1000


async def dataset_lines(
    connections: Connections, organization_id: uuid.UUID, dataset_id: uuid.UUID, query: ExportQuery
) -> AsyncIterator[str]:
    """The lines of an export, begun before anything is sent, so that errors can still be answered.

    Raises:
        DatasetNotFound: not the organisation's.
        TooFewRows: fewer than the format's reader takes.
    """
    dataset = await connections.run(lambda session: dataset_store.get(session, organization_id, dataset_id))
    rows = sum(dataset.counts.values()) if query.split is None else dataset.counts.get(query.split, 0)
    exports.check_size(query.format, rows)

    async def page_after(cursor: str | None) -> Page[DatasetItem]:
        paging = Paging(PAGE, cursor)
        return await connections.run(
            lambda session: datasets.list_items(
                session, organization_id, dataset_id, paging, split=query.split
            )
        )

    async def lines() -> AsyncIterator[str]:
        yield exports.header(query.format)
        cursor: str | None = None
        while True:
            page = await page_after(cursor)
            yield "".join(exports.lines(query.format, page.rows, dataset.categories, dataset.seed))
            if page.next is None:
                return
            cursor = page.next

    return lines()


async def decision_lines(
    connections: Connections, organization_id: uuid.UUID, form: Literal["jsonl", "csv"]
) -> AsyncIterator[str]:
    """The lines of all decisions, the first page read before anything is sent."""

    def fetch(session: Session, after: uuid.UUID | None) -> list[DecisionOut]:
        rows = candidate_store.list_decisions(session, organization_id, after=after, limit=DECISIONS_PAGE)
        named = candidates.categories_of(session, organization_id, {row.category_id for _, row in rows})
        return [DecisionOut.of(decision, row, named) for decision, row in rows]

    async def page_after(after: uuid.UUID | None) -> list[DecisionOut]:
        return await connections.run(lambda session: fetch(session, after))

    async def lines(page: list[DecisionOut]) -> AsyncIterator[str]:
        if form == "csv":
            yield csv_line(DecisionOut.model_fields)
        while page:
            yield "".join(_decision_line(decision, form) for decision in page)
            page = await page_after(page[-1].id) if len(page) == DECISIONS_PAGE else []

    return lines(await page_after(None))


def _decision_line(decision: DecisionOut, form: Literal["jsonl", "csv"]) -> str:
    values = decision.model_dump(mode="json")
    if form == "jsonl":
        return json_line(values)
    values["changes"] = json.dumps(values["changes"], ensure_ascii=False)
    return csv_line(values.values())
