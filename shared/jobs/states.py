"""The states of a job, and the steps between them."""

from enum import Enum, StrEnum


class JobStatus(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended. Only a retry leads out of a final state."""
        return self in FINAL


OPEN = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})
FINAL = frozenset(JobStatus) - OPEN


class Transition(Enum):
    """Every step that a job can take. The store derives its WHERE clauses and the new status from here."""

    CLAIM = ({JobStatus.QUEUED}, JobStatus.RUNNING)
    SUCCEED = ({JobStatus.RUNNING}, JobStatus.SUCCEEDED)
    FAIL = ({JobStatus.RUNNING}, JobStatus.FAILED)
    REQUEUE = ({JobStatus.RUNNING}, JobStatus.QUEUED)
    STOP = ({JobStatus.RUNNING}, JobStatus.CANCELLED)
    CANCEL = ({JobStatus.QUEUED}, JobStatus.CANCELLED)
    RETRY = ({JobStatus.FAILED, JobStatus.CANCELLED}, JobStatus.QUEUED)

    def __init__(self, sources: set[JobStatus], target: JobStatus) -> None:
        self.sources = frozenset(sources)
        self.target = target
