"""Candidates: transactions that were made up, waiting for a person to approve or reject them."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.kit.db import Base, Row
from shared.transactions.tables import FieldColumns

STATUSES = ("pending", "approved", "rejected", "skipped")
KINDS = ("transaction", "paraphrase")
DECISIONS = ("approve", "reject", "skip")


class Candidate(FieldColumns, Row, Base):
    """A made-up transaction with the category it is meant to show, or another name for a category.

    `rank` is where the active model put the meant category when the candidate was made (1: first), `margin`
    how far its score was above the best other one's: together, how hard the candidate is.
    """

    __tablename__ = "candidates"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        ForeignKeyConstraint(
            ["organization_id", "category_id"],
            ["categories.organization_id", "categories.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        Index("ix_candidates_review", "organization_id", "status", "id"),
        Index("ix_candidates_category", "organization_id", "category_id"),
        Index("ix_candidates_job", "organization_id", "job_id"),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    category_id: Mapped[uuid.UUID]
    paraphrase: Mapped[str | None] = mapped_column(String(200))  # the other name; then there are no fields
    merchant_name: Mapped[str | None] = mapped_column(String(500))
    # Where it comes from.
    job_id: Mapped[uuid.UUID]
    style: Mapped[str] = mapped_column(String(20))
    prompt_version: Mapped[str] = mapped_column(String(50))
    llm: Mapped[str] = mapped_column(String(200))  # the model's name at its endpoint; "offline" without one
    rank: Mapped[int | None] = mapped_column(Integer)
    margin: Mapped[float | None] = mapped_column(Float)
    model_version_id: Mapped[uuid.UUID | None]
    # Who looks at it now; somebody else may once the lease has run out.
    leased_by: Mapped[str | None] = mapped_column(String(200))
    leased_until: Mapped[dt.datetime | None]
    # What became of it.
    decided_by: Mapped[str | None] = mapped_column(String(200))
    decided_at: Mapped[dt.datetime | None]
    reason: Mapped[str | None] = mapped_column(String(1000))
    transaction_id: Mapped[uuid.UUID | None]  # of the approved one, where it still exists


class CandidateDecision(Row, Base):
    """One decision on a candidate, kept when it is undone. `changes` holds {field: [before, after]}."""

    __tablename__ = "candidate_decisions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "candidate_id"],
            ["candidates.organization_id", "candidates.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"decision IN {DECISIONS}", name="decision"),
        Index("ix_candidate_decisions_actor", "organization_id", "actor", "id"),
        Index("ix_candidate_decisions_candidate", "organization_id", "candidate_id"),
    )

    organization_id: Mapped[uuid.UUID]
    candidate_id: Mapped[uuid.UUID]
    decision: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str | None] = mapped_column(String(1000))
    changes: Mapped[dict[str, Any]]
    undone_at: Mapped[dt.datetime | None]
