"""Transactions and their labels."""

import datetime as dt
import decimal
import uuid
from typing import TYPE_CHECKING, Any

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

from shared.kit.db import Base, Row
from shared.transactions.fields import FIELDS, REQUIRED, FieldSpec, FieldType

SOURCES = ("api", "import", "synthetic")
LABEL_SOURCES = ("human", "import", "rule", "synthetic")
# Equal for one merchant at one place, its location or else its department; NULL without either. A digest,
# since names may be longer than an entry of an index. Bracketed as Postgres prints it, for `alembic check`.
PLACE_DIGEST = "md5(lower((merchant_name || chr(10)) || coalesce(location, department)))"


def _column(spec: FieldSpec) -> MappedColumn[Any]:
    """The column of a declared field; NULL, or an empty list, where the field is not given."""
    match spec.type:
        case FieldType.NAMES:
            return mapped_column(JSONB, nullable=False)
        case FieldType.AMOUNT:
            return mapped_column(Numeric(18, 4), nullable=True)
        case FieldType.PROSE:
            return mapped_column(Text, nullable=True)
        case FieldType.TEXT | FieldType.MERCHANT_CATEGORY_CODE | FieldType.CURRENCY:
            return mapped_column(String(spec.max_length), nullable=True)


class FieldColumns:
    """The columns of the declared fields but the merchant's name, and of the day; candidates share them."""

    occurred_on: Mapped[dt.date | None] = mapped_column(Date)

    if TYPE_CHECKING:  # the columns that our code names; all of them are made below, from their declaration
        merchant_descriptor: Mapped[str | None]
        merchant_category: Mapped[list[str]]
        department: Mapped[str | None]
        location: Mapped[str | None]
        amount: Mapped[decimal.Decimal | None]
        currency: Mapped[str | None]
        memo: Mapped[str | None]


for _name, _spec in FIELDS.items():
    if _name not in REQUIRED:
        setattr(FieldColumns, _name, _column(_spec))


class Transaction(FieldColumns, Row, Base):
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
