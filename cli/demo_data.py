"""The data of the demo and some benchmarks: a folder of categories and labelled transactions."""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CannotRun
from shared.transactions.values import RECORD_FIELDS

SEED = 42
MIN_ROWS = 50
HELD_BACK = 5
# Our field -> the column of transactions.jsonl, where the file has it.
COLUMNS = {name: name for name in RECORD_FIELDS} | {"category": "expense_category"}


@dataclass(frozen=True)
class DemoData:
    """Categories, labelled rows, and a few rows whose labels are kept back."""

    categories: list[dict[str, Any]]
    labelled: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]


def write_sample(folder: Path) -> Path:
    """Write the bundled sample into `folder`, and return it."""
    from shared.generation.offline import generate, write_folder

    write_folder(generate(1), folder)
    return folder


def read(folder: Path) -> DemoData:
    """Read the folder, and keep back the labels of five rows, which are drawn by seed.

    Raises:
        CannotRun: one of the two files is missing or cannot be read, or there are too few rows.
    """
    try:
        categories = json.loads((folder / "categories.json").read_text("utf-8"))
        lines = (folder / "transactions.jsonl").read_text("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        chart = [_category(category) for category in categories]
        rows = [{"external_id": f"row-{number}"} | row for number, row in enumerate(rows, start=1)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        wanted = "categories.json and transactions.jsonl as the README describes them"
        raise CannotRun(f"{folder} should hold {wanted}: {error!r}") from error
    if len(rows) < MIN_ROWS:
        raise CannotRun(f"{folder} holds {len(rows)} transactions; the demo needs at least {MIN_ROWS}.")
    kept_back = set(random.Random(SEED).sample(range(len(rows)), HELD_BACK))  # noqa: S311  # a draw, not a secret
    labelled = [row for position, row in enumerate(rows) if position not in kept_back]
    return DemoData(chart, labelled, [rows[position] for position in sorted(kept_back)])


def _category(category: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": category.get("code") or re.sub(r"\W+", "-", category["category"].lower()).strip("-"),
        "name": category["category"],
        "description": category.get("description"),
        "examples": category.get("sample_transactions", []),
        "departments": category.get("departments", []),
    }


def without_label(row: dict[str, Any]) -> dict[str, Any]:
    """The row as the API takes a transaction: without its label and without empty fields."""
    values = {ours: row.get(theirs) for ours, theirs in COLUMNS.items() if ours != "category"}
    return {name: value for name, value in values.items() if value not in (None, [], "")}
