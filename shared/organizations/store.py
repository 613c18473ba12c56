"""Queries on organisations and keys."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page
from shared.organizations.tables import ApiKey, Organization


class OrganizationNotFound(NotFound):
    """There is no such organisation."""

    code = "organization-not-found"


class ApiKeyNotFound(NotFound):
    """There is no such API key."""

    code = "api-key-not-found"


def add_organization(session: Session, organization: Organization) -> Organization:
    """Insert the organisation."""
    session.add(organization)
    session.flush()
    return organization


def get(session: Session, organization_id: uuid.UUID) -> Organization:
    """The organisation."""
    organization = session.get(Organization, organization_id)
    if organization is None:
        raise OrganizationNotFound
    return organization


def list_organization_ids(session: Session) -> Sequence[uuid.UUID]:
    """Every organisation, for upkeep that goes over all of them."""
    return session.scalars(select(Organization.id).order_by(Organization.id)).all()


def add_key(session: Session, key: ApiKey) -> ApiKey:
    """Insert the key."""
    session.add(key)
    session.flush()
    return key


def find_key(session: Session, public_id: str) -> ApiKey | None:
    """The key with this public part, of whatever organisation."""
    return session.scalar(select(ApiKey).where(ApiKey.public_id == public_id))


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
