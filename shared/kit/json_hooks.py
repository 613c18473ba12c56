"""Hooks of Python's JSON parser that refuse what RFC 8259 does not allow, or calls unpredictable."""

from typing import Any


class DuplicateKeyError(ValueError):
    """An object has the same key twice."""


class NonFiniteError(ValueError):
    """NaN and Infinity are not JSON numbers."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An `object_pairs_hook`.

    Raises:
        DuplicateKeyError: the object has the same key twice.
    """
    value = dict(pairs)
    if len(value) != len(pairs):
        raise DuplicateKeyError
    return value


def refuse_constant(_: str) -> float:
    """A `parse_constant`: called for NaN and Infinity.

    Raises:
        NonFiniteError: always.
    """
    raise NonFiniteError
