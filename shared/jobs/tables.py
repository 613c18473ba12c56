"""Jobs: the row is the job, the message on the broker only carries its id."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, Integer, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.jobs.states import JobStatus
from shared.kit.db import Base, Row

# A reindex that dropped nothing first, so what it wrote is what had drifted.
PLAIN_REINDEX = "kind = 'reindex' AND status = 'succeeded' AND (params ->> 'rebuild') IS DISTINCT FROM 'true'"

STATUSES = tuple(status.value for status in JobStatus)
_STATUS = Enum(  # a plain VARCHAR(20): the check below limits the values
    JobStatus,
    native_enum=False,
    create_constraint=False,
    length=20,
    values_callable=lambda _: list(STATUSES),
)


class Job(Row, Base):
    """A piece of long work. `attempt` fences: who finishes under an older attempt writes nothing."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("organization_id", "id"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        Index("ix_jobs_queued", "priority", "id", postgresql_where=text("status = 'queued'")),
        Index("ix_jobs_running", "lease_until", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_status", "organization_id", "status", "id"),
        Index("ix_jobs_kind", "organization_id", "kind", "id"),
        Index("ix_jobs_kind_status", "organization_id", "kind", "status", "id"),
        Index(
            "ix_jobs_ended",
            "kind",
            "finished_at",
            "status",
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        Index("ix_jobs_leases_lost", "kind", "leases_lost", postgresql_where=text("leases_lost > 0")),
        Index("ix_jobs_plain_reindex", "organization_id", "id", postgresql_where=text(PLAIN_REINDEX)),
        Index("ix_jobs_children", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
        Index(
            "ix_jobs_line",
            "queue",
            "organization_id",
            "priority",
            "id",
            postgresql_where=text("status = 'queued'"),
        ),
        Index("ix_jobs_served", "queue", "organization_id", "started_at"),
    )

    organization_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"))
    parent_id: Mapped[uuid.UUID | None]  # the job of which this one is a part
    kind: Mapped[str] = mapped_column(String(50))
    queue: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int] = mapped_column(Integer)  # 0 is most urgent, 9 least
    status: Mapped[JobStatus] = mapped_column(_STATUS)
    params: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    max_attempts: Mapped[int] = mapped_column(Integer)
    leases_lost: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    available_at: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    # When a dependency that was away first kept this job from its work; None: none has, since it was queued.
    given_back_since: Mapped[dt.datetime | None]
    published_at: Mapped[dt.datetime | None]
    lease_until: Mapped[dt.datetime | None]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]
    request_id: Mapped[str | None] = mapped_column(String(100))
    traceparent: Mapped[str | None] = mapped_column(String(64))  # W3C Trace Context of the request
