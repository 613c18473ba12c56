"""Requests that were answered once and will be answered the same again."""

import uuid
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row


class IdempotencyKey(Row, Base):
    """An `Idempotency-Key`: what was asked under it and, since both commit together, what was answered.

    No organisation: the root key was used. `status` is None only inside the transaction that answers.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("organization_id", "key", postgresql_nulls_not_distinct=True),
        Index("ix_idempotency_keys_created_at", "created_at"),
    )

    organization_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE")
    )
    key: Mapped[str] = mapped_column(String(255))
    request_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None] = mapped_column(Integer)
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The body holds a secret and is encrypted: only the API key that was used first can decrypt it.
    is_sealed: Mapped[bool] = mapped_column(default=False)
