"""The broker, as far as others than Celery need it: whether it answers, and how long a queue is."""

import redis

from shared.kit.errors import Unavailable

# Kombu's Redis transport keeps one list per priority step: the bare name for 0, name + separator + step else.
PRIORITY_STEPS = (0, 3, 6, 9)
PRIORITY_SEPARATOR = "\x06\x16"


class BrokerUnavailable(Unavailable):
    code = "broker-unavailable"
    message = "The job queue does not answer. Jobs are kept and will be sent when it is back."


class Broker:
    """The queues of job ids, in Redis or Valkey."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=None)

    def ping(self) -> None:
        """Raise `BrokerUnavailable` unless the broker answers."""
        try:
            self._client.ping()
        except redis.RedisError as error:
            raise BrokerUnavailable(retry_after=2) from error

    def length(self, queue: str) -> int:
        """How many messages wait in the queue, over all its priorities."""
        keys = [f"{queue}{PRIORITY_SEPARATOR}{step}" if step else queue for step in PRIORITY_STEPS]
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.llen(key)
                return sum(int(count) for count in pipeline.execute())
        except redis.RedisError as error:
            raise BrokerUnavailable(retry_after=2) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
