"""Files that are made while they are sent: a page of rows at a time, and nothing held between two pages."""

import uuid
from collections.abc import AsyncIterator

from api.connections import Connections
from api.schemas.datasets import ExportQuery
from shared.datasets import exports
from shared.datasets import service as datasets
from shared.datasets.tables import DatasetItem
from shared.kit.paging import Page, Paging

PAGE = 200


async def dataset_lines(
    connections: Connections, organization_id: uuid.UUID, dataset_id: uuid.UUID, query: ExportQuery
) -> AsyncIterator[str]:
    """The lines of an export, begun before anything is sent, so that errors can still be answered.

    Raises:
        DatasetNotFound: not the organisation's.
        TooFewRows: fewer than the format's reader takes.
    """
    dataset = await connections.run(lambda session: datasets.get(session, organization_id, dataset_id))
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
