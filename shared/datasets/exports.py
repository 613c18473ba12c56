"""A dataset as files for other tools: rows in, lines out. Pure."""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from rapidfuzz import fuzz

from shared.datasets.service import thaw_fields
from shared.datasets.tables import DatasetItem
from shared.kit.errors import Invalid
from shared.kit.lines import csv_line, json_line
from shared.transactions.text import transaction_text

Format = Literal["jsonl", "triplets", "cohere-rerank", "csv"]

MEDIA_TYPES: dict[Format, str] = {
    "jsonl": "application/jsonl",
    "triplets": "application/jsonl",
    "cohere-rerank": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
}
RERANK_MINIMUM = 256  # Cohere's fine-tuning of rerank models refuses fewer training examples
HARD_NEGATIVES = 3
COLUMNS = (
    "split",
    "category_code",
    "category_name",
    "merchant_name",
    "merchant_descriptor",
    "merchant_category",
    "merchant_category_code",
    "department",
    "location",
    "amount",
    "currency",
    "memo",
    "spend_program_name",
    "trip_name",
)


class TooFewRows(Invalid):
    code = "too-few-rows"
    message = "A hosted reranker is fine-tuned on at least 256 rows. Label more, or export another format."


def check_size(form: Format, rows: int) -> None:
    """Raise where the format's reader would refuse so few rows.

    Raises:
        TooFewRows: fewer than 256 for `cohere-rerank`.
    """
    if form == "cohere-rerank" and rows < RERANK_MINIMUM:
        raise TooFewRows


def header(form: Format) -> str:
    """What comes before the first row."""
    return csv_line(COLUMNS) if form == "csv" else ""


def lines(
    form: Format, items: Iterable[DatasetItem], categories: Mapping[str, Any], seed: int
) -> Iterator[str]:
    """A line for each item; `categories` as the dataset froze them, id -> {name, code, text …}.

    `triplets` takes as negative another category by seed and row, `cohere-rerank` as hard negatives those
    whose texts share most words with the row's: both only from the dataset's own categories.
    """
    for item in items:
        own = str(item.category_id)
        text = transaction_text(thaw_fields(item.fields))
        about = categories[own]
        others = sorted(one for one in categories if one != own)
        if form == "csv":
            yield csv_line(_cells(item, about))
        elif form == "jsonl":
            yield json_line(
                {"split": item.split, "text": text, "category": _category(own, about), "fields": item.fields}
            )
        elif form == "triplets":
            if others:
                negative = categories[others[_draw(seed, item.id) % len(others)]]["text"]
                yield json_line({"anchor": text, "positive": about["text"], "negative": negative})
        else:
            hard = sorted(others, key=lambda one: (-fuzz.token_set_ratio(text, categories[one]["text"]), one))
            yield json_line(
                {
                    "query": text,
                    "relevant_passages": [about["text"]],
                    "hard_negatives": [categories[one]["text"] for one in hard[:HARD_NEGATIVES]],
                }
            )


def _category(category_id: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": category_id, "name": about["name"], "code": about["code"]}


def _cells(item: DatasetItem, about: Mapping[str, Any]) -> list[str]:
    values = {
        **item.fields,
        "split": item.split,
        "category_code": about["code"],
        "category_name": about["name"],
    }
    values["merchant_category"] = "; ".join(item.fields.get("merchant_category", ()))
    return ["" if values.get(name) is None else str(values[name]) for name in COLUMNS]


def _draw(seed: int, row_id: uuid.UUID) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{row_id}".encode()).digest()[:8], "big")
