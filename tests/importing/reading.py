"""Files as tests write them, and what becomes of their records."""

import io
from typing import Any, Literal

from shared.importing.fields import ImportedTransaction, RowError
from shared.importing.parsing import records

MAPPING = {"external_id": "id", "merchant_name": "merchant", "amount": "total", "memo": "note"}
HEADER = b"id,merchant,total,note\n"


def parse(
    content: bytes,
    format_: Literal["csv", "jsonl"] = "csv",
    mapping: dict[str, str] = MAPPING,
    defaults: dict[str, str] | None = None,
) -> list[tuple[int, ImportedTransaction | list[RowError]]]:
    """All records."""
    return list(records(io.BytesIO(content), format_, mapping, defaults or {}))


def outcome(content: bytes, **options: Any) -> list[tuple[Any, ...]]:
    """Per record: line and external_id, or line, field and code of each error."""
    outcomes: list[tuple[Any, ...]] = []
    for line, row in parse(content, **options):
        if isinstance(row, ImportedTransaction):
            outcomes.append((line, row.external_id))
        else:
            assert all(error.line == line for error in row)
            outcomes.extend((line, error.field, error.code) for error in row)
    return outcomes
