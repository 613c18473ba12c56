"""A chart of accounts and its changes; each change queues the index's share of the work."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.categories import store
from shared.categories.store import CategoryExists, CategoryNotFound
from shared.categories.tables import Category
from shared.categories.text import CategoryFormat, category_text
from shared.jobs import service as jobs
from shared.jobs.kinds import SyncIndexParams
from shared.kit.errors import FieldError, Invalid

__all__ = ["CategoryExists", "CategoryNotFound"]


@dataclass(frozen=True)
class CategoryFields:
    """What a caller may say about a category."""

    name: str
    code: str | None = None
    description: str | None = None
    examples: list[str] = field(default_factory=list)
    departments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SyncReport:
    """What syncing a chart changed, by category id."""

    created: list[uuid.UUID]
    updated: list[uuid.UUID]
    archived: list[uuid.UUID]
    unchanged: list[uuid.UUID]


def text_of(category: Category, form: CategoryFormat = "name_examples_description") -> str:
    """The text by which the category is found."""
    return category_text(category.name, category.description, category.examples, form=form)


def create(session: Session, organization_id: uuid.UUID, fields: CategoryFields) -> Category:
    """Create a category; it can be suggested as soon as it is indexed.

    Raises:
        CategoryExists: its name or code is taken.
    """
    category = store.add(session, _new(organization_id, fields))
    _changed(session, organization_id, [category.id])
    return category


def create_many(session: Session, organization_id: uuid.UUID, names: Sequence[str]) -> list[Category]:
    """Create categories that have only a name."""
    created = [store.add(session, _new(organization_id, CategoryFields(name=name))) for name in names]
    if created:
        _changed(session, organization_id, [category.id for category in created])
    return created


def update(
    session: Session, organization_id: uuid.UUID, category_id: uuid.UUID, changes: dict[str, object]
) -> Category:
    """Change the named fields of a category.

    Raises:
        CategoryExists: the new name or code is taken.
    """
    category = store.get(session, organization_id, category_id)
    if _apply(category, changes):
        store.flush(session)
        session.refresh(category)
        _changed(session, organization_id, [category.id])
    return category


def archive(session: Session, organization_id: uuid.UUID, category_id: uuid.UUID) -> None:
    """Stop suggesting the category; its labels stay. Idempotent."""
    category = store.get(session, organization_id, category_id)
    if category.archived_at is None:
        category.archived_at = func.now()
        session.flush()
        _changed(session, organization_id, [category.id])


def sync(session: Session, organization_id: uuid.UUID, chart: Sequence[CategoryFields]) -> SyncReport:
    """Make the live categories equal to `chart`, matched by code: create, update, archive the rest.

    Raises:
        Invalid: a code is missing, or a code or name stands twice.
    """
    _check_chart(chart)
    live = {category.code: category for category in store.all_live(session, organization_id)}
    wanted = {fields.code for fields in chart}
    report = SyncReport([], [], [], [])
    for code, category in live.items():
        if code not in wanted:
            category.archived_at = func.now()
            report.archived.append(category.id)
    store.flush(session)  # first, so that a freed name can be used again
    for fields in chart:
        known = live.get(fields.code)
        if known is None:
            report.created.append(store.add(session, _new(organization_id, fields)).id)
        elif _apply(known, _values(fields)):
            store.flush(session)
            report.updated.append(known.id)
        else:
            report.unchanged.append(known.id)
    changed = report.created + report.updated + report.archived
    if changed:
        _changed(session, organization_id, changed)
    return report


def _check_chart(chart: Sequence[CategoryFields]) -> None:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for position, fields in enumerate(chart):
        if fields.code is None:
            message = "A chart is synced by code, so each category needs one."
            errors.append(FieldError(f"/categories/{position}/code", "missing", message))
        for key, value in (("code", fields.code), ("name", fields.name)):
            if value is not None and (key, value) in seen:
                message = f"Another category of this chart has the same {key}."
                errors.append(FieldError(f"/categories/{position}/{key}", "duplicate", message))
            seen.add((key, value or ""))
    if errors:
        raise Invalid(errors=tuple(errors))


def _values(fields: CategoryFields) -> dict[str, object]:
    return {
        "name": fields.name,
        "code": fields.code,
        "description": fields.description,
        "examples": fields.examples,
        "departments": fields.departments,
    }


def _new(organization_id: uuid.UUID, fields: CategoryFields) -> Category:
    return Category(organization_id=organization_id, **_values(fields))


def _apply(category: Category, changes: dict[str, object]) -> bool:
    """Set what differs; whether anything did."""
    differing = {name: value for name, value in changes.items() if getattr(category, name) != value}
    for name, value in differing.items():
        setattr(category, name, value)
    return bool(differing)


def _changed(session: Session, organization_id: uuid.UUID, ids: list[uuid.UUID]) -> None:
    jobs.submit(session, organization_id, SyncIndexParams(category_ids=ids))
