"""How long another service asks us to wait before the next request."""

import email.utils
import math
import time


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
