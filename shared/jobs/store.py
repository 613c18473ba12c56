"""Queries on jobs. Every statement that changes a status is built by `_change`, from a `Transition`."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Update,
    and_,
    case,
    cast,
    column,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    table,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from shared.jobs.kinds import KINDS
from shared.jobs.states import OPEN, JobStatus, Transition
from shared.jobs.tables import PLAIN_REINDEX, Job
from shared.kit.errors import NotFound
from shared.kit.paging import Page, Paging, page

_ORGANIZATIONS = table("organizations", column("id"))  # by name: that room is above this one
CHANNEL = "outlay_jobs"  # of NOTIFY: the relay listens


class JobNotFound(NotFound):
    code = "job-not-found"
    message = "There is no such job."


@dataclass(frozen=True)
class ChildJob:
    """What a parent reads of a job that is part of it."""

    id: uuid.UUID
    status: JobStatus
    params: dict[str, Any]
    result: dict[str, Any] | None


@dataclass(frozen=True)
class Drift:
    """How many points the last reindex of each organisation had to mend, and in how many organisations."""

    organizations: int
    written: int
    removed: int


def add(session: Session, job: Job) -> Job:
    """Insert the job; on commit the relay is woken."""
    session.add(job)
    session.flush()
    _notify_relay(session)
    return job


def get(session: Session, organization_id: uuid.UUID, job_id: uuid.UUID, *, lock: bool = False) -> Job:
    """The organisation's job; `lock` holds the row until the transaction ends.

    Raises:
        JobNotFound: the organisation has no such job.
    """
    query = select(Job).where(Job.organization_id == organization_id, Job.id == job_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    job = session.scalar(query)
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


def list_children(
    session: Session, organization_id: uuid.UUID, parent_id: uuid.UUID, kind: str
) -> list[ChildJob]:
    """The children of this kind of the organisation's job, in the order of their ids."""
    query = select(Job.id, Job.status, Job.params, Job.result).where(
        Job.organization_id == organization_id, Job.parent_id == parent_id, Job.kind == kind
    )
    return [ChildJob(*row) for row in session.execute(query.order_by(Job.id))]


def list_ids(session: Session, organization_id: uuid.UUID, kinds: Collection[str]) -> Sequence[uuid.UUID]:
    """The ids of the organisation's jobs of these kinds, in whatever state."""
    query = select(Job.id).where(Job.organization_id == organization_id, Job.kind.in_(kinds))
    return session.scalars(query).all()


def has_open(session: Session, organization_id: uuid.UUID, kind: str) -> bool:
    """Whether a job of this kind is queued or running for the organisation."""
    query = select(Job.id).where(
        Job.organization_id == organization_id, Job.kind == kind, Job.status.in_(OPEN)
    )
    return session.scalar(query.limit(1)) is not None


def count_queued(session: Session, organization_id: uuid.UUID, kinds: Collection[str]) -> int:
    """How many jobs of these kinds the organisation has queued."""
    query = select(func.count()).where(
        Job.organization_id == organization_id, Job.status == JobStatus.QUEUED, Job.kind.in_(kinds)
    )
    return session.scalar(query) or 0


# How an attempt begins, goes on and ends


