"""Queries on categories."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.categories.tables import Category
from shared.kit.database_errors import on_unique_violation, translated
from shared.kit.errors import Conflict, NotFound
from shared.kit.paging import Page, Paging, page


class CategoryNotFound(NotFound):
    code = "category-not-found"
    message = "There is no such category."


class CategoryExists(Conflict):
    code = "category-exists"
    message = (
        "A category that is not archived has this name or code already. Change it, or archive the other one."
    )


on_unique_violation("uq_categories_live_name", CategoryExists)
on_unique_violation("uq_categories_live_code", CategoryExists)


def add(session: Session, category: Category) -> Category:
    """Insert the category.

    Raises:
        CategoryExists: its name or code is taken.
    """
    session.add(category)
    flush(session)
    return category


def flush(session: Session) -> None:
    """Send pending changes, saying plainly when a name or code is taken."""
    with translated():
        session.flush()


def get(session: Session, organization_id: uuid.UUID, category_id: uuid.UUID) -> Category:
    """The organisation's category, archived or not."""
    category = session.scalar(
        select(Category).where(Category.organization_id == organization_id, Category.id == category_id)
    )
    if category is None:
        raise CategoryNotFound
    return category


def list_(
    session: Session, organization_id: uuid.UUID, paging: Paging, *, with_archived: bool
) -> Page[Category]:
    """The organisation's categories, oldest first."""
    query = select(Category).where(Category.organization_id == organization_id)
    if not with_archived:
        query = query.where(Category.archived_at.is_(None))
    return page(session, query, Category.id, paging, resource="categories")


def all_live(session: Session, organization_id: uuid.UUID) -> Sequence[Category]:
    """Every category that is not archived, oldest first."""
    query = select(Category).where(
        Category.organization_id == organization_id, Category.archived_at.is_(None)
    )
    return session.scalars(query.order_by(Category.id)).all()


def by_ids(session: Session, organization_id: uuid.UUID, ids: Collection[uuid.UUID]) -> Sequence[Category]:
    """Those of the categories that the organisation has, archived or not."""
    query = select(Category).where(Category.organization_id == organization_id, Category.id.in_(ids))
    return session.scalars(query).all()
