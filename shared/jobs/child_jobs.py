"""Jobs that are part of another: what the parent reads, and what becomes of them when it ends.

A parent waits for its children without a worker: it gives itself back, and the last child to end wakes it.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import case, func, null, select, update
from sqlalchemy.orm import Session, aliased

from shared.jobs.tables import Job

CHANNEL = "outlay_jobs"  # of NOTIFY: the relay listens
ENDED = ("succeeded", "failed", "cancelled")


def of(session: Session, organization_id: uuid.UUID, parent_id: uuid.UUID, kind: str) -> Sequence[Job]:
    """The children of this kind of the organisation's job, in the order of their ids."""
    query = select(Job).where(
        Job.organization_id == organization_id, Job.parent_id == parent_id, Job.kind == kind
    )
    return session.scalars(query.order_by(Job.id)).all()


def attend(session: Session, ended: Mapping[uuid.UUID, str]) -> None:
    """After these jobs' end (id -> status): wake those that wait for them, cancel what worked for them."""
    if not ended:
        return
    _wake_parents(session, ended.keys())
    in_vain = [job_id for job_id, status in ended.items() if status != "succeeded"]
    if in_vain:
        cancel(session, in_vain)


def _wake_parents(session: Session, child_ids: Collection[uuid.UUID]) -> None:
    """Make the parents of these available at once, unless another child of theirs is still to end.

    Whoever cancels a parent holds its row and wants those of its children, so it is not waited for: a wake
    that is missed costs the parent's delay, and nothing else.
    """
    child = aliased(Job)
    has_open = (
        select(child.id).where(child.parent_id == Job.id, child.status.not_in(ENDED)).correlate(Job).exists()
    )
    waiting = (
        select(Job.id)
        .where(
            Job.id.in_(select(child.parent_id).where(child.id.in_(child_ids), child.parent_id.is_not(None))),
            Job.status == "queued",
            Job.available_at > func.now(),
            ~has_open,
        )
        .with_for_update(skip_locked=True, of=Job)
    )
    woken = update(Job).where(Job.id.in_(waiting)).values(available_at=func.now()).returning(Job.id)
    if session.scalars(woken.execution_options(synchronize_session=False)).all():
        session.execute(select(func.pg_notify(CHANNEL, "")))


def cancel(session: Session, parent_ids: Collection[uuid.UUID]) -> None:
    """Cancel what these have queued, and ask what runs for them to stop."""
    is_queued = Job.status == "queued"
    session.execute(
        update(Job)
        .where(Job.parent_id.in_(parent_ids), Job.status.not_in(ENDED))
        .values(
            status=case((is_queued, "cancelled"), else_=Job.status),
            finished_at=case((is_queued, func.now()), else_=Job.finished_at),
            cancel_requested=True,
        )
        .execution_options(synchronize_session=False)
    )


def queue_again(session: Session, parent_id: uuid.UUID, max_attempts: int) -> None:
    """Queue the parent's cancelled children: they went with it, and they come back with it."""
    session.execute(
        update(Job)
        .where(Job.parent_id == parent_id, Job.status == "cancelled")
        .values(
            status="queued",
            cancel_requested=False,
            max_attempts=Job.attempt + max_attempts,
            available_at=func.now(),
            published_at=None,
            finished_at=None,
            error=null(),
            result=null(),
        )
        .execution_options(synchronize_session=False)
    )
