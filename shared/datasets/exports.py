"""A dataset as files for other tools: rows in, lines out. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from rapidfuzz import fuzz

from shared.categories.frozen import FrozenCategory
from shared.datasets.tables import DatasetItem
from shared.kit.errors import Invalid
from shared.kit.lines import csv_line, json_line
from shared.kit.seeded import choose
from shared.transactions.fields import FIELDS, TransactionFields
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
COLUMNS = ("split", "category_code", "category_name", *FIELDS)


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
    form: Format, items: Iterable[DatasetItem], categories: Mapping[str, FrozenCategory], seed: int
) -> Iterator[str]:
    """A line for each item; `categories` by id, as the dataset froze them.

    `triplets` takes as negative another category by seed and row, `cohere-rerank` as hard negatives those
    whose texts share most words with the row's: both only from the dataset's own categories.
    """
    for item in items:
        own_id = str(item.category_id)
        category = categories[own_id]
        text = transaction_text(TransactionFields.of_json(item.fields))
        others = sorted(category_id for category_id in categories if category_id != own_id)
        if form == "csv":
            yield csv_line(_cells(item, category))
        elif form == "jsonl":
            named = {"id": own_id, "name": category.name, "code": category.code}
            yield json_line({"split": item.split, "text": text, "category": named, "fields": item.fields})
        elif form == "triplets":
            if others:
                negative = categories[others[choose(seed, item.id, len(others))]]
                yield json_line({"anchor": text, "positive": category.text, "negative": negative.text})
        else:
            similarity = {id_: fuzz.token_set_ratio(text, categories[id_].text) for id_ in others}
            hardest = sorted(others, key=lambda id_: (-similarity[id_], id_))[:HARD_NEGATIVES]
            yield json_line(
                {
                    "query": text,
                    "relevant_passages": [category.text],
                    "hard_negatives": [categories[id_].text for id_ in hardest],
                }
            )


def _cells(item: DatasetItem, category: FrozenCategory) -> list[Any]:
    values = {
        **item.fields,
        "split": item.split,
        "category_code": category.code,
        "category_name": category.name,
    }
    cells = [values.get(name) for name in COLUMNS]
    return ["; ".join(cell) if isinstance(cell, list) else cell for cell in cells]
