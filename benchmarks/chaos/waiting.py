"""Awaiting what processes bring about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, within_s: float = 60, *, every_s: float = 0.02) -> T:
    """The condition's first true value.

    Raises:
        TimeoutError: `within_s` seconds brought none.
    """
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        time.sleep(every_s)
    return value
