"""Categories: the organisation's chart of accounts."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Id, Reader, Session, Writer
from api.idempotency import OnceRoute, WriterOnce
from api.responses import problems
from api.schemas.categories import (
    CategoryIn,
    CategoryOut,
    CategoryPatch,
    CategoryQuery,
    ChartIn,
    SyncReportOut,
)
from api.schemas.common import PageOut
from shared.categories import service as categories
from shared.categories import store as category_store

router = APIRouter(route_class=OnceRoute, prefix="/v1/categories", tags=["categories"])


@router.post("", status_code=201, responses=problems(403, 409, 422))
def create_category(body: CategoryIn, writer: Writer, session: WriterOnce) -> CategoryOut:
    """A new category. It can be suggested as soon as the index has it, normally within two seconds."""
    category = categories.create(session, writer.organization_id, body.fields())
    return CategoryOut.model_validate(category)


@router.get("")
def list_categories(
    query: Annotated[CategoryQuery, Query()], reader: Reader, session: Session
) -> PageOut[CategoryOut]:
    """The categories, oldest first."""
    page = category_store.list_(
        session, reader.organization_id, query.paging(), with_archived=query.with_archived
    )
    return PageOut[CategoryOut].of_page(page)


@router.put("", responses=problems(403, 409, 422))
def sync_categories(body: ChartIn, writer: Writer, session: Session) -> SyncReportOut:
    """Make the live categories equal to this chart, matched by `code`.

    What is new is created, what differs is updated, what the chart lacks is archived. Sending the same chart
    again changes nothing.
    """
    chart = [category.fields() for category in body.categories]
    return SyncReportOut.of(categories.sync(session, writer.organization_id, chart))


@router.get("/{category_id}", responses=problems(404))
def get_category(category_id: Id, reader: Reader, session: Session) -> CategoryOut:
    """One category, archived or not."""
    return CategoryOut.model_validate(category_store.get(session, reader.organization_id, category_id))


@router.patch("/{category_id}", responses=problems(403, 404, 409, 422))
def update_category(category_id: Id, body: CategoryPatch, writer: Writer, session: Session) -> CategoryOut:
    """Change the fields that the body names; the index follows."""
    category = categories.update(session, writer.organization_id, category_id, body.changes())
    return CategoryOut.model_validate(category)


@router.delete("/{category_id}", status_code=204, responses=problems(403, 404))
def archive_category(category_id: Id, writer: Writer, session: Session) -> None:
    """The category is suggested no more. Its labels stay, and its name and code become free."""
    categories.archive(session, writer.organization_id, category_id)
