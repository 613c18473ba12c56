"""From a task to a job: which function does a kind's work, and with what."""

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import Task

from shared import bootstrap
from shared.bootstrap import Resources
from shared.jobs.kinds import KINDS
from shared.jobs.run import Finish, Lease, Run, Work, execute
from shared.kit.settings import get_settings
from worker.app import app

Handler = Callable[[Resources, Run, Any], Finish]

_lock = threading.Lock()
_resources: Resources | None = None


def task_name(kind: str) -> str:
    """The Celery task that works on jobs of this kind."""
    return f"outlay.{kind}"


def runs(kind: str) -> Callable[[Handler], Task]:
    """Make a handler the work of a kind of job: a task that takes the job's id and nothing else."""
    if kind not in KINDS:
        raise KeyError(kind)

    def decorate(handler: Handler) -> Task:
        def task(job_id: str) -> None:
            resources = get_resources()
            work: Work = partial(handler, resources)
            settings = resources.settings
            lease = Lease(settings.job_lease_seconds, settings.job_heartbeat_seconds)
            execute(resources.engine, uuid.UUID(job_id), lambda _: work, lease)

        return app.task(task, name=task_name(kind))

    return decorate


def get_resources() -> Resources:
    """This process's resources, built at its first job: after any fork, never before one."""
    global _resources  # Celery calls tasks with nothing but their arguments
    with _lock:
        if _resources is None:
            _resources = bootstrap.build(get_settings())
        return _resources
