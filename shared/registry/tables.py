"""Model versions, which of them is active, and what evaluations found."""

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
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row

MODEL_KINDS = ("base", "fine_tuned")


class ModelVersion(Row, Base):
    """An embedding model that can be evaluated and activated; its weights never change."""

    __tablename__ = "model_versions"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        UniqueConstraint("organization_id", "name"),
        CheckConstraint(f"kind IN {MODEL_KINDS}", name="kind"),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    base_model: Mapped[str] = mapped_column(String(500))
    base_model_revision: Mapped[str | None] = mapped_column(String(200))
    # Of the weights: versions with equal weights share one collection, apart by organisation.
    fingerprint: Mapped[str] = mapped_column(String(64))
    artifact: Mapped[str | None] = mapped_column(String(500))
    parameters: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    dataset_id: Mapped[uuid.UUID | None]
    job_id: Mapped[uuid.UUID | None]


class ActiveModel(Base):
    """The one row an organisation's requests resolve; `counter` makes switching a compare-and-set."""

    __tablename__ = "active_models"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "model_version_id"],
            ["model_versions.organization_id", "model_versions.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    model_version_id: Mapped[uuid.UUID]
    counter: Mapped[int] = mapped_column(Integer)
    activated_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Activation(Row, Base):
    """One switch of the active model; rollback reads this history."""

    __tablename__ = "activations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "model_version_id"],
            ["model_versions.organization_id", "model_versions.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("organization_id", "counter"),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    model_version_id: Mapped[uuid.UUID]
    counter: Mapped[int] = mapped_column(Integer)


class Evaluation(Row, Base):
    """What a model version scored on one split of one dataset."""

    __tablename__ = "evaluations"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        ForeignKeyConstraint(
            ["organization_id", "dataset_id"], ["datasets.organization_id", "datasets.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["organization_id", "model_version_id"],
            ["model_versions.organization_id", "model_versions.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    dataset_id: Mapped[uuid.UUID]
    model_version_id: Mapped[uuid.UUID]
    split: Mapped[str] = mapped_column(String(10))
    metrics: Mapped[dict[str, Any]]
    per_category: Mapped[dict[str, Any]]
    job_id: Mapped[uuid.UUID]


class EvaluationRow(Base):
    """Where one row's right category came in: 1 is first; None is not among the candidates."""

    __tablename__ = "evaluation_rows"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "evaluation_id"],
            ["evaluations.organization_id", "evaluations.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["organization_id", "dataset_item_id"],
            ["dataset_items.organization_id", "dataset_items.id"],
            ondelete="CASCADE",
        ),
        Index("ix_evaluation_rows_item", "organization_id", "dataset_item_id"),
    )

    evaluation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    dataset_item_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[uuid.UUID]
    rank: Mapped[int | None] = mapped_column(Integer)
    rank_without_history: Mapped[int | None] = mapped_column(Integer)
    suggested_category_id: Mapped[uuid.UUID | None]
