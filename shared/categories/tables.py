"""Categories: one organisation's chart of accounts."""

import datetime as dt
import uuid

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row


class Category(Row, Base):
    """An expense category; archived instead of deleted, because labels point at it."""

    __tablename__ = "categories"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        Index(
            "uq_categories_live_name",
            "organization_id",
            "name",
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
        Index(
            "uq_categories_live_code",
            "organization_id",
            "code",
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    code: Mapped[str | None] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(Text)
    examples: Mapped[list[str]]
    departments: Mapped[list[str]]
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    archived_at: Mapped[dt.datetime | None]
