"""The strict reader refuses what its plain definition refuses, and says the same about it."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api import strict_json
from shared.kit.errors import AppError

LEVELS = 32


def defined(body: bytes) -> str | None:
    """The code of what is wrong with the body, by the standard library alone; None: it is strict JSON."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise KeyError
        return dict(pairs)

    def finite(text: str) -> float:
        value = float(text)  # "NaN" and "Infinity" come here as well
        if not math.isfinite(value):
            raise OverflowError
        return value

    def whole(text: str) -> int:
        if len(text.lstrip("-")) > 4300:
            raise OverflowError
        return int(text)

    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=unique,
            parse_float=finite,
            parse_constant=finite,
            parse_int=whole,
        )
    except KeyError:
        return "duplicate-key"
    except OverflowError:
        return "number-out-of-range"
    except RecursionError:
        return "too-deep"
    except ValueError:
        return "not-json"
    if depth(value) > LEVELS:
        return "too-deep"
    return None if is_text(value) else "bad-text"


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def is_text(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_text(key) and is_text(child) for key, child in value.items())
    if isinstance(value, list):
        return all(map(is_text, value))
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    return True


def refusal(body: bytes) -> str | None:
    """The code of the error that the check raises, or None."""
    try:
        strict_json.check(body)
    except AppError as error:
        return error.code
    return None


def nested(value: Any, levels: int, is_object: bool) -> Any:
    for _ in range(levels):
        value = {"[": value} if is_object else [value]
    return value


texts = st.text(st.characters(exclude_categories=())) | st.text('"\\[]{}ud80\0é+e123', max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=30,
)
written = st.builds(
    lambda value, levels, is_object, is_ascii: json.dumps(
        nested(value, levels, is_object), ensure_ascii=is_ascii
    ).encode("utf-8", "surrogatepass"),
    values,
    st.just(0) | st.integers(28, 36),
    st.booleans(),
    st.booleans(),
)
# Fragments put side by side: nearly JSON, and full of what parsers disagree about.
FRAGMENTS = (
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b'"',
        b'"a":1',
        b'{"a":1,"a":2}',
        b'"a"',
        b'"\\u0061"',
        b"\\",
        b"\\u",
    ),
    *(
        b"1",
        b"-",
        b"0",
        b".",
        b"e",
        b"E+",
        b"400",
        b"308",
        b"1e308",
        b"1e309",
        b"-1E+0400",
        b"1e-400",
        b"0e999",
    ),
    *(b"9" * 199, b"9" * 309, b"9" * 4300, b"9" * 4301, b".0", b"NaN", b"Infinity", b"true", b"null"),
    *(rb'"\ud83d\ude00"', rb'"\ud800"', rb'"\udc00\ud800"', rb'"\u0000"', rb'"\\u0000"', rb'"\\\"["', b'"]"'),
    *(
        b" ",
        b"\n",
        b"\x00",
        b"\x0b",
        b"\x7f",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\xf0\x9f",
    ),
)
scrambled = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(b"".join)
listed = st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(lambda parts: b"[" + b",".join(parts) + b"]")


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(written | scrambled | listed | st.binary(max_size=20))
@example(b"[" * 100_000)
@example(b"[" * 33 + b"]" * 33)
@example(b'["' + b"[" * 99 + b'"]')
@example(b"[" * 32 + b'"\\\\",' + b'""' + b"]" * 32)
@example(b"[" + b"9" * 309 + b".0]")
@example('"a"'.encode("utf-16"))
def test_the_reader_is_as_strict_as_its_definition(body: bytes) -> None:
    assert refusal(body) == defined(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"transactions": ['
        + b", ".join([b'{"memo": "a \\"quoted\\" [word]", "amount": 1.5}'] * 50)
        + b"]}",
        b'{"a": {"b": ' * 16 + b"1" + b"}}" * 16,
        b'"' + b"[" * 100 + b'"',
        b"[" + b'"[",' * 50 + b"1e99]",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_is_sound_is_not_read_twice(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.delattr(strict_json, "_explain")
    strict_json.check(body)
