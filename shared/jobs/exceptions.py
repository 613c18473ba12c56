"""Why an attempt ends before its work is done."""

from typing import Any

from shared.kit.errors import AppError


class LeaseLost(AppError):
    code = "lease-lost"
    message = "Another attempt owns the job now, so this one writes nothing."


class JobCancelled(AppError):
    code = "cancelled"
    message = "Somebody asked for the job to be cancelled."


class WorkerStopping(AppError):
    code = "worker-stopping"
    message = "The worker was told to stop. The job is queued again and loses no attempt."


class WorkerLost(AppError):
    code = "worker_lost"  # stored in rows and answered by the API, so it keeps its underscore
    message = "The worker died on every attempt. See the worker's log, then retry the job."


class UnexpectedError(AppError):
    code = "unexpected"
    message = "The job failed unexpectedly. The worker's log has the details under this job's id."


class ChildrenAtWork(AppError):
    code = "children-at-work"
    message = "The job waits for jobs that are part of it. It is queued again and loses no attempt."

    def __init__(self, progress: dict[str, Any] | None, delay_s: float) -> None:
        super().__init__()
        self.progress = progress
        self.delay_s = delay_s  # until it looks by itself; the last child to end wakes it before
