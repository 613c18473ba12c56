"""Limits: requests of a key per period (counted in Valkey), and requests at once in this process."""

import hashlib
import ipaddress
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio
import anyio.to_thread
import limits
import redis.asyncio
from cachetools import TTLCache
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.console.error_pages import as_page
from api.errors import app_error_response
from shared.kit.errors import TooMany, Unauthenticated, Unavailable
from shared.kit.logging import get_logger
from shared.kit.settings import Settings

log = get_logger(__name__)

T = TypeVar("T")

TIMEOUT_SECONDS = 0.25  # for one question to Valkey
VALID_SECONDS = 600.0  # for which a key that was valid is not taken for a guess
PAUSE_SECONDS = 3.0  # after a failure, until one request tries again
LOG_SECONDS = 10.0
COMPUTE_WAIT_SECONDS = 5.0
STREAMS_PER_REQUEST = 4  # a stream of events holds a connection and next to nothing else

EXEMPT = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})
EXEMPT_FOLDERS = ("/static/", "/console/static/")
CATEGORIZE_PATHS = frozenset({"/categorize", "/v1/categorize", "/categorize/batch", "/v1/categorize/batch"})
_STREAM = re.compile(r"/v1/jobs/[^/]+/events")


class RateLimited(TooMany):
    code = "rate-limited"
    message = "This API key has asked more than it may. Ask again after the seconds in Retry-After."


class Overloaded(Unavailable):
    code = "overloaded"
    message = "This server has as much work as it can do in time. Send the same request again in a second."


class TooManyGuesses(TooMany):
    code = "too-many-failed-authentications"
    message = "Too many requests from your address had an invalid API key. Try again later."


class RateLimit:
    """The limits of each key and of each address's failures, by sliding windows whose counters lie in Valkey.

    While Valkey does not answer, nobody is refused: a limit that does not hold for a while does less harm
    than a door that is shut. One request every three seconds asks it again, and the others do not wait.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = limits.parse(settings.rate_limit) if settings.rate_limit else None
        self._failures = limits.parse(settings.failed_authentication_limit) if settings.rate_limit else None
        # Digests of keys that were valid lately. They pass however many guesses come from the same address,
        # which may be that of a proxy.
        self._valid: TTLCache[str, bool] = TTLCache(maxsize=10_000, ttl=VALID_SECONDS)
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
        limit = self._limit
        if limit is not None and await self._ask(lambda: self._window.hit(limit, speaker)) is False:
            raise RateLimited(retry_after=await self._seconds_until_reset(limit, speaker))

    @asynccontextmanager
    async def guarding(self, address: str, key: str) -> AsyncIterator[None]:
        """Look the key up inside: the request is counted before, and a failure against the address.

        Raises:
            TooManyGuesses: too many requests of this address failed, and the key is not known as valid.
            RateLimited: it is one request too many with this key.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        limit, guesser = self._failures, f"failed:{_network_of(address)}"
        if (
            limit is not None
            and digest not in self._valid
            and await self._ask(lambda: self._window.test(limit, guesser)) is False
        ):
            raise TooManyGuesses(retry_after=await self._seconds_until_reset(limit, guesser))
        await self.count(digest)
        try:
            yield
        except Unauthenticated:
            self._valid.pop(digest, None)
            if limit is not None:
                await self._ask(lambda: self._window.hit(limit, guesser))
            raise
        self._valid[digest] = True

    async def _seconds_until_reset(self, limit: RateLimitItem, speaker: str) -> float:
        stats = await self._ask(lambda: self._window.get_window_stats(limit, speaker))
        return 1 if stats is None else max(1, stats.reset_time - time.time())

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T | None:
        """Valkey's answer; None while it gives none."""
        if self._is_down and time.monotonic() < self._asks_at:
            return None
        self._asks_at = time.monotonic() + PAUSE_SECONDS  # should it be down, then this one asks for all
        try:
            with anyio.fail_after(TIMEOUT_SECONDS):
                answer = await question()
        except (redis.RedisError, OSError) as error:
            self._fail(error)
            return None
        if self._is_down:
            self._is_down = False
            log.info("rate limits hold again")
        return answer

    async def close(self) -> None:
        """Let go of the connections."""
        await self._pool.disconnect()

    def _fail(self, error: Exception) -> None:
        self._is_down = True
        if time.monotonic() >= self._logs_at:
            self._logs_at = time.monotonic() + LOG_SECONDS
            log.warning("rate limits do not hold: Valkey does not answer", error=type(error).__name__)


def _network_of(address: str) -> str:
    """The address, or of an IPv6 address its /64, which is one customer's."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a socket's path, or nothing
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class ComputeThreads:
    """Threads for encoding, searching and ranking, apart from those that hold database connections."""

    def __init__(self, size: int) -> None:
        self._free = anyio.Semaphore(size)
        self._limiter = anyio.CapacityLimiter(size)

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, which runs in one of the threads.

        Raises:
            Overloaded: no thread became free within five seconds.
        """
        with anyio.move_on_after(COMPUTE_WAIT_SECONDS) as waiting:
            await self._free.acquire()
        if waiting.cancelled_caught:
            raise Overloaded(retry_after=2)
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._free.release()


@dataclass
class _Slots:
    """How many requests of one kind are in work, and how many may be."""

    limit: int
    taken: int = 0


class CapConcurrency:
    """ASGI: at most `limit` requests in work at once in this process; more are refused unread.

    A request that is let in beyond that only makes all others slower. Requests to categorise have slots of
    their own, so that they never take those of other routes. Streams of events are idle most of the time, and
    are counted apart too. Operators' routes and static files are never refused.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._work = _Slots(limit)
        self._categorize = _Slots(limit)
        self._streams = _Slots(limit * STREAMS_PER_REQUEST)
        self._refused, self._logs_at = 0, 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or path in EXEMPT or path.startswith(EXEMPT_FOLDERS):
            await self._app(scope, receive, send)
            return
        slots = self._slots_of(path)
        if slots.taken >= slots.limit:
            self._note_refusal()
            scope["state"]["is_refused"] = True  # counted like every request, but no line in the log for each
            refusal = app_error_response(Overloaded(retry_after=1), path)
            await as_page(HTTPConnection(scope), refusal)(scope, receive, send)
            return
        slots.taken += 1
        try:
            await self._app(scope, receive, send)
        finally:
            slots.taken -= 1

    def _slots_of(self, path: str) -> _Slots:
        if path in CATEGORIZE_PATHS:
            return self._categorize
        return self._streams if _STREAM.fullmatch(path) else self._work

    def _note_refusal(self) -> None:
        """One line a second at most: an overloaded process has no time to write more."""
        self._refused += 1
        if time.monotonic() >= self._logs_at:
            self._logs_at = time.monotonic() + 1
            log.warning(
                "overloaded",
                refused=self._refused,
                in_work=self._work.taken,
                categorizing=self._categorize.taken,
            )
            self._refused = 0
