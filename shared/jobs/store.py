"""Queries on jobs."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import case, delete, func, literal, null, select, text, true, update
from sqlalchemy.orm import Session, aliased

from shared.jobs import child_jobs
from shared.jobs.tables import Job
from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page

CHANNEL = child_jobs.CHANNEL


class JobNotFound(NotFound):
    code = "job-not-found"
    message = "There is no such job."


def add(session: Session, job: Job) -> Job:
    """Insert the job; on commit the relay is woken."""
    session.add(job)
    session.flush()
    session.execute(select(func.pg_notify(CHANNEL, "")))
    return job


def get(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID, *, lock: bool = False) -> Job:
    """The organisation's job; `lock` holds the row until the transaction ends."""
    query = select(Job).where(Job.organization_id == organization_id, Job.id == job_id)
    job = session.scalar(query.with_for_update() if lock else query)
    if job is None:
        raise JobNotFound
    return job


def list_(
    session: Session, organization_id: uuid.UUID, paging: Paging, wanted: Mapping[str, Any]
) -> Page[Job]:
    """The organisation's jobs, newest first; `wanted`: column -> value, None for any."""
    query = select(Job).where(Job.organization_id == organization_id)
    query = query.filter_by(**{name: value for name, value in wanted.items() if value is not None})
    return page(session, query, Job.id, paging, resource="jobs", newest_first=True)


def claim(session: Session, job_id: uuid.UUID, lease_s: float) -> Job | None:
    """Take a queued job: one more attempt and a lease on the database's clock. None: it was not queued."""
    query = (
        update(Job)
        .where(Job.id == job_id, Job.status == "queued")
        .values(
            status="running",
            attempt=Job.attempt + 1,
            lease_until=func.now() + dt.timedelta(seconds=lease_s),
            started_at=func.now(),
            progress=null(),
        )
        .returning(Job)
    )
    return session.scalar(query)


def first_in_line(session: Session, job_id: uuid.UUID) -> uuid.UUID | None:
    """The job that is served next in the queue of this one; locked, so that others who ask pass over it.

    Most urgent first; among equals the organisation whose last job began longest ago, so that one with many
    jobs takes turns with one that has few. Only what was published: a message each was sent for these.
    """
    waiting = (
        Job.status == "queued",
        Job.queue == select(Job.queue).where(Job.id == job_id).scalar_subquery(),
        Job.published_at.is_not(None),
        Job.available_at <= func.now(),
    )
    line = (
        select(Job.organization_id, Job.queue, func.min(Job.priority).label("priority"))
        .where(*waiting)
        .group_by(Job.organization_id, Job.queue)
        .subquery()
    )
    served = aliased(Job)
    last_served = (
        select(func.max(served.started_at))
        .where(served.queue == line.c.queue, served.organization_id == line.c.organization_id)
        .scalar_subquery()
    )
    turns = (
        select(line).order_by(line.c.priority, last_served.nulls_first(), line.c.organization_id).subquery()
    )
    first = (
        select(Job.id)
        .where(*waiting, Job.organization_id == turns.c.organization_id)
        .order_by(Job.priority, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .lateral()
    )
    return session.scalar(select(first.c.id).select_from(turns.join(first, true())).limit(1))


def count_queued(session: Session, organization_id: uuid.UUID, kinds: Collection[str]) -> int:
    """How many jobs of these kinds the organisation has waiting."""
    query = select(func.count()).where(
        Job.organization_id == organization_id, Job.status == "queued", Job.kind.in_(kinds)
    )
    return session.scalar(query) or 0


def renew(
    session: Session, job_id: uuid.UUID, attempt: int, lease_s: float, progress: dict[str, Any] | None
) -> bool | None:
    """Lengthen the lease and report progress. Whether cancel was asked for; None: the lease is lost."""
    values: dict[str, Any] = {"lease_until": func.now() + dt.timedelta(seconds=lease_s)}
    if progress is not None:
        values["progress"] = progress
    query = (
        update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.status == "running")
        .values(**values)
        .returning(Job.cancel_requested)
    )
    return session.scalar(query)


