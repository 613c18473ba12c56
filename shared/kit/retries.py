"""When another service wants to be asked again."""

import email.utils
import math
import time


def seconds_to_wait(header: str | None) -> float | None:
    """A Retry-After header's seconds from now: a number, or an HTTP date (RFC 9110, 10.2.3); else None."""
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
