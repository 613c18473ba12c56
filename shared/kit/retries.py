"""When to call another service again."""

import email.utils
import math
import time
from collections.abc import Callable

from tenacity import RetryCallState, wait_exponential_jitter


def seconds_to_wait(header: str | None) -> float | None:
    """Seconds from now that a Retry-After header names (RFC 9110, 10.2.3: number or date); None: none."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        return _until(header)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: str) -> float | None:
    try:
        return max(email.utils.parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def pauses(first_s: float) -> Callable[[RetryCallState], float]:
    """For tenacity: pauses that double from `first_s`, with jitter, on top of the error's `retry_after`."""
    doubling = wait_exponential_jitter(multiplier=first_s, jitter=first_s)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return (getattr(error, "retry_after", None) or 0.0) + doubling(state)

    return wait
