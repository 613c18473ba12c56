"""Identifiers: time-ordered for rows, derived for what must be written once."""

import os
import time
import uuid

NAMESPACE = uuid.UUID("7f1b3a52-9d0e-5c1a-8a44-0f6c2f6b7e11")


def new_id() -> uuid.UUID:
    """A UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)


def derived_id(*parts: object) -> uuid.UUID:
    """A UUID version 5 of the parts: the same parts give the same id, so writes are idempotent."""
    return uuid.uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))


def id_of_job(kind: str, job_id: uuid.UUID, number: int) -> uuid.UUID:
    """The id of the row that a job makes as its `number`-th (below 2^32): the same in every attempt.

    Ordered as version 7 ids are (lists show the newest rows first, and follow the id): the job's
    milliseconds, then 32 bits of the number as RFC 9562, 6.2 has a counter, then 42 bits of a hash.
    """
    hashed = derived_id(kind, job_id, number).int & (1 << 42) - 1
    time_ms, high, low = job_id.int >> 80, number >> 20 & 0xFFF, number & 0xFFFFF
    return uuid.UUID(int=time_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 42 | hashed)
