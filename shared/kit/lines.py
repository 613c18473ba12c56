"""Lines of files for other tools: CSV (RFC 4180) and JSON lines."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_line(cells: Iterable[str]) -> str:
    """One line of CSV, each cell of it text in a spreadsheet too."""
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def json_line(value: Any) -> str:
    """One line of JSON lines."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def safe_cell(value: str) -> str:
    """The cell as text in a spreadsheet too: one that begins like a formula gets an apostrophe (OWASP)."""
    return f"'{value}" if value.startswith(_FORMULA) else value
