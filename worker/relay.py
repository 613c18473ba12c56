"""Committed job rows to the broker, dead leases back to the queue: `python -m worker.relay`."""

import signal
import threading
import time
import uuid

import psycopg
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from shared.engines.queue import Broker, BrokerUnavailable
from shared.jobs import store
from shared.jobs.exceptions import WorkerLost
from shared.jobs.kinds import QUEUES
from shared.kit import metrics
from shared.kit.db import KEEPALIVE, PatientConnection, create_db_engine
from shared.kit.errors import Retryable, Unavailable
from shared.kit.logging import configure, get_logger
from shared.kit.settings import get_settings
from shared.kit.unit_of_work import transaction
from worker import upkeep
from worker.app import TASK, app
from worker.metrics import serve

logger = get_logger(__name__)

BATCH = 200
# A message that was popped may not be claimed yet; after this long, a queued job of an empty queue was lost.
LOST_AFTER_SECONDS = 3.0


class Relay:
    """One pass: publish what was committed, take back what was lost. Any number may run side by side."""

    def __init__(self, engine: Engine, broker: Broker, celery: Celery) -> None:
        self._engine = engine
        self._broker = broker
        self._celery = celery

    def publish(self) -> int:
        """Send every queued job that was not sent yet; returns how many.

        Rows are marked before they are sent: a crash between the two looks like a lost message, which
        `resend_lost` finds; the other way round a message would be sent twice.
        """
        sent = 0
        while True:
            with transaction(self._engine) as session:
                rows = store.take_unpublished(session, BATCH)
            try:
                for row in rows:
                    self._send(*row)
                    sent += 1
                    metrics.published()
            except OperationalError as error:
                with transaction(self._engine) as session:
                    store.unpublish(session, [row[0] for row in rows])
                raise BrokerUnavailable from error
            if len(rows) < BATCH:
                return sent

    def _send(self, job_id: uuid.UUID, queue: str, priority: int) -> None:
        self._celery.send_task(
            TASK,
            args=[str(job_id)],
            queue=queue,
            priority=priority,
            retry=False,
            ignore_result=True,
        )

    def expire_leases(self) -> None:
        """Queue again, or end, what a dead worker left behind."""
        with transaction(self._engine) as session:
            expired = store.expire_leases(session, WorkerLost().as_dict())
        for job_id, status in expired:
            metrics.lease_expired(status)
            logger.warning("lease ran out", job_id=str(job_id), status=status)

    def resend_lost(self) -> None:
        """Jobs whose message the broker no longer has, because it was wiped or a worker died with it."""
        for queue in QUEUES:
            if self._broker.length(queue) == 0:
                with transaction(self._engine) as session:
                    lost = store.unpublish_queue(session, queue, LOST_AFTER_SECONDS)
                if lost:
                    metrics.resent(queue, lost)
                    logger.warning("messages lost", queue=queue, jobs=lost)

    def run_once(self) -> None:
        """Everything, each part whether or not another one failed."""
        for part in (self.expire_leases, self.publish, self.resend_lost):
            try:
                part()
            except (Unavailable, Retryable) as error:
                _waits(error)


def listen(url: str, wake: threading.Event, stop: threading.Event) -> None:
    """Set `wake` whenever a transaction that queued a job commits, until `stop`."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    while not stop.is_set():
        try:
            with PatientConnection.connect(
                conninfo, autocommit=True, connect_timeout=3, **KEEPALIVE
            ) as connection:
                connection.execute(f"LISTEN {store.CHANNEL}")
                while not stop.is_set():
                    for _ in connection.notifies(timeout=1, stop_after=1):
                        wake.set()
        except psycopg.OperationalError:
            stop.wait(1)  # the poll goes on without it


def main() -> None:
    """Relay until TERM or INT."""
    settings = get_settings()
    configure(settings.log_level, service="relay")
    wake, stop = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    serve(settings)
    engine = create_db_engine(settings.database_url, pool_size=2)
    relay = Relay(engine, Broker(settings.redis_url), app)
    listener = threading.Thread(target=listen, args=(settings.database_url, wake, stop), daemon=True)
    listener.start()
    upkeep.start(settings, stop)
    logger.info("relay started")
    checked = 0.0
    while not stop.is_set():
        wake.clear()
        if time.monotonic() - checked >= settings.relay_poll_seconds:
            relay.run_once()
            checked = time.monotonic()
        else:
            _publish(relay)
        wake.wait(settings.relay_poll_seconds)
    engine.dispose()


def _publish(relay: Relay) -> None:
    try:
        relay.publish()
    except (Unavailable, Retryable) as error:
        _waits(error)


def _waits(error: Unavailable | Retryable) -> None:
    metrics.relay_waited(error.code)
    logger.warning("relay waits", error=error.code)


if __name__ == "__main__":
    main()
