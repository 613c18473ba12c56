"""Transactions and their labels."""

import datetime as dt
import decimal
import uuid

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row

SOURCES = ("api", "import", "synthetic")
LABEL_SOURCES = ("human", "import", "rule", "synthetic")
# Equal for one merchant at one place, its location or else its department; NULL without either. A digest,
# since names may be longer than an entry of an index. Bracketed as Postgres prints it, for `alembic check`.
PLACE_DIGEST = "md5(lower((merchant_name || chr(10)) || coalesce(location, department)))"


class Described:
    """What is known of a transaction beside its merchant's name; candidates have it, too."""

    merchant_descriptor: Mapped[str | None] = mapped_column(String(500))
    merchant_category: Mapped[list[str]]
    merchant_category_code: Mapped[str | None] = mapped_column(String(4))
    department: Mapped[str | None] = mapped_column(String(200))
    location: Mapped[str | None] = mapped_column(String(200))
    amount: Mapped[decimal.Decimal | None] = mapped_column(Numeric(18, 4))
    currency: Mapped[str | None] = mapped_column(String(3))
    memo: Mapped[str | None] = mapped_column(Text)
    spend_program_name: Mapped[str | None] = mapped_column(String(200))
    trip_name: Mapped[str | None] = mapped_column(String(200))
    occurred_on: Mapped[dt.date | None] = mapped_column(Date)


class Transaction(Described, Row, Base):
    """What was spent, as the card network and the expense app describe it."""

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        UniqueConstraint("organization_id", "external_id"),
        CheckConstraint(f"source IN {SOURCES}", name="source"),
        Index("ix_transactions_merchant", "organization_id", func.lower(text("merchant_name")), "id"),
        Index("ix_transactions_place", "organization_id", text(PLACE_DIGEST)),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    merchant_name: Mapped[str] = mapped_column(String(500))
    source: Mapped[str] = mapped_column(String(20))
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Label(Row, Base):
    """Somebody's or something's decision; the newest is current, the older ones stay as history."""

    __tablename__ = "labels"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "transaction_id"],
            ["transactions.organization_id", "transactions.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["organization_id", "category_id"],
            ["categories.organization_id", "categories.id"],
            ondelete="CASCADE",
        ),
        Index("uq_labels_current", "transaction_id", unique=True, postgresql_where=text("is_current")),
        Index("ix_labels_transaction", "organization_id", "transaction_id"),
        Index(
            "ix_labels_current_category",
            "organization_id",
            "category_id",
            postgresql_where=text("is_current"),
        ),
        CheckConstraint(f"source IN {LABEL_SOURCES}", name="source"),
    )

    organization_id: Mapped[uuid.UUID]
    transaction_id: Mapped[uuid.UUID]
    category_id: Mapped[uuid.UUID]
    source: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(200))
    is_current: Mapped[bool]


class LabelLease(Base):
    """Who is looking at an unlabelled transaction, so that the label queue gives it to nobody else."""

    __tablename__ = "label_leases"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "transaction_id"],
            ["transactions.organization_id", "transactions.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    transaction_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    reviewer: Mapped[str] = mapped_column(String(200))
    leased_until: Mapped[dt.datetime]
