"""Waiting for what other threads and processes bring about."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_NEVER = threading.Event()


def eventually(
    condition: Callable[[], T | None],
    what: str = "the condition holds",
    *,
    within_s: float = 60,
    every_s: float = 0.02,
) -> T:
    """Return the condition's first true value.

    Raises:
        TimeoutError: it was not true within `within_s` seconds; the message says `what` was awaited.
    """
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Not within {within_s:g} s: {what}.")
        _NEVER.wait(every_s)
    return value