def first_in_line(session: Session, job_id: uuid.UUID) -> uuid.UUID | None:
    """The job that is served next in the queue of `job_id`; locked, so that concurrent callers skip it.

    Most urgent first; among equals the organisation whose last job started longest ago, so that one with many
    jobs takes turns with one that has few. Only jobs that were published: each of them has a message.
    """
    waiting = (
        Job.status.in_(Transition.CLAIM.sources),
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


def claim(session: Session, job_id: uuid.UUID, lease_s: float) -> Job | None:
    """Start the next attempt, with a lease on the database's clock. None: the job is not queued."""
    query = _change(
        Transition.CLAIM,
        Job.id == job_id,
        attempt=Job.attempt + 1,
        lease_until=func.now() + dt.timedelta(seconds=lease_s),
        started_at=func.now(),
        progress=null(),
    )
    return session.scalar(query.returning(Job))


def renew_lease(
    session: Session, job_id: uuid.UUID, attempt: int, lease_s: float, progress: dict[str, Any] | None
) -> bool | None:
    """Extend the lease and write the progress. Returns whether to cancel; None: the lease is lost."""
    values: dict[str, Any] = {"lease_until": func.now() + dt.timedelta(seconds=lease_s)}
    if progress is not None:
        values["progress"] = progress
    query = update(Job).where(*_owned_by(job_id, attempt)).values(**values)
    return session.scalar(query.returning(Job.cancel_requested))


def owns(session: Session, job_id: uuid.UUID, attempt: int) -> bool:
    """Whether this attempt still owns the job; it does until the transaction ends, as the row is locked."""
    query = select(Job.id).where(*_owned_by(job_id, attempt)).with_for_update(read=True)
    return session.scalar(query) is not None


def end_attempt(
    session: Session,
    transition: Transition,
    job_id: uuid.UUID,
    attempt: int,
    *,
    only_if: ColumnElement[bool] | None = None,
    **values: Any,
) -> JobStatus | None:
    """End the attempt by `transition` and write `values`.

    Returns the new status; None: the attempt no longer owns the job, or `only_if` does not hold.
    """
    if transition.target.is_final:
        values["finished_at"] = func.now()
    where = _owned_by(job_id, attempt) if only_if is None else (*_owned_by(job_id, attempt), only_if)
    query = _change(transition, *where, lease_until=None, **values)
    row = session.execute(query.returning(Job.parent_id)).one_or_none()
    if row is None:
        return None
    has_family = row.parent_id is not None or transition is not Transition.SUCCEED  # nearly all have none
    if transition.target.is_final and has_family:
        _after_end(session, {job_id: transition.target})
    return transition.target


def requeue(
    session: Session,
    job_id: uuid.UUID,
    attempt: int,
    *,
    delay_s: float,
    progress: dict[str, Any] | None = None,
) -> JobStatus | None:
    """End the attempt and queue the job again in `delay_s` seconds, at no attempt: it was not to blame.

    With `progress` the job is getting on, so whatever may have been away is back. Returns the new status;
    None: the attempt no longer owns the job.
    """
    values: dict[str, Any] = _queued_in(delay_s) | {"max_attempts": Job.max_attempts + 1}
    if progress is not None:
        values |= {"progress": progress, "given_back_since": None}
    return end_attempt(session, Transition.REQUEUE, job_id, attempt, **values)


def requeue_during_outage(
    session: Session,
    job_id: uuid.UUID,
    attempt: int,
    error: dict[str, Any],
    *,
    delay_s: float,
    limit_s: float,
) -> JobStatus | None:
    """Requeue the job at no attempt, or fail it with `error` once it has been put off for `limit_s` seconds.

    The limit counts from the first time. Returns the new status; None: the attempt no longer owns the job.
    """
    since = func.coalesce(Job.given_back_since, func.now())
    values = _queued_in(delay_s) | {"max_attempts": Job.max_attempts + 1, "given_back_since": since}
    is_waiting = since > func.now() - dt.timedelta(seconds=limit_s)
    requeued = end_attempt(session, Transition.REQUEUE, job_id, attempt, only_if=is_waiting, **values)
    return requeued or end_attempt(session, Transition.FAIL, job_id, attempt, error=error)


def try_again(
    session: Session, job_id: uuid.UUID, attempt: int, error: dict[str, Any], *, delay_s: float
) -> JobStatus | None:
    """Requeue the job in `delay_s` seconds, or fail it with `error` after its last attempt: this one counts.

    Returns the new status; None: the attempt no longer owns the job.
    """
    has_more = Job.attempt < Job.max_attempts
    values = _queued_in(delay_s)
    requeued = end_attempt(session, Transition.REQUEUE, job_id, attempt, only_if=has_more, **values)
    return requeued or end_attempt(session, Transition.FAIL, job_id, attempt, error=error)


def _queued_in(delay_s: float) -> dict[str, Any]:
    return {"published_at": None, "available_at": func.now() + dt.timedelta(seconds=delay_s)}


def record_result(session: Session, job_id: uuid.UUID, result: dict[str, Any]) -> None:
    """Keep what the work returned. Does nothing where its effects removed the job with its organisation."""
    session.execute(update(Job).where(Job.id == job_id).values(result=result))


def expire_leases(session: Session, error: dict[str, Any]) -> list[tuple[uuid.UUID, JobStatus]]:
    """End every attempt whose lease ran out: (id, new status).

    Cancelled where that was asked for, failed with `error` after the last attempt, otherwise queued.
    """
    # A worker that froze in a transaction still locks its own job; the others must not wait for it.
    dead = (
        select(Job.id, Job.cancel_requested, (Job.attempt >= Job.max_attempts).label("was_last"))
        .where(Job.status == JobStatus.RUNNING, Job.lease_until < func.now())
        .with_for_update(skip_locked=True)
    )
    ids: dict[Transition, list[uuid.UUID]] = {}
    for row in session.execute(dead):
        if row.cancel_requested:
            transition = Transition.STOP
        else:
            transition = Transition.FAIL if row.was_last else Transition.REQUEUE
        ids.setdefault(transition, []).append(row.id)
    values: dict[Transition, dict[str, Any]] = {
        Transition.STOP: {"finished_at": func.now()},
        Transition.FAIL: {"finished_at": func.now(), "error": error},
        Transition.REQUEUE: {"published_at": None},
    }
    for transition, job_ids in ids.items():
        lost = {"lease_until": None, "leases_lost": Job.leases_lost + 1}
        session.execute(_change(transition, Job.id.in_(job_ids), **lost, **values[transition]))
    ended = {job_id: transition.target for transition, job_ids in ids.items() for job_id in job_ids}
    _after_end(session, {job_id: status for job_id, status in ended.items() if status.is_final})
    return list(ended.items())


# Cancel and retry


def cancel(session: Session, job_id: uuid.UUID) -> None:
    """Cancel the job and its children where they are queued; ask those that run to stop."""
    _cancel(session, or_(Job.id == job_id, Job.parent_id == job_id))


def cancel_all_but(session: Session, organization_id: uuid.UUID, kind: str) -> int:
    """Cancel the organisation's jobs, but for those of `kind`: how many of them are still open.

    These are running ones, which were asked to stop, and any that was submitted just now.
    """
    others = (Job.organization_id == organization_id) & (Job.kind != kind)
    _cancel(session, others)
    query = select(func.count()).select_from(Job).where(others, Job.status.in_(OPEN))
    return session.scalar(query) or 0


def retry(session: Session, job_id: uuid.UUID) -> None:
    """Queue the job and those of its children again that failed or were cancelled.

    Attempts are counted anew from here, but their numbers go on: they fence the writes of older attempts.
    """
    new_attempts = case({kind.name: kind.max_attempts for kind in KINDS.values()}, value=Job.kind)
    query = _change(
        Transition.RETRY,
        or_(Job.id == job_id, Job.parent_id == job_id),
        max_attempts=Job.attempt + new_attempts,
        cancel_requested=False,
        available_at=func.now(),
        published_at=None,
        finished_at=None,
        given_back_since=None,
        error=null(),
        result=null(),
    )
    session.execute(query)
    _notify_relay(session)


# What the relay sends to the broker


def take_unpublished(session: Session, limit: int) -> list[tuple[uuid.UUID, str, int]]:
    """Mark up to `limit` queued jobs as published: (id, queue, priority), most urgent first."""
    chosen = (
        select(Job.id)
        .where(Job.status == JobStatus.QUEUED, Job.published_at.is_(None), Job.available_at <= func.now())
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
    query = update(Job).where(Job.id.in_(ids), Job.status == JobStatus.QUEUED)
    session.execute(query.values(published_at=None))


def unpublish_queue(session: Session, queue: str, grace_s: float) -> int:
    """Let the relay send again what was published to `queue` more than `grace_s` seconds ago: how many."""
    query = (
        update(Job)
        .where(
            Job.status == JobStatus.QUEUED,
            Job.queue == queue,
            Job.published_at < func.now() - dt.timedelta(seconds=grace_s),
        )
        .values(published_at=None)
        .returning(Job.id)
    )
    return len(session.scalars(query).all())


# Across organisations: upkeep and metrics


def list_running(session: Session) -> set[tuple[uuid.UUID, int]]:
    """(id, attempt) of every running job, of whatever organisation."""
    query = select(Job.id, Job.attempt).where(Job.status == JobStatus.RUNNING)
    return {(row.id, row.attempt) for row in session.execute(query)}


def list_queued(session: Session, kind: str) -> Sequence[Job]:
    """Every queued job of this kind, of whatever organisation."""
    query = select(Job).where(Job.kind == kind, Job.status == JobStatus.QUEUED)
    return session.scalars(query).all()


def list_open_or_recent(session: Session, kind: str, *, kept: dt.timedelta) -> Sequence[Job]:
    """Jobs of this kind, of whatever organisation, that are open or ended within `kept`."""
    return session.scalars(select(Job).where(Job.kind == kind, _is_open() | _ended_within(kept))).all()


def submitted_within(session: Session, kinds: Sequence[str], time: dt.timedelta) -> set[uuid.UUID]:
    """Organisations with a job of one of these kinds that is open, or was submitted within `time`."""
    # What was submitted within the time and is not open has ended within it, too.
    is_recent = and_(_ended_within(time), Job.created_at > func.now() - time)
    query = select(Job.organization_id).where(Job.kind.in_(kinds), _is_open() | is_recent)
    return set(session.scalars(query.distinct()))


def list_ended_before(
    session: Session,
    kind: str,
    *,
    kept: dt.timedelta,
    after: tuple[dt.datetime, uuid.UUID] | None,
    limit: int,
) -> list[tuple[dt.datetime, uuid.UUID]]:
    """(when it ended, id) of at most `limit` jobs of this kind that ended longer ago than `kept`, in order.

    Only those that are part of no other job: a child goes with its parent.
    """
    query = (
        select(Job.finished_at, Job.id)
        .where(Job.kind == kind, Job.finished_at < func.now() - kept, Job.parent_id.is_(None))
        .order_by(Job.finished_at, Job.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Job.finished_at >= after[0], tuple_(Job.finished_at, Job.id) > after)
    return [(ended_at, job_id) for ended_at, job_id in session.execute(query) if ended_at is not None]


def parents_of_children(session: Session, job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The id of each child of these jobs -> its parent's."""
    query = select(Job.id, Job.parent_id).where(Job.parent_id.in_(job_ids))
    return {child: parent for child, parent in session.execute(query) if parent is not None}


def remove_ended(session: Session, job_ids: Collection[uuid.UUID]) -> int:
    """Remove these jobs where they have ended and nobody holds them, with their children; how many."""
    ended = (
        select(Job.id)
        .where(Job.id.in_(job_ids), Job.finished_at.is_not(None))
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(ended).all()
    removed = delete(Job).where(or_(Job.id.in_(ids), Job.parent_id.in_(ids))).returning(Job.id)
    return len(session.scalars(removed.execution_options(synchronize_session=False)).all())


def count_by_kind(session: Session) -> list[tuple[str, str, int, float]]:
    """(kind, status, count, seconds since the oldest queued one) of open jobs and those of the last day."""
    age = func.coalesce(func.extract("epoch", func.now() - func.min(Job.created_at)), 0)
    open_jobs = select(Job.kind, Job.status, func.count(), age).where(_is_open())
    ended_today = select(Job.kind, Job.status, func.count(), literal(0.0)).where(
        Job.kind.in_(KINDS), _ended_within(dt.timedelta(days=1))
    )
    rows = [
        *session.execute(open_jobs.group_by(Job.kind, Job.status)),
        *session.execute(ended_today.group_by(Job.kind, Job.status)),
    ]
    return [(kind, status, count, float(seconds)) for kind, status, count, seconds in rows]


def seconds_waiting(session: Session) -> dict[str, float]:
    """For each queue with a job that could run now: for how many seconds its first one has been ready."""
    since = func.extract("epoch", func.now() - func.min(Job.available_at))
    query = (
        select(Job.queue, since)
        .where(Job.status == JobStatus.QUEUED, Job.available_at <= func.now())
        .group_by(Job.queue)
    )
    return {queue: float(seconds) for queue, seconds in session.execute(query)}


def count_leases_lost(session: Session) -> dict[str, int]:
    """By kind how often the lease of a job that is still kept has run out."""
    query = select(Job.kind, func.sum(Job.leases_lost)).where(Job.leases_lost > 0).group_by(Job.kind)
    return {kind: int(lost) for kind, lost in session.execute(query)}


def index_drift(session: Session) -> Drift:
    """What the last comparison of each organisation's index with Postgres had to mend.

    A look-up in an index for each organisation. A rebuild does not count: it drops everything first, so what
    it wrote says nothing about what was there.
    """
    last = (
        select(
            cast(Job.result["written"].astext, Integer).label("written"),
            cast(Job.result["removed"].astext, Integer).label("removed"),
        )
        .where(Job.organization_id == _ORGANIZATIONS.c.id, text(PLAIN_REINDEX))
        .order_by(Job.id.desc())
        .limit(1)
        .lateral()
    )
    sums = (func.coalesce(func.sum(figure), 0) for figure in (last.c.written, last.c.removed))
    query = select(func.count(), *sums).select_from(_ORGANIZATIONS.join(last, true()))
    organizations, written, removed = session.execute(query).one()
    return Drift(organizations, written, removed)


# What the statements above are made of


def _change(transition: Transition, *where: ColumnElement[bool], **values: Any) -> Update:
    """The statement that takes this step with the jobs of `where` that are in a state that allows it."""
    return (
        update(Job)
        .where(Job.status.in_(transition.sources), *where)
        .values(status=transition.target, **values)
    )


def _is_open() -> ColumnElement[bool]:
    """Queued or running: each half has a partial index, and no index answers `status IN (…)`."""
    return or_(Job.status == JobStatus.QUEUED, Job.status == JobStatus.RUNNING)


def _ended_within(time: dt.timedelta) -> ColumnElement[bool]:
    """Ended within `time`; beside a condition on the kind, the index on ended jobs answers it."""
    return and_(Job.finished_at.is_not(None), Job.finished_at > func.now() - time)


def _owned_by(job_id: uuid.UUID, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return (Job.id == job_id, Job.attempt == attempt, Job.status == JobStatus.RUNNING)


def _cancel(session: Session, where: ColumnElement[bool]) -> None:
    """Cancel those that are queued, and ask those that run to stop.

    The first statement locks all of them, so that none changes between the two states before the second.
    """
    request = update(Job).where(where, Job.status.in_(OPEN)).values(cancel_requested=True)
    session.execute(request.execution_options(synchronize_session=False))
    query = _change(Transition.CANCEL, where, finished_at=func.now()).returning(Job.id)
    _wake_parents(session, session.scalars(query.execution_options(synchronize_session=False)).all())


def _after_end(session: Session, ended: Mapping[uuid.UUID, JobStatus]) -> None:
    """Wake the parents that wait for these ended jobs, and cancel the children of those that failed."""
    _wake_parents(session, ended.keys())
    in_vain = [job_id for job_id, status in ended.items() if status != JobStatus.SUCCEEDED]
    if in_vain:
        _cancel(session, Job.parent_id.in_(in_vain))


def _wake_parents(session: Session, child_ids: Collection[uuid.UUID]) -> None:
    """Make the parents of these available at once, unless another child of theirs is still open.

    Whoever cancels a parent holds its row and wants those of its children, so a locked parent is skipped: a
    wake that is missed costs the parent's delay, and nothing else.
    """
    if not child_ids:
        return
    child = aliased(Job)
    has_open_child = (
        select(child.id).where(child.parent_id == Job.id, child.status.in_(OPEN)).correlate(Job).exists()
    )
    waiting = (
        select(Job.id)
        .where(
            Job.id.in_(select(child.parent_id).where(child.id.in_(child_ids), child.parent_id.is_not(None))),
            Job.status == JobStatus.QUEUED,
            Job.available_at > func.now(),
            ~has_open_child,
        )
        .with_for_update(skip_locked=True, of=Job)
    )
    woken = update(Job).where(Job.id.in_(waiting)).values(available_at=func.now()).returning(Job.id)
    if session.scalars(woken.execution_options(synchronize_session=False)).all():
        _notify_relay(session)


def _notify_relay(session: Session) -> None:
    session.execute(select(func.pg_notify(CHANNEL, "")))