def holds(session: Session, job_id: uuid.UUID, attempt: int) -> bool:
    """Whether this attempt still owns the job; until the transaction ends nobody can take it away."""
    query = (
        select(Job.id)
        .where(Job.id == job_id, Job.attempt == attempt, Job.status == "running")
        .with_for_update(read=True)
    )
    return session.scalar(query) is not None


def finish(session: Session, job_id: uuid.UUID, attempt: int, values: dict[str, Any]) -> bool:
    """End the attempt with `values`; False: it is no longer this attempt's to end."""
    query = (
        update(Job)
        .where(Job.id == job_id, Job.attempt == attempt, Job.status == "running")
        .values(lease_until=None, **values)
        .returning(Job.parent_id)
    )
    ended = session.execute(query).one_or_none()
    if ended is None:
        return False
    is_alone = ended.parent_id is None and values["status"] == "succeeded"  # as nearly all are
    if values["status"] in child_jobs.ENDED and not is_alone:
        child_jobs.attend(session, {job_id: values["status"]})
    return True


def expire(session: Session, error: dict[str, Any]) -> list[tuple[uuid.UUID, str]]:
    """Jobs whose lease has run out: queued again, or failed with `error` after the last attempt, or
    cancelled when that was asked for. Returns (id, new status)."""
    status = case(
        (Job.cancel_requested, "cancelled"), (Job.attempt >= Job.max_attempts, "failed"), else_="queued"
    )
    over = Job.cancel_requested | (Job.attempt >= Job.max_attempts)
    # A worker that was frozen in a transaction still locks its own job; the others must not wait for it.
    dead = (
        select(Job.id)
        .where(Job.status == "running", Job.lease_until < func.now())
        .with_for_update(skip_locked=True)
    )
    query = (
        update(Job)
        .where(Job.id.in_(dead))
        .values(
            status=status,
            lease_until=None,
            published_at=None,
            leases_lost=Job.leases_lost + 1,
            error=case((~Job.cancel_requested & over, literal(error, Job.error.type)), else_=null()),
            finished_at=case((over, func.now()), else_=null()),
        )
        .returning(Job.id, Job.status)
    )
    expired = [(row.id, row.status) for row in session.execute(query)]
    child_jobs.attend(session, {job_id: status for job_id, status in expired if status in child_jobs.ENDED})
    return expired


def take_unpublished(session: Session, limit: int) -> list[tuple[uuid.UUID, str, int]]:
    """Mark up to `limit` queued jobs as published: (id, queue, priority), most urgent first."""
    chosen = (
        select(Job.id)
        .where(Job.status == "queued", Job.published_at.is_(None), Job.available_at <= func.now())
        .order_by(Job.priority, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(Job)
        .where(Job.id.in_(chosen))
        .values(published_at=func.now())
        .returning(Job.id, Job.queue, Job.priority)
    )
    rows = [(row.id, row.queue, row.priority) for row in session.execute(query)]
    return sorted(rows, key=lambda row: (row[2], row[0]))


def unpublish(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Let the relay send these again, where they are still queued."""
    session.execute(update(Job).where(Job.id.in_(ids), Job.status == "queued").values(published_at=None))


def unpublish_queue(session: Session, queue: str, grace_s: float) -> int:
    """Let the relay send again what was published to `queue` more than `grace_s` seconds ago."""
    query = (
        update(Job)
        .where(
            Job.status == "queued",
            Job.queue == queue,
            Job.published_at < func.now() - dt.timedelta(seconds=grace_s),
        )
        .values(published_at=None)
        .returning(Job.id)
    )
    return len(session.scalars(query).all())


def count_by_kind(session: Session) -> list[tuple[str, str, int, float]]:
    """(kind, status, how many, seconds since the oldest queued one) of the jobs not yet ended and today's."""
    age = func.coalesce(func.extract("epoch", func.now() - func.min(Job.created_at)), 0)
    query = (
        select(Job.kind, Job.status, func.count(), age)
        .where(
            Job.status.in_(("queued", "running")) | (Job.finished_at > func.now() - text("interval '1 day'"))
        )
        .group_by(Job.kind, Job.status)
    )
    return [(kind, status, count, float(seconds)) for kind, status, count, seconds in session.execute(query)]


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
