"""Queries on organisations and keys."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page
from shared.organizations.tables import ApiKey, Organization


class OrganizationNotFound(NotFound):
    code = "organization-not-found"
    message = "There is no such organisation."


class ApiKeyNotFound(NotFound):
    code = "api-key-not-found"
    message = "There is no such API key."


def add_organization(session: Session, organization: Organization) -> Organization:
    """Insert the organisation."""
    session.add(organization)
    session.flush()
    return organization


def get(session: Session, organization_id: uuid.UUID, *, lock: bool = False) -> Organization:
    """The organisation; `lock` holds the row, though others may still add rows that belong to it."""
    query = select(Organization).where(Organization.id == organization_id)
    organization = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if organization is None:
        raise OrganizationNotFound
    return organization


def list_(session: Session, paging: Paging) -> Page[Organization]:
    """Organisations, oldest first."""
    return page(session, select(Organization), Organization.id, paging, resource="organizations")


def list_ids(session: Session, *, is_deleted: bool | None = None) -> Sequence[uuid.UUID]:
    """The ids of all organisations, or only of those that are (not) being deleted."""
    query = select(Organization.id).order_by(Organization.id)
    if is_deleted is not None:
        at = Organization.deleted_at
        query = query.where(at.is_not(None) if is_deleted else at.is_(None))
    return session.scalars(query).all()


def lock_out(session: Session, organization_id: uuid.UUID) -> bool:
    """Lock the row so that nobody can add rows of the organisation; False: it does not exist."""
    query = select(Organization.id).where(Organization.id == organization_id).with_for_update()
    return session.scalar(query) is not None


def remove(session: Session, organization_id: uuid.UUID) -> None:
    """Delete the organisation and, by cascade, what still belongs to it."""
    session.execute(
        delete(Organization)
        .where(Organization.id == organization_id)
        .execution_options(synchronize_session=False)
    )


def add_key(session: Session, key: ApiKey) -> ApiKey:
    """Insert the key."""
    session.add(key)
    session.flush()
    return key


def find_key(session: Session, public_id: str) -> ApiKey | None:
    """The key with this public id, unless its organisation is being deleted."""
    query = (
        select(ApiKey)
        .join(Organization, Organization.id == ApiKey.organization_id)
        .where(ApiKey.public_id == public_id, Organization.deleted_at.is_(None))
    )
    return session.scalar(query)


def get_key(session: Session, organization_id: uuid.UUID, key_id: uuid.UUID) -> ApiKey:
    """The organisation's key."""
    key = session.scalar(select(ApiKey).where(ApiKey.organization_id == organization_id, ApiKey.id == key_id))
    if key is None:
        raise ApiKeyNotFound
    return key


def list_keys(session: Session, organization_id: uuid.UUID, paging: Paging) -> Page[ApiKey]:
    """The organisation's keys, oldest first."""
    query = select(ApiKey).where(ApiKey.organization_id == organization_id)
    return page(session, query, ApiKey.id, paging, resource="api-keys")
