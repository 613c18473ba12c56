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
    message = "The worker was told to stop; the job is given back and costs no attempt."


class ChildrenAtWork(AppError):
    code = "children-at-work"
    message = "The job waits for jobs that are part of it; it is given back and costs no attempt."

    def __init__(self, progress: dict[str, Any] | None, delay_s: float) -> None:
        super().__init__()
        self.progress = progress
        self.delay_s = delay_s  # until it looks by itself; the last child to end wakes it before
