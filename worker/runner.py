"""The only task: run the next job of a queue. The process's resources, and how a worker stops."""

import os
import sys
import threading
import uuid
from typing import Any

from celery import signals

from shared import bootstrap
from shared.jobs.handlers import bind, load_handlers
from shared.jobs.in_flight import InFlightJobs
from shared.jobs.run import Lease, execute_next
from shared.kit import tracing
from shared.kit.logging import get_logger
from shared.kit.settings import get_settings
from shared.resources import Resources
from worker.app import TASK, app
from worker.metrics import serve

# A stopping worker is gone by then, whatever its jobs do: well within the 30 s that operators are promised.
LAST_SECONDS = 28.0

logger = get_logger(__name__)

# At import, so that a worker whose table of kinds is wrong does not start.
_handlers = load_handlers()
_in_flight = InFlightJobs()
_lock = threading.Lock()
_resources: Resources | None = None


@app.task(name=TASK)  # type: ignore[untyped-decorator]  # celery has no hints
def work(job_id: str) -> None:
    """Run the job whose turn it is in the queue of `job_id`."""
    resources = get_resources()
    settings = resources.settings
    lease = Lease(
        settings.job_lease_seconds, settings.job_heartbeat_seconds, settings.job_outage_limit_seconds
    )
    execute_next(resources.engine, uuid.UUID(job_id), bind(_handlers, resources), lease, _in_flight)


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
def _serve_metrics(**_: Any) -> None:
    serve(get_settings())


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _begin_to_stop(**_: Any) -> None:
    """Celery takes no more messages from here on, and waits as long as its running tasks take."""
    threading.Thread(target=_stop, name="stop", daemon=True).start()


def _stop() -> None:
    """Wait for running jobs for a while, then ask them to stop, then queue them again and exit."""
    grace_s = get_settings().shutdown_grace_seconds
    _in_flight.wait(grace_s)
    _in_flight.stop()
    if _in_flight.wait(LAST_SECONDS - grace_s):
        return
    requeued = _in_flight.requeue_all(get_resources().engine)
    logger.warning("stopped without waiting", jobs=requeued)
    os._exit(0)
