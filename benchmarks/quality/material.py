"""The two data sets that quality is measured on, real and synthetic transactions, in one shape."""

import csv
import datetime as dt
import gzip
import json
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from shared.categories.frozen import FrozenCategory
from shared.categorization.exact import ExactRow
from shared.categorization.ranking import Choice
from shared.evaluation.baselines import BaselineRow
from shared.kit.ids import derived_id
from shared.training.rows import TrainRow
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat
from shared.transactions.merchant import merchant_key

TEXTS = TextFormat()
MIN_ROWS = 30  # of a GL code, so that its recall means something


@dataclass(frozen=True)
class Row:
    """A labelled transaction; `merchant` cleaned and folded."""

    fields: TransactionFields
    category_id: uuid.UUID
    merchant: str
    day: dt.date | None = None

    def exact(self, texts: TextFormat) -> ExactRow:
        """As serving sees it."""
        return ExactRow(texts.of_transaction(self.fields), self.category_id, self.fields)

    def trained(self, texts: TextFormat) -> TrainRow:
        """As training sees it."""
        return TrainRow(texts.of_transaction(self.fields), str(self.category_id), self.fields)


@dataclass(frozen=True)
class Data:
    """Rows, and the chart: name, description, examples and departments by category id."""

    rows: list[Row]
    chart: dict[uuid.UUID, FrozenCategory]

    def choices(self, texts: TextFormat, *, with_departments: bool = True) -> dict[uuid.UUID, Choice]:
        """The choices as serving has them."""
        return {
            id_: Choice.of(texts.of_frozen(category), category.departments if with_departments else ())
            for id_, category in self.chart.items()
        }

    def texts(self, texts: TextFormat) -> dict[str, str]:
        """Category texts by id, as training takes them."""
        return {str(id_): texts.of_frozen(category) for id_, category in self.chart.items()}


def tech_expenses(folder: Path) -> Data:
    """260 synthetic transactions of a technology company in 27 categories."""
    chart = {
        derived_id("category", category["category"]): FrozenCategory(
            name=category["category"],
            examples=category["sample_transactions"],
            departments=category["departments"],
        )
        for category in json.loads((folder / "categories.json").read_text("utf-8"))
    }
    rows = []
    for line in (folder / "transactions.jsonl").read_text("utf-8").splitlines():
        values = json.loads(line)
        known = {name: values.get(name) for name in TransactionFields.__dataclass_fields__}
        known["merchant_category"] = tuple(values.get("merchant_category") or ())
        known["amount"] = Decimal(str(values["amount"])) if values.get("amount") is not None else None
        fields = TransactionFields(**known)
        rows.append(Row(fields, derived_id("category", values["expense_category"]), _merchant(fields)))
    return Data(rows, chart)


def purchase_cards(folder: Path) -> Data:
    """Some 103,000 purchases of a city council, coded by the people who spent, in codes of at least 30 rows.

    The directorate is the department. The cost centre is the location, which only the habits know.
    """
    with gzip.open(folder / "transactions.csv.gz", "rt", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    counts = Counter(row["gl_code"] for row in lines)
    kept = {code for code, number in counts.items() if number >= MIN_ROWS}
    with (folder / "categories.csv").open(encoding="utf-8", newline="") as file:
        names = {row["gl_code"]: row["gl_description"] for row in csv.DictReader(file)}
    chart = {derived_id("category", code): FrozenCategory(name=names[code]) for code in sorted(kept)}
    rows = [_purchase(row) for row in lines if row["gl_code"] in kept]
    return Data(rows, chart)


def _purchase(row: dict[str, str]) -> Row:
    fields = TransactionFields(
        row["merchant_name"],
        department=row["directorate"],
        location=row["cost_centre"],
        amount=Decimal(row["amount"]),
        currency=row["currency"],
    )
    category_id = derived_id("category", row["gl_code"])
    return Row(fields, category_id, _merchant(fields), dt.date.fromisoformat(row["date"]))


def _merchant(fields: TransactionFields) -> str:
    return merchant_key(fields.merchant_name)


def counted(rows: Sequence[Row], text_of: Callable[[Row], str]) -> list[BaselineRow]:
    """Each distinct (text, merchant, category) once, with the number of its rows, ordered by contents."""
    counts = Counter((text_of(row), row.merchant, row.category_id) for row in rows)
    return [
        BaselineRow(*key, number) for key, number in sorted(counts.items(), key=lambda entry: str(entry[0]))
    ]
