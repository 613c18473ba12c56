"""Strict JSON (RFC 8259). Python's own parser also accepts NaN, duplicate keys and any depth.

The fast path accepts most valid bodies: a native parser (jiter) and a few searches in the bytes. A body that
it cannot accept for certain is parsed again by Python's parser with hooks, which decides and names the error.
"""

import json
import math
from typing import Any

import jiter

from api.validation_errors import pointer
from shared.kit.errors import FieldError, Invalid, Malformed
from shared.kit.json_hooks import DuplicateKeyError, NonFiniteError, refuse_constant, unique_keys

MAX_DEPTH = 32

# A double overflows only with an exponent of three digits or more, or with some 300 digits in a row.
_MANY_DIGITS = 200
_NUMERALS = bytes(
    ord("0") if chr(code).isdecimal() else ord("e") if chr(code) in "eE" else ord(" ") for code in range(128)
).ljust(256)
_NESTING = bytes(
    ord("[") if chr(code) in "[{" else ord("]") if chr(code) in "]}" else code for code in range(256)
)
_NOT_NESTING = bytes(code for code in range(256) if chr(code) not in '"[]{}')


class NotJson(Malformed):
    code = "not-json"
    message = "The body is not valid JSON in UTF-8."


class DuplicateKey(Malformed):
    code = "duplicate-key"
    message = "An object of the body has the same key twice."


class NumberOutOfRange(Malformed):
    code = "number-out-of-range"
    message = "A number in the body is not finite, or has too many digits."


class TooDeep(Malformed):
    code = "too-deep"
    message = "The body is nested more than 32 levels deep."


class BadText(Invalid):
    code = "bad-text"
    message = "A string of the body has a NUL character or a lone surrogate, which are not text."


def check(body: bytes) -> None:
    """Raise unless the body is strict JSON: UTF-8, finite numbers, unique keys, 32 levels, sound text.

    Raises:
        NotJson, DuplicateKey, NumberOutOfRange, TooDeep: 400.
        BadText: NUL or a lone surrogate in a string, which JSON can write but no text has: 422.
    """
    if not _is_plainly_sound(body):
        _explain(body)


def _is_plainly_sound(body: bytes) -> bool:
    """Whether the body is strict JSON for certain; False: it may still be."""
    try:
        # Refuses equal keys, lone surrogates, bad UTF-8 and integers of more than 4,300 digits as well.
        value = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        return False
    # It takes 1e400 for infinity, 200 levels, and NUL: these are looked for in the bytes, strings included.
    numerals = body.translate(_NUMERALS, b"+")
    if b"0e000" in numerals or b"0" * _MANY_DIGITS in numerals:
        return False
    has_escapes = b"\\" in body  # a search for one byte is much faster than one for several
    if has_escapes and rb"\u0000" in body:
        return False
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return True
    return not (_depth_exceeds(value) if has_escapes else _is_deep(body))


def _is_deep(body: bytes) -> bool:
    """Whether sound JSON without a backslash has more than 32 levels: its brackets, peeled from the inside.

    Removing two quotes side by side leaves every other byte as much inside or outside of strings as it was.
    """
    nesting = body.translate(_NESTING, _NOT_NESTING).replace(b'""', b"")
    if b'"' in nesting:  # brackets inside strings
        nesting = b"".join(nesting.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        nesting = nesting.replace(b"[]", b"")
        if not nesting:
            return False
    return True


def _explain(body: bytes) -> None:
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=unique_keys,
            parse_constant=refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise TooDeep from error
    except DuplicateKeyError as error:
        raise DuplicateKey from error
    except NonFiniteError as error:
        raise NumberOutOfRange from error
    except ValueError as error:
        raise NotJson from error
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth_exceeds(value):
        raise TooDeep
    if b"\\u" in body:  # the only way to write such a character
        _check_text(value)


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
