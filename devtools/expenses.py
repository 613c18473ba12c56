"""Reads a folder of categories and labelled transactions as the texts that a model sees."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

from shared.categories.text import category_text
from shared.kit.ids import derived_id
from shared.transactions.fields import TransactionFields
from shared.transactions.text import transaction_text


@dataclass(frozen=True)
class LabelledTexts:
    """`categories`: category id to text. `rows`: (text of a transaction, category id)."""

    categories: dict[uuid.UUID, str]
    rows: list[tuple[str, uuid.UUID]]


def load(folder: Path) -> LabelledTexts:
    """Read `categories.json` and `transactions.jsonl`, in the format that `outlay demo --data` takes."""
    categories = {
        derived_id("category", category["category"]): category_text(
            category["category"], category.get("description"), category.get("sample_transactions", ())
        )
        for category in json.loads((folder / "categories.json").read_text("utf-8"))
    }
    rows = []
    for line in (folder / "transactions.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        known = {name: row.get(name) for name in TransactionFields.__dataclass_fields__}
        known["merchant_category"] = tuple(row.get("merchant_category") or ())
        text = transaction_text(TransactionFields(**known))
        rows.append((text, derived_id("category", row["expense_category"])))
    return LabelledTexts(categories, rows)
