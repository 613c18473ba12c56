"""Clients that ask all the time and note every answer."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

CLIENT_TIMEOUT_S = 15.0
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Seen:
    """One request: what was asked, when (monotonic seconds), and what came of it.

    `status` is 0 where nothing came, and `outcome` then names the error.
    """

    endpoint: str
    started: float
    seconds: float
    status: int
    outcome: str
    is_sound: bool  # below 400, or problem+json

    @property
    def ended(self) -> float:
        """When the answer was there."""
        return self.started + self.seconds


Ask = Callable[[], httpx.Response]


class Load:
    """Threads that each ask one thing over and over; a context manager that runs them.

    `askers`: (endpoint, how to ask, pause in seconds) a thread.
    """

    def __init__(self, askers: Sequence[tuple[str, Ask, float]]) -> None:
        self.seen: list[Seen] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=asker, daemon=True) for asker in askers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, endpoint: str, ask: Ask, pause_s: float) -> None:
        while not self._stop.is_set():
            self.seen.append(look(endpoint, ask))
            self._stop.wait(pause_s)

    def between(self, start: float, end: float, endpoint: str | None = None) -> list[Seen]:
        """What was going on between two moments: begun before the end, and not over before the start."""
        overlapping = [
            request for request in list(self.seen) if request.started < end and request.ended > start
        ]
        return [request for request in overlapping if endpoint in (None, request.endpoint)]


def look(endpoint: str, ask: Ask) -> Seen:
    """Ask once."""
    started = time.monotonic()
    try:
        answer = ask()
    except httpx.HTTPError as error:
        return Seen(endpoint, started, time.monotonic() - started, 0, type(error).__name__, False)
    is_sound = answer.status_code < 400 or answer.headers.get("content-type", "").startswith(PROBLEM)
    seconds = time.monotonic() - started
    return Seen(endpoint, started, seconds, answer.status_code, str(answer.status_code), is_sound)


def outcomes(seen: Sequence[Seen]) -> dict[str, int]:
    """How often each status came."""
    return dict(sorted(Counter(request.outcome for request in seen).items()))


def unsound(seen: Sequence[Seen]) -> list[str]:
    """What must never come: 5xx but 503, errors that are not problem+json, no answer at all."""
    bad = [
        request
        for request in seen
        if request.status == 0 or not request.is_sound or (request.status > 500 and request.status != 503)
    ]
    bad += [request for request in seen if request.status == 500]
    return sorted({f"{request.endpoint}: {request.outcome}" for request in bad})
