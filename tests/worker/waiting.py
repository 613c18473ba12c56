"""Awaiting what other threads and processes bring about."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_NEVER = threading.Event()


def eventually(condition: Callable[[], T], *, within_s: float = 60, every_s: float = 0.02) -> T:
    """The condition's first true value; fails where `within_s` seconds bring none."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        _NEVER.wait(every_s)
    return value
