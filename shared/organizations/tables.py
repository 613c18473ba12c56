"""Organisations and the keys that speak for them."""

import datetime as dt
import uuid

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row


class Organization(Row, Base):
    """A customer: owner of every other row."""

    __tablename__ = "organizations"

    name: Mapped[str] = mapped_column(String(200))
    # From then on its keys are invalid; the row is deleted after everything that belongs to it.
    deleted_at: Mapped[dt.datetime | None]


class ApiKey(Row, Base):
    """A key, of which only the SHA-256 of the secret is kept."""

    __tablename__ = "api_keys"

    organization_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(200))
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[list[str]]
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
