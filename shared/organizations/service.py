"""Organisations, their API keys, and authentication."""

import datetime as dt
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func
from sqlalchemy.orm import Session

from shared.jobs import service as jobs
from shared.jobs import store as job_store
from shared.jobs.kinds import DeleteOrganizationParams
from shared.kit.errors import Unauthenticated
from shared.organizations import store
from shared.organizations.tables import ApiKey, Organization

Scope = Literal["read", "write", "admin"]
ERASING = "delete_organization"  # the kind of job that removes all that belongs to an organisation
ALL_SCOPES: tuple[Scope, ...] = ("read", "write", "admin")


@dataclass(frozen=True)
class Principal:
    """An authenticated API key: its organisation and its scopes."""

    organization_id: uuid.UUID
    key_id: uuid.UUID
    key_name: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown once: `token` is kept nowhere."""

    row: ApiKey
    token: str


def create(session: Session, name: str) -> tuple[Organization, NewKey]:
    """An organisation and its first key, which has every scope."""
    organization = store.add_organization(session, Organization(name=name))
    return organization, create_key(session, organization.id, name="first key", scopes=ALL_SCOPES)


def delete(session: Session, organization_id: uuid.UUID, *, request_id: str | None = None) -> Organization:
    """Invalidate the organisation's keys, and queue a job that removes all its data and then its row.

    Its other jobs are cancelled or asked to stop. Idempotent.
    """
    organization = store.get(session, organization_id, lock=True)
    if organization.deleted_at is None:
        organization.deleted_at = func.now()
        session.flush()
        session.refresh(organization)
    job_store.cancel_all_but(session, organization_id, ERASING)
    if not job_store.has_open(session, organization_id, ERASING):
        jobs.submit(session, organization_id, DeleteOrganizationParams(), request_id=request_id)
    return organization


def create_key(
    session: Session,
    organization_id: uuid.UUID,
    *,
    name: str,
    scopes: Sequence[Scope],
    expires_at: dt.datetime | None = None,
) -> NewKey:
    """A key `ol_<key id>_<secret>` with 32 random bytes of secret, of which the SHA-256 is kept."""
    public_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = ApiKey(
        organization_id=organization_id,
        name=name,
        public_id=public_id,
        secret_sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return NewKey(store.add_key(session, row), f"ol_{public_id}_{secret}")


def revoke_key(session: Session, organization_id: uuid.UUID, key_id: uuid.UUID) -> None:
    """Revoke the key: from now on it is invalid. Idempotent."""
    key = store.get_key(session, organization_id, key_id)
    if key.revoked_at is None:
        key.revoked_at = func.now()
        session.flush()


def authenticate(session: Session, token: str) -> Principal:
    """The principal of an API key.

    Raises:
        Unauthenticated: malformed, unknown, wrong, revoked, expired, or of an organisation that was deleted:
            the same answer for all of them.
    """
    prefix, _, rest = token.partition("_")
    public_id, _, secret = rest.partition("_")
    if prefix != "ol" or not public_id.isascii() or not public_id.isalnum() or not secret.isascii():
        raise Unauthenticated
    key = store.find_key(session, public_id)
    digest = hashlib.sha256(secret.encode()).digest()
    if key is None or not hmac.compare_digest(digest, key.secret_sha256) or key.revoked_at is not None:
        raise Unauthenticated
    if key.expires_at is not None and key.expires_at <= dt.datetime.now(dt.UTC):
        raise Unauthenticated
    return Principal(key.organization_id, key.id, key.name, frozenset(key.scopes))
