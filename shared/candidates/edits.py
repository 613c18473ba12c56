"""A reviewer's edits of a candidate: found, kept as JSON, and reverted."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.candidates.tables import Candidate
from shared.transactions.fields import TransactionFields

# From what JSON holds to what the column holds, where they differ.
_READERS: dict[str, Callable[[str], object]] = {
    "amount": Decimal,
    "occurred_on": dt.date.fromisoformat,
    "category_id": uuid.UUID,
}


@dataclass(frozen=True)
class EditedCandidate:
    """A candidate as a reviewer leaves it: `fields` of a transaction, or a `paraphrase`; valid as a whole."""

    category_id: uuid.UUID
    fields: TransactionFields | None = None
    occurred_on: dt.date | None = None
    paraphrase: str | None = None


def apply(candidate: Candidate, edited: EditedCandidate) -> dict[str, Any]:
    """Write the edits into the row; {field: [before, after]} of what differs, as JSON."""
    values: dict[str, object] = {"category_id": edited.category_id}
    if edited.fields is None:
        values["paraphrase"] = edited.paraphrase
    else:
        values |= edited.fields.columns()
        values["occurred_on"] = edited.occurred_on
    differing = {name: value for name, value in values.items() if getattr(candidate, name) != value}
    changes = {name: [_as_json(getattr(candidate, name)), _as_json(v)] for name, v in differing.items()}
    for name, value in differing.items():
        setattr(candidate, name, value)
    return changes


def revert(candidate: Candidate, changes: Mapping[str, Any]) -> None:
    """Restore the values from before the changes."""
    for name, (before, _) in changes.items():
        read = _READERS.get(name)
        setattr(candidate, name, before if before is None or read is None else read(before))


def _as_json(value: object) -> object:
    """The value as JSON; amounts as text, so that they stay exact."""
    return str(value) if isinstance(value, (Decimal, dt.date, uuid.UUID)) else value
