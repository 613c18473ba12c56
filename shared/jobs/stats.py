"""What operators see of the jobs of all organisations, straight from their rows."""

from dataclasses import dataclass

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.jobs import store
from shared.jobs.kinds import QUEUES
from shared.jobs.tables import Job


@dataclass(frozen=True)
class Drift:
    """What the last reconcile of each organisation had to mend, in points, over so many organisations."""

    organizations: int
    written: int
    removed: int


@dataclass(frozen=True)
class Measures:
    """Figures of one moment; ages in seconds."""

    by_kind: list[tuple[str, str, int, float]]  # kind, status, how many, age of the oldest queued one
    waiting: dict[str, float]  # queue -> how long its first job has been ready and not begun; 0: none is
    leases_lost: dict[str, int]  # kind -> how often the lease of a job that is still kept has run out
    drift: Drift


def measure(session: Session) -> Measures:
    """Everything in one transaction."""
    return Measures(store.count_by_kind(session), _waiting(session), _leases_lost(session), _drift(session))


def _waiting(session: Session) -> dict[str, float]:
    since = func.extract("epoch", func.now() - func.min(Job.available_at))
    query = (
        select(Job.queue, since)
        .where(Job.status == "queued", Job.available_at <= func.now())
        .group_by(Job.queue)
    )
    return dict.fromkeys(QUEUES, 0.0) | {queue: float(seconds) for queue, seconds in session.execute(query)}


def _leases_lost(session: Session) -> dict[str, int]:
    query = select(Job.kind, func.sum(Job.leases_lost)).where(Job.leases_lost > 0).group_by(Job.kind)
    return {kind: int(lost) for kind, lost in session.execute(query)}


def _drift(session: Session) -> Drift:
    # A rebuild drops everything first, so what it wrote says nothing about what was there.
    last = (
        select(
            cast(Job.result["written"].astext, Integer).label("written"),
            cast(Job.result["removed"].astext, Integer).label("removed"),
        )
        .where(Job.kind == "reindex", Job.status == "succeeded", Job.params["rebuild"].astext != "true")
        .ext(distinct_on(Job.organization_id))
        .order_by(Job.organization_id, Job.id.desc())
        .subquery()
    )
    sums = (func.coalesce(func.sum(column), 0) for column in (last.c.written, last.c.removed))
    organizations, written, removed = session.execute(select(func.count(), *sums).select_from(last)).one()
    return Drift(organizations, written, removed)
