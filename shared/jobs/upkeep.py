"""What erasing and upkeep ask of jobs: many rows at once, and those of all organisations."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import Session

from shared.jobs.tables import Job

OPEN = ("queued", "running")
ENDED = ("succeeded", "failed", "cancelled")


def has_open(session: Session, organization_id: uuid.UUID, kind: str) -> bool:
    """Whether a job of this kind is waiting or at work for the organisation."""
    query = select(Job.id).where(
        Job.organization_id == organization_id, Job.kind == kind, Job.status.in_(OPEN)
    )
    return session.scalar(query.limit(1)) is not None


def stop_others(session: Session, organization_id: uuid.UUID, kind: str) -> int:
    """Cancel what the organisation has queued and ask what runs to stop, but for jobs of `kind`.

    Returns how many have not ended yet: one that runs, or one that was submitted just now.
    """
    others = (Job.organization_id == organization_id, Job.kind != kind)
    is_queued = Job.status == "queued"
    session.execute(
        update(Job)
        .where(*others, Job.status.in_(OPEN))
        .values(
            status=case((is_queued, "cancelled"), else_=Job.status),
            finished_at=case((is_queued, func.now()), else_=Job.finished_at),
            cancel_requested=True,
        )
        .execution_options(synchronize_session=False)
    )
    query = select(func.count()).select_from(Job).where(*others, Job.status.in_(OPEN))
    return session.scalar(query) or 0


def running(session: Session) -> set[tuple[uuid.UUID, int]]:
    """(id, attempt) of every job that is at work, of whatever organisation."""
    query = select(Job.id, Job.attempt).where(Job.status == "running")
    return {(row.id, row.attempt) for row in session.execute(query)}


def waiting(session: Session, kind: str) -> Sequence[Job]:
    """Every queued job of this kind, of whatever organisation."""
    return session.scalars(select(Job).where(Job.kind == kind, Job.status == "queued")).all()


def ids(session: Session, organization_id: uuid.UUID, kind: str) -> Sequence[uuid.UUID]:
    """The ids of the organisation's jobs of this kind, in whatever state."""
    query = select(Job.id).where(Job.organization_id == organization_id, Job.kind == kind)
    return session.scalars(query).all()


def of_interest(session: Session, kind: str, *, kept: dt.timedelta) -> Sequence[Job]:
    """Jobs of this kind, of whatever organisation, that have not ended, or ended within `kept`."""
    is_recent = Job.finished_at > func.now() - kept
    return session.scalars(select(Job).where(Job.kind == kind, Job.status.in_(OPEN) | is_recent)).all()


def submitted_within(session: Session, kinds: Sequence[str], time: dt.timedelta) -> set[uuid.UUID]:
    """Organisations with a job of one of these kinds that is open, or was submitted within `time`."""
    is_recent = Job.created_at > func.now() - time
    query = select(Job.organization_id).where(Job.kind.in_(kinds), Job.status.in_(OPEN) | is_recent)
    return set(session.scalars(query.distinct()))


def sweep(session: Session, kind: str, *, kept: dt.timedelta, limit: int) -> int:
    """Remove at most `limit` jobs of this kind that ended longer ago than `kept`; how many."""
    old = (
        select(Job.id)
        .where(Job.kind == kind, Job.status.in_(ENDED), Job.finished_at < func.now() - kept)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    removed = delete(Job).where(Job.id.in_(old.scalar_subquery())).returning(Job.id)
    return len(session.scalars(removed.execution_options(synchronize_session=False)).all())
