"""From a message to a job: whose turn it is, which function does its work, and with what."""

import os
import sys
import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import signals

from shared import bootstrap
from shared.bootstrap import Resources
from shared.jobs.in_flight import InFlightJobs
from shared.jobs.kinds import KINDS
from shared.jobs.run import Finish, Lease, Run, Work, execute_next
from shared.kit import tracing
from shared.kit.logging import get_logger
from shared.kit.settings import get_settings
from worker.app import app
from worker.metrics import serve

Handler = Callable[[Resources, Run, Any], Finish]

TASK = "outlay.work"
# A stopping worker is gone by then, whatever its jobs do: well within the 30 s that operators are promised.
LAST_SECONDS = 28.0

logger = get_logger(__name__)

_handlers: dict[str, Handler] = {}
_attempts = InFlightJobs()
_lock = threading.Lock()
_resources: Resources | None = None


def runs(kind: str) -> Callable[[Handler], Handler]:
    """Make a function the work of a kind of job."""
    if kind not in KINDS:
        raise KeyError(kind)

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


@app.task(name=TASK)  # type: ignore[untyped-decorator]  # celery has no hints
def work(job_id: str) -> None:
    """The only task: see to the job whose turn it is in the queue of this one."""
    resources = get_resources()
    settings = resources.settings
    lease = Lease(
        settings.job_lease_seconds, settings.job_heartbeat_seconds, settings.job_outage_limit_seconds
    )

    def work_of(kind: str) -> Work:
        return partial(_handlers[kind], resources)

    execute_next(resources.engine, uuid.UUID(job_id), work_of, lease, _attempts)


def get_resources() -> Resources:
    """This process's resources, built at its first job."""
    global _resources  # Celery calls tasks with nothing but their arguments
    with _lock:
        if _resources is None:
            _resources = bootstrap.build(get_settings())
        return _resources


@signals.worker_init.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _check_tracing(**_: Any) -> None:
    try:
        tracing.start(get_settings().otlp_endpoint, service="worker")
    except tracing.TracingNotInstalled as error:
        sys.exit(error.message)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _show_metrics(**_: Any) -> None:
    serve(get_settings())


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _begin_to_stop(**_: Any) -> None:
    """Celery takes no more messages from here on, and waits for the tasks it has for as long as they take."""
    threading.Thread(target=_stop, name="stop", daemon=True).start()


def _stop() -> None:
    """Let jobs end in peace for a while, then ask for them back, then take them."""
    grace_s = get_settings().shutdown_grace_seconds
    _attempts.wait(grace_s)
    _attempts.stop()
    if _attempts.wait(LAST_SECONDS - grace_s):
        return
    taken = _attempts.give_back(get_resources().engine)
    logger.warning("stopped without waiting", jobs=taken)
    os._exit(0)
