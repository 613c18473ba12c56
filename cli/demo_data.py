"""What the demo and some benchmarks work on: a folder of categories and labelled transactions."""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CannotRun

SEED = 42
FEWEST = 50
UNLABELLED = 5
# Our field -> the column of transactions.jsonl, where the file has it.
COLUMNS = {
    "external_id": "external_id",
    "merchant_name": "merchant_name",
    "merchant_descriptor": "merchant_descriptor",
    "merchant_category": "merchant_category",
    "merchant_category_code": "merchant_category_code",
    "department": "department",
    "location": "location",
    "amount": "amount",
    "currency": "currency",
    "memo": "memo",
    "spend_program_name": "spend_program_name",
    "trip_name": "trip_name",
    "occurred_on": "occurred_on",
    "category": "expense_category",
}


@dataclass(frozen=True)
class Material:
    """What the demo works on: a chart, labelled rows, and a few whose label nobody gave."""

    categories: list[dict[str, Any]]
    labelled: list[dict[str, Any]]
    unlabelled: list[dict[str, Any]]


def write_sample(folder: Path) -> Path:
    """The bundled sample as a folder."""
    from shared.generation.offline import generate, write_folder

    write_folder(generate(1), folder)
    return folder


def read(folder: Path) -> Material:
    """The folder's chart and rows, five of them, drawn by seed, without their labels.

    Raises:
        CannotRun: the folder has not the two files, or one cannot be read.
    """
    try:
        categories = json.loads((folder / "categories.json").read_text("utf-8"))
        lines = (folder / "transactions.jsonl").read_text("utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        chart = [_category(one) for one in categories]
        rows = [{"external_id": f"row-{number}"} | row for number, row in enumerate(rows, start=1)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        wanted = "categories.json and transactions.jsonl as the README describes them"
        raise CannotRun(f"{folder} should hold {wanted}: {error!r}") from error
    if len(rows) < FEWEST:
        raise CannotRun(f"{folder} holds {len(rows)} transactions; the demo needs at least {FEWEST}.")
    held = set(random.Random(SEED).sample(range(len(rows)), UNLABELLED))  # noqa: S311  # a draw, not a secret
    labelled = [row for position, row in enumerate(rows) if position not in held]
    return Material(chart, labelled, [rows[position] for position in sorted(held)])


def _category(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": one.get("code") or re.sub(r"\W+", "-", one["category"].lower()).strip("-"),
        "name": one["category"],
        "description": one.get("description"),
        "examples": one.get("sample_transactions", []),
        "departments": one.get("departments", []),
    }


def bare(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a transaction without its label, what is empty left out."""
    values = {ours: row.get(theirs) for ours, theirs in COLUMNS.items() if ours != "category"}
    return {name: value for name, value in values.items() if value not in (None, [], "")}
