"""How much may be asked: by a key in a while, which Valkey counts, and at once in this process."""

import re
import time
from dataclasses import dataclass

import anyio
import limits
import redis.asyncio
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.console.error_pages import as_page
from api.errors import app_error_response
from shared.kit.errors import TooMany, Unavailable
from shared.kit.logging import get_logger
from shared.kit.settings import Settings

log = get_logger(__name__)

TIMEOUT_SECONDS = 0.25  # for all that one request has to say to Valkey
PAUSE_SECONDS = 3.0  # after a failure, until one request tries again
LOG_SECONDS = 10.0
STREAMS_PER_REQUEST = 4  # a stream of events holds a connection and next to nothing else

EXEMPT = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})
_STREAM = re.compile(r"/v1/jobs/[^/]+/events")


class RateLimited(TooMany):
    code = "rate-limited"
    message = "This API key has asked more than it may. Ask again after the seconds in Retry-After."


class Overloaded(Unavailable):
    code = "overloaded"
    message = "This server has as much work as it can do in time. Send the same request again in a second."


class RateLimit:
    """The limit of each key, by a sliding window whose two counters lie in Valkey.

    While Valkey does not answer, nobody is refused: a limit that does not hold for a while does less harm
    than a door that is shut. One request every three seconds asks it again, and the others do not wait.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = limits.parse(settings.rate_limit) if settings.rate_limit else None
        self._pool = redis.asyncio.ConnectionPool.from_url(
            settings.redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # Once, at once: the connection may be one that a restart of Valkey has cut.
            retry=Retry(NoBackoff(), 1),
        )
        storage = RedisStorage(
            "redis://",  # the pool has the address
            implementation="redispy",
            key_prefix="outlay:rate",
            connection_pool=self._pool,  # type: ignore[arg-type]  # handed on as it is
        )
        self._window = SlidingWindowCounterRateLimiter(storage)
        self._is_down = False
        self._asks_at = self._logs_at = 0.0  # on the monotonic clock

    async def count(self, speaker: str) -> None:
        """Count one request of this speaker.

        Raises:
            RateLimited: it is one too many; says when the next may come.
        """
        if self._limit is None or (self._is_down and time.monotonic() < self._asks_at):
            return
        self._asks_at = time.monotonic() + PAUSE_SECONDS  # should it be down, then this one asks for all
        wait: float | None = None
        try:
            with anyio.fail_after(TIMEOUT_SECONDS):
                if not await self._window.hit(self._limit, speaker):
                    stats = await self._window.get_window_stats(self._limit, speaker)
                    wait = max(1, stats.reset_time - time.time())
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            return
        if self._is_down:
            self._is_down = False
            log.info("rate limits hold again")
        if wait is not None:
            raise RateLimited(retry_after=wait)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.disconnect()

    def _fail(self, error: Exception) -> None:
        self._is_down = True
        if time.monotonic() >= self._logs_at:
            self._logs_at = time.monotonic() + LOG_SECONDS
            log.warning("rate limits do not hold: Valkey does not answer", error=type(error).__name__)


@dataclass
class _Room:
    """How many are in, and how many may be."""

    limit: int
    taken: int = 0


class CapConcurrency:
    """ASGI: so many requests in work at once in this process; the next is refused before its body is read.

    A request that is let in when there is no room only makes all of them slower. What operators ask is let in
    always, and streams of events, which do nothing most of the time, are counted apart.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._work, self._streams = _Room(limit), _Room(limit * STREAMS_PER_REQUEST)
        self._refused, self._logs_at = 0, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in EXEMPT or path.startswith("/static/"):
            await self._app(scope, receive, send)
            return
        room = self._streams if _STREAM.fullmatch(path) else self._work
        if room.taken >= room.limit:
            self._note_refusal()
            scope["state"]["is_refused"] = True  # counted like every request, but no line in the log for each
            refusal = app_error_response(Overloaded(retry_after=1), path)
            await as_page(HTTPConnection(scope), refusal)(scope, receive, send)
            return
        room.taken += 1
        try:
            await self._app(scope, receive, send)
        finally:
            room.taken -= 1

    def _note_refusal(self) -> None:
        """One line a second at most: whoever is overloaded has no time to write."""
        self._refused += 1
        if time.monotonic() >= self._logs_at:
            self._logs_at = time.monotonic() + 1
            log.warning("overloaded", refused=self._refused, in_work=self._work.taken)
            self._refused = 0
