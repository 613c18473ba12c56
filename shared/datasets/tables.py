"""Datasets: labelled transactions, frozen and split."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.categories.frozen import FrozenCategory
from shared.datasets.report import DatasetReport
from shared.datasets.splits import SPLITS
from shared.kit.db import Base, Row
from shared.kit.pydantic_json import PydanticJSON


class Dataset(Row, Base):
    """A frozen copy of what was labelled, with the categories as they were then."""

    __tablename__ = "datasets"
    __table_args__ = (UniqueConstraint("organization_id", "id"),)

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    seed: Mapped[int] = mapped_column(Integer)
    parameters: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, int]] = mapped_column(JSONB)  # rows by split
    report: Mapped[DatasetReport | None] = mapped_column(PydanticJSON(DatasetReport))
    categories: Mapped[dict[str, FrozenCategory]] = mapped_column(
        PydanticJSON(dict[str, FrozenCategory])
    )  # by id
    job_id: Mapped[uuid.UUID]
    frozen_at: Mapped[dt.datetime | None]  # None while the job still copies rows: nobody sees it yet


class DatasetItem(Row, Base):
    """One frozen transaction with its category; it outlives the transaction it was copied from."""

    __tablename__ = "dataset_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "dataset_id"], ["datasets.organization_id", "datasets.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("organization_id", "id"),
        Index("ix_dataset_items_dataset", "dataset_id", "id"),
        Index("ix_dataset_items_split", "dataset_id", "split", "id"),
        CheckConstraint(f"split IN {SPLITS}", name="split"),
    )

    organization_id: Mapped[uuid.UUID]
    dataset_id: Mapped[uuid.UUID]
    transaction_id: Mapped[uuid.UUID]
    category_id: Mapped[uuid.UUID]
    split: Mapped[str] = mapped_column(String(10))
    fields: Mapped[dict[str, Any]]
