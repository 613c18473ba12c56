"""Choices that look random and depend on a seed and an id alone: the same on any machine and in any order."""

import hashlib


def sort_key(seed: int, value: object) -> bytes:
    """A key that puts values, by their text, in an order made by the seed."""
    return hashlib.sha256(f"{seed}:{value}".encode()).digest()


def choose(seed: int, value: object, count: int) -> int:
    """A number from 0 to `count` - 1 for the value."""
    return int.from_bytes(sort_key(seed, value)[:8], "big") % count
