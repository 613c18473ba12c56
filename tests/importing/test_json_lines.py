"""JSON Lines: strict, one object a line."""

import json
from decimal import Decimal
from typing import Any

import pytest

from shared.importing.fields import ImportedTransaction
from shared.importing.parsing import FileRefused
from tests.importing.reading import MAPPING, outcome, parse


def test_json_lines() -> None:
    mapping = MAPPING | {"merchant_category": "kinds"}
    good = [
        {"id": 1, "merchant": "A", "total": 12.5, "kinds": ["X", "Y"]},
        {"id": "2", "merchant": "B", "total": "0.10", "kinds": "X|Y", "more": {"a": [None]}},
    ]
    bad = [
        (b"{", None, "not-json"),
        (b"[1]", None, "not-an-object"),
        (b'{"merchant": "A", "total": NaN}', None, "not-json"),
        (b'{"merchant": "A", "merchant": "B"}', None, "duplicate-key"),
        (b'{"merchant": "Caf\xe9"}', None, "bad-text"),
        (b'{"merchant": "\\ud800"}', "merchant_name", "bad-text"),
        (b'{"merchant": "A", "total": 1e999999999999999999999}', "amount", "amount"),
        (b'{"merchant": "A", "total": true}', "amount", "type"),
        (b'{"merchant": {"name": "A"}}', "merchant_name", "type"),
        (b'{"merchant": "A", "kinds": ["X", 1, null]}', "merchant_category", "type"),
        (b'{"merchant": null}', "merchant_name", "missing"),
        (b"[" * 100_000, None, "not-json"),
        (b" " * 2_000_000, None, "too-long"),
    ]
    content = b"\xef\xbb\xbf" + b"\n\n".join(
        [*(json.dumps(row).encode() for row in good), *(line for line, _, _ in bad)]
    )
    expected: list[tuple[Any, ...]] = [(1, "1"), (3, "2")]
    expected += [(5 + 2 * position, field, code) for position, (_, field, code) in enumerate(bad)]
    assert outcome(content, format_="jsonl", mapping=mapping) == expected
    rows = [row for _, row in parse(content, "jsonl", mapping) if isinstance(row, ImportedTransaction)]
    assert [row.fields.amount for row in rows] == [Decimal("12.5"), Decimal("0.10")]
    assert [row.fields.merchant_category for row in rows] == [("X", "Y"), ("X", "Y")]


def test_an_empty_json_lines_file_is_refused() -> None:
    with pytest.raises(FileRefused, match="empty"):
        parse(b"\n \n", "jsonl")
