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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row
from shared.kit.measures import RetrievalMeasures
from shared.kit.pydantic_json import PydanticJSON
from shared.registry.reports import EvaluationMetrics, EvaluationReport

MODEL_KINDS = ("base", "fine_tuned", "imported", "reranker", "hosted_reranker")


class ModelVersion(Row, Base):
    """A model to evaluate and activate, or to switch on as a second stage; its weights never change."""

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
    dimension: Mapped[int | None] = mapped_column(Integer)  # vectors are cut to so many numbers; None: whole
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
        ForeignKeyConstraint(
            ["organization_id", "reranker_version_id"],
            ["model_versions.organization_id", "model_versions.id"],
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True
    )
    model_version_id: Mapped[uuid.UUID]
    counter: Mapped[int] = mapped_column(Integer)
    activated_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    # The second stage, where one is switched on: it puts the first `rerank_top_n` categories in order again.
    reranker_version_id: Mapped[uuid.UUID | None]
    rerank_top_n: Mapped[int] = mapped_column(Integer, default=10, server_default="10")


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
    """What a method, most often a model version, scored on one split of one dataset."""

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
        Index("ix_evaluations_leaderboard", "organization_id", "dataset_id", "split", "id"),
        Index("ix_evaluations_model", "organization_id", "model_version_id", "id"),
        Index(
            "ix_evaluations_reranker",
            "organization_id",
            "reranker_version_id",
            "id",
            postgresql_where=text("reranker_version_id IS NOT NULL"),
        ),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    dataset_id: Mapped[uuid.UUID]
    method: Mapped[str] = mapped_column(String(30), default="model", server_default="model")
    model_version_id: Mapped[uuid.UUID | None]  # None for a baseline, which is no model of ours
    reranker_version_id: Mapped[uuid.UUID | None]
    split: Mapped[str] = mapped_column(String(10))
    metrics: Mapped[EvaluationMetrics] = mapped_column(PydanticJSON(EvaluationMetrics))
    per_category: Mapped[dict[uuid.UUID, RetrievalMeasures]] = mapped_column(
        PydanticJSON(dict[uuid.UUID, RetrievalMeasures])
    )
    report: Mapped[EvaluationReport | None] = mapped_column(
        PydanticJSON(EvaluationReport)
    )  # None: an old row
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
    rank_without_reranker: Mapped[int | None] = mapped_column(Integer)
    score: Mapped[float | None]  # of the category that came first
    suggested_category_id: Mapped[uuid.UUID | None]
