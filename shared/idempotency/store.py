"""Queries on idempotency keys."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Delete, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.idempotency.tables import IdempotencyKey
from shared.kit.ids import new_id

UNIQUE = "uq_idempotency_keys_organization_id_key"
KEPT = dt.timedelta(hours=24)
_UNANSWERED: Mapping[str, Any] = {"status": None, "headers": None, "body": None, "is_sealed": False}


@dataclass(frozen=True)
class ExistingKey:
    """A key that was used before, and whether it has expired."""

    row: IdempotencyKey
    is_old: bool


def wait_for_locks(session: Session, milliseconds: int | None) -> None:
    """Limit how long the rest of the transaction waits for a lock; None: the connection's default."""
    value = "DEFAULT" if milliseconds is None else str(milliseconds)
    session.execute(text(f"SET LOCAL lock_timeout = {value}"))


def insert_key(
    session: Session, organization_id: uuid.UUID | None, key: str, request_sha256: bytes
) -> uuid.UUID | None:
    """Insert the key: the row's id, or None where it exists. Waits for a concurrent insert of it."""
    values = {"id": new_id(), "organization_id": organization_id, "key": key}
    statement = insert(IdempotencyKey).values(**values, request_sha256=request_sha256, is_sealed=False)
    return session.scalar(
        statement.on_conflict_do_nothing(constraint=UNIQUE).returning(IdempotencyKey.id),
    )


def find(session: Session, organization_id: uuid.UUID | None, key: str) -> ExistingKey | None:
    """The key as it is committed."""
    query = select(IdempotencyKey, IdempotencyKey.created_at < func.now() - KEPT).where(
        IdempotencyKey.organization_id.is_not_distinct_from(organization_id), IdempotencyKey.key == key
    )
    row = session.execute(query).one_or_none()
    return None if row is None else ExistingKey(*row)


def take_over(session: Session, row_id: uuid.UUID, request_sha256: bytes) -> bool:
    """Reuse an expired row for a new request; False where another request was faster."""
    statement = (
        update(IdempotencyKey)
        .where(IdempotencyKey.id == row_id, IdempotencyKey.created_at < func.now() - KEPT)
        .values(created_at=func.now(), request_sha256=request_sha256, **_UNANSWERED)
        .returning(IdempotencyKey.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(statement) is not None


def answer(session: Session, row_id: uuid.UUID, **values: Any) -> None:
    """Write the answer into the row."""
    session.execute(update(IdempotencyKey).where(IdempotencyKey.id == row_id).values(**values))


def delete_old(session: Session, limit: int) -> int:
    """Remove at most `limit` expired rows, skipping those that are locked; how many."""
    old = (
        select(IdempotencyKey.id)
        .where(IdempotencyKey.created_at < func.now() - KEPT)
        .order_by(IdempotencyKey.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement: Delete = delete(IdempotencyKey).where(IdempotencyKey.id.in_(old.scalar_subquery()))
    return len(session.scalars(statement.returning(IdempotencyKey.id)).all())
