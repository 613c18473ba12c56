"""Lines of files for other tools: CSV (RFC 4180) and JSON lines."""

import csv
import io
import json
import re
from collections.abc import Iterable
from typing import Any

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV: None is an empty cell, and no text is a formula in a spreadsheet."""
    out = io.StringIO()
    csv.writer(out).writerow([_guard(cell) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def json_line(value: Any) -> str:
    """One line of JSON lines."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def _guard(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would run it as a formula (OWASP, CSV
    Injection). A number such as -12.50 is spared: it is no danger, and the apostrophe would ruin it.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
