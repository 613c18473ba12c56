"""Celery: only what carries job ids from the relay to a worker. The jobs themselves live in Postgres."""

from typing import Any

from celery import Celery, signals
from kombu.entity import Queue

from shared.jobs.kinds import QUEUES
from shared.kit.logging import configure
from shared.kit.settings import get_settings

TASK = "outlay.work"  # the only one: it carries a job id, see worker/runner.py


def create_celery() -> Celery:
    """The app with the settings that this house depends on; each is explained where it surprises."""
    settings = get_settings()
    celery = Celery("outlay", broker=settings.redis_url, include=["worker.runner"])
    celery.conf.update(
        task_queues=[Queue(name) for name in QUEUES],
        task_default_queue="default",
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        # The lease of the row covers a lost worker; acknowledging late would run a long task several times.
        task_acks_late=False,
        task_ignore_result=True,
        # Threads: models are loaded once a process, and torch in a parent that forks hangs.
        worker_pool="threads",
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": 43200,
            "queue_order_strategy": "priority",
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
    )
    return celery


app = create_celery()


@signals.setup_logging.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _set_up_logging(**_: Any) -> None:
    configure(get_settings().log_level, service="worker")


_hub: Any = None  # the worker's event loop


@signals.worker_ready.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _remember_the_loop(sender: Any, **_: Any) -> None:
    """The same object for the worker's life; kombu's `get_event_loop` forgets it when the broker was away."""
    global _hub  # signals have nothing else in common
    _hub = getattr(sender, "hub", None)


@signals.task_postrun.connect  # type: ignore[untyped-decorator]  # celery has no hints
def _take_the_next(**_: Any) -> None:
    """Let the worker's loop look for a message as soon as a thread is free.

    While all threads are busy it does not ask the broker, and it sleeps for up to a second at a time, which
    a task's end does not shorten. A moment later, since to Celery the thread is busy until after this signal.
    """
    if _hub is not None:
        _hub.call_soon(_hub.call_later, 0.01, lambda: None)
