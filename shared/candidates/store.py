"""Queries on candidates and the decisions on them."""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.candidates.tables import Candidate


def add(session: Session, candidates: Sequence[Candidate]) -> None:
    """Insert the candidates."""
    session.add_all(candidates)
    session.flush()


def of_status(session: Session, organization_id: uuid.UUID, status: str, limit: int) -> Sequence[Candidate]:
    """The newest candidates of a status."""
    query = (
        select(Candidate)
        .where(Candidate.organization_id == organization_id, Candidate.status == status)
        .order_by(Candidate.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def count_by_category(session: Session, organization_id: uuid.UUID) -> list[tuple[uuid.UUID, str, int]]:
    """(category id, status, how many)."""
    query = (
        select(Candidate.category_id, Candidate.status, func.count())
        .where(Candidate.organization_id == organization_id)
        .group_by(Candidate.category_id, Candidate.status)
    )
    return [(category_id, status, count) for category_id, status, count in session.execute(query)]
