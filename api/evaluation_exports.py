"""Evaluations as files, made while they are sent: a page of rows at a time."""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from sqlalchemy.orm import Session

from api.connections import Connections
from api.schemas.evaluations import EvaluationReportOut
from shared.datasets import store as dataset_store
from shared.kit.lines import csv_line
from shared.registry import store as model_store
from shared.registry.store import MeasuredRow

PAGE = 1000
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS = (
    "dataset_item_id",
    "transaction_id",
    "merchant_name",
    "category_id",
    "category",
    "rank",
    "rank_without_history",
    "rank_without_reranker",
    "suggested_category_id",
    "suggested",
    "score",
)


async def evaluation_lines(
    connections: Connections,
    organization_id: uuid.UUID,
    evaluation_id: uuid.UUID,
    form: Literal["csv", "json"],
) -> AsyncIterator[str]:
    """The file in pieces, the first page read before anything is sent, so that errors can still be answered.

    Raises:
        EvaluationNotFound: not the organisation's.
    """

    def begin(session: Session) -> tuple[EvaluationReportOut, dict[str, str]]:
        evaluation = model_store.get_evaluation(session, organization_id, evaluation_id)
        dataset = dataset_store.get(session, organization_id, evaluation.dataset_id)
        names = {id_: category.name for id_, category in dataset.categories.items()}
        return EvaluationReportOut.model_validate(evaluation), names

    async def page_after(after: uuid.UUID | None) -> Sequence[MeasuredRow]:
        return await connections.run(
            lambda session: model_store.evaluation_rows(
                session, organization_id, evaluation_id, after=after, limit=PAGE
            )
        )

    async def pieces(page: Sequence[MeasuredRow]) -> AsyncIterator[str]:
        yield csv_line(COLUMNS) if form == "csv" else f'{{"evaluation":{report.model_dump_json()},"rows":['
        is_first = True
        while page:
            rows = [_cells(row, names) for row in page]
            yield _csv(rows) if form == "csv" else _json(rows, is_first=is_first)
            is_first = False
            page = await page_after(page[-1].dataset_item_id) if len(page) == PAGE else []
        yield "" if form == "csv" else "]}"

    report, names = await connections.run(begin)
    return pieces(await page_after(None))


def _cells(row: MeasuredRow, names: dict[str, str]) -> dict[str, Any]:
    """The row with the names of its category and of what came first, as they were in the dataset."""
    ids = {"category_id": row.category_id, "suggested_category_id": row.suggested_category_id}
    as_text = {name: None if id_ is None else str(id_) for name, id_ in ids.items()}
    values = {
        **vars(row),
        **as_text,
        "dataset_item_id": str(row.dataset_item_id),
        "transaction_id": str(row.transaction_id),
        "category": names.get(str(row.category_id)),
        "suggested": names.get(str(row.suggested_category_id)),
    }
    return {name: values[name] for name in COLUMNS}


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(csv_line(row.values()) for row in rows)


def _json(rows: Sequence[dict[str, Any]], *, is_first: bool) -> str:
    body = ",".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return body if is_first else f",{body}"
