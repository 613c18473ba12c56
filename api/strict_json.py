"""JSON as RFC 8259 means it; Python's own reader also takes NaN, equal keys, and any depth."""

import json
import math
from typing import Any

from api.pointers import pointer
from shared.kit.errors import FieldError, Invalid, Malformed

MAX_DEPTH = 32


class NotJson(Malformed):
    """The body is not valid JSON in UTF-8."""

    code = "not-json"


class DuplicateKey(Malformed):
    """An object of the body has the same key twice."""

    code = "duplicate-key"


class NumberOutOfRange(Malformed):
    """A number in the body is not finite, or has too many digits."""

    code = "number-out-of-range"


class TooDeep(Malformed):
    """The body is nested more than 32 levels deep."""

    code = "too-deep"


class BadText(Invalid):
    """A string of the body has a NUL character or a lone surrogate, which are not text."""

    code = "bad-text"


def check(body: bytes) -> None:
    """Raise unless the body is strict JSON: UTF-8, finite numbers, unique keys, 32 levels, sound text.

    Raises:
        NotJson, DuplicateKey, NumberOutOfRange, TooDeep: 400.
        BadText: NUL or a lone surrogate in a string, which JSON can write but no text has: 422.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_not_finite,
            parse_float=_finite,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise TooDeep from error
    except ValueError as error:
        raise NotJson from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth_exceeds(value):
        raise TooDeep
    if b"\\u" in body:  # the only way to write such a character
        _check_text(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise DuplicateKey
    return made


def _not_finite(_: str) -> float:
    raise NumberOutOfRange


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NumberOutOfRange
    return value


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:  # CPython's own limit of 4,300 digits
        raise NumberOutOfRange from error


def _depth_exceeds(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _check_text(value: Any) -> None:
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while stack:
        place, node = stack.pop()
        if isinstance(node, str):
            _check_string(place, node)
        elif isinstance(node, dict):
            for key, child in node.items():
                _check_string((*place, key), key)
                stack.append(((*place, key), child))
        elif isinstance(node, list):
            stack.extend(((*place, index), child) for index, child in enumerate(node))


def _check_string(place: tuple[str | int, ...], text: str) -> None:
    if "\x00" in text or not _encodes(text):
        raise BadText(errors=(FieldError(pointer(place), "bad-text", "Has a NUL or a lone surrogate."),))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
