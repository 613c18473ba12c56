"""A worker looks for its next message as soon as a thread is free."""

from celery import signals
from kombu.asynchronous import Hub

import worker.app  # noqa: F401  # connects the signals


class Consumer:
    """As much of Celery's as the signal's receiver reads."""

    hub = Hub()


def test_the_loop_is_woken_by_the_end_of_a_task_also_once_the_broker_was_away() -> None:
    hub = Consumer.hub
    signals.worker_ready.send(sender=Consumer())
    hub.reset()  # what celery does when the connection is lost
    assert not hub.timer.queue
    signals.task_postrun.send(sender=None)
    hub.run_once()
    assert hub.timer.queue  # it will not sleep for longer than until then
    hub.close()
