"""Parses the raw values of a record into a transaction, or says what is wrong with them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.transactions.fields import TransactionFields
from shared.transactions.values import check_values, is_empty


@dataclass(frozen=True)
class RowError:
    """What is wrong with the record that starts on the 1-based `line`; no `field`: with all of it."""

    line: int
    field: str | None
    code: str
    message: str


@dataclass(frozen=True)
class ImportedTransaction:
    """One good record."""

    fields: TransactionFields
    external_id: str | None = None
    occurred_on: dt.date | None = None
    category: str | None = None


def read_row(
    line: int, values: Mapping[str, Any], defaults: Mapping[str, str]
) -> ImportedTransaction | list[RowError]:
    """The transaction that raw `values` by field describe; a default stands in for an empty value."""
    filled = {**defaults, **{name: raw for name, raw in values.items() if not is_empty(raw)}}
    parsed, wrong = check_values(filled)
    if wrong:
        return [RowError(line, name, error.code, error.message) for name, error in wrong.items()]
    own = {name: parsed.pop(name, None) for name in ("external_id", "occurred_on", "category")}
    return ImportedTransaction(TransactionFields(**parsed), **own)
