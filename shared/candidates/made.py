"""What was made so far: what a generator shows as examples, and what it must not make again."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.candidates.tables import Candidate


def newest(session: Session, organization_id: uuid.UUID, limit: int) -> Sequence[Candidate]:
    """The newest candidates, whatever was decided: what was rejected is not wanted again either."""
    query = select(Candidate).where(Candidate.organization_id == organization_id)
    return session.scalars(query.order_by(Candidate.id.desc()).limit(limit)).all()


def approved(
    session: Session, organization_id: uuid.UUID, category_ids: Collection[uuid.UUID], limit: int
) -> Sequence[Candidate]:
    """The newest approved transactions of the categories."""
    query = select(Candidate).where(
        Candidate.organization_id == organization_id,
        Candidate.status == "approved",
        Candidate.kind == "transaction",
        Candidate.category_id.in_(category_ids),
    )
    return session.scalars(query.order_by(Candidate.id.desc()).limit(limit)).all()


def ids_of_job(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID) -> set[uuid.UUID]:
    """The candidates that the job has made."""
    query = select(Candidate.id).where(
        Candidate.organization_id == organization_id, Candidate.job_id == job_id
    )
    return set(session.scalars(query))


def other_names(session: Session, organization_id: uuid.UUID) -> dict[uuid.UUID, list[str]]:
    """The approved other names of each category that has any, in the order in which they were made up."""
    query = (
        select(Candidate.category_id, Candidate.paraphrase)
        .where(Candidate.organization_id == organization_id)
        .where(Candidate.kind == "paraphrase", Candidate.status == "approved")
        .order_by(Candidate.id)
    )
    found: dict[uuid.UUID, list[str]] = {}
    for category_id, name in session.execute(query):
        if name is not None:
            found.setdefault(category_id, []).append(name)
    return found
