"""From what an LLM answers to rows that may become candidates, or to why not. Nothing is mended."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, WrapValidator

from shared.categories.tables import Category
from shared.kit.text import is_blank, is_storable
from shared.transactions.text import TransactionFields
from shared.transactions.values import Number, check_values

MAX_NAME = 200
# Of the rules that hold for several fields; another broken rule is counted under its field.
_REASONS = {"type": "shape", "bad-text": "bad-text", "too-long": "too-long", "missing": "blank"}

Text = str | None


class GeneratedTransaction(BaseModel):
    """One card transaction."""

    category: str = Field(description="The code of one of the wanted categories.")
    merchant_name: str = Field(description="A real merchant, as people write it.")
    merchant_descriptor: Text = Field(description="As the card network prints it: up to 25 capitals.")
    merchant_category: list[str] = Field(description="One or two names of the merchant's line of business.")
    merchant_category_code: Text = Field(description="Four digits of ISO 18245.")
    department: Text = Field(description="Of the employee who paid.")
    location: Text = Field(description="City, country.")
    amount: str = Field(description="Digits with a decimal point, such as 1234.50; a refund is negative.")
    currency: str = Field(description="ISO 4217, such as EUR.")
    memo: Text
    spend_program_name: Text = Field(description="The budget that the card belongs to.")
    trip_name: Text
    occurred_on: Text = Field(description="YYYY-MM-DD.")


class ParaphraseRow(BaseModel):
    """Another name for a category."""

    category: str = Field(description="The code of one of the wanted categories.")
    name: str = Field(description="Another name, at most 80 characters.")


# The shape is told to the LLM, but rows are looked at one by one afterwards: a bad one costs itself and not
# the whole answer.
_AsSent = WrapValidator(lambda raw, _: raw)


class Transactions(BaseModel):
    """The transactions that were asked for."""

    rows: list[Annotated[GeneratedTransaction, _AsSent]]


class Paraphrases(BaseModel):
    """The names that were asked for."""

    rows: list[Annotated[ParaphraseRow, _AsSent]]


class Refused(Exception):
    """A row that cannot become a candidate; `reason` is a slug that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class MadeUp:
    """A sound row: a transaction with its day, or a paraphrase."""

    category_id: uuid.UUID
    fields: TransactionFields | None = None
    occurred_on: dt.date | None = None
    paraphrase: str | None = None


class Chart:
    """An organisation's live categories, found by code or exact name, and by nothing looser."""

    def __init__(self, live: Iterable[Category]) -> None:
        self.by_id: Mapping[uuid.UUID, Category] = {category.id: category for category in live}
        self._ids: dict[str, uuid.UUID] = {}
        for category in self.by_id.values():
            self._ids[category.name] = category.id
        for category in self.by_id.values():
            if category.code is not None:  # codes go before names that look the same
                self._ids[category.code] = category.id
        self._names = {category.name.casefold() for category in self.by_id.values()}

    def key(self, category_id: uuid.UUID) -> str:
        """What the category is called in a prompt: its code, or its name where it has none."""
        category = self.by_id[category_id]
        return category.code or category.name

    def find(self, named: Any, wanted: Mapping[uuid.UUID, int]) -> uuid.UUID:
        """The category that a row names.

        Raises:
            Refused: it is none of the organisation's, or none that was asked for.
        """
        category_id = self._ids.get(named.strip()) if isinstance(named, str) else None
        if category_id is None:
            raise Refused("unknown-category")
        if category_id not in wanted:
            raise Refused("category-not-asked")
        return category_id

    def has_name(self, name: str) -> bool:
        """Whether a live category is called so, in any case."""
        return name.casefold() in self._names


def read_transaction(raw: Any, chart: Chart, wanted: Mapping[uuid.UUID, int]) -> MadeUp:
    """The transaction of a raw row, by the rules that hold for files and the API.

    Raises:
        Refused: its category or a value breaks a rule; the reason is that rule.
    """
    values = _known(raw, GeneratedTransaction)
    category_id = chart.find(values.pop("category", None), wanted)
    amount = values.get("amount")
    if isinstance(amount, (int, float)) and not isinstance(amount, bool):
        values["amount"] = Number(repr(amount))  # the API takes a number, too
    parsed, wrong = check_values(values)
    for name in ("merchant_name", "amount", "currency"):
        if name not in parsed and name not in wrong:
            raise Refused("blank")
    if wrong:
        name, error = next(iter(wrong.items()))
        raise Refused(_REASONS.get(error.code, name))
    occurred_on = parsed.pop("occurred_on", None)
    return MadeUp(category_id, TransactionFields(**parsed), occurred_on)


def read_paraphrase(raw: Any, chart: Chart, wanted: Mapping[uuid.UUID, int]) -> MadeUp:
    """The paraphrase of a raw row.

    Raises:
        Refused: as for a transaction, or the name is a category's already.
    """
    values = _known(raw, ParaphraseRow)
    category_id = chart.find(values.get("category"), wanted)
    name = values.get("name")
    if not isinstance(name, str):
        raise Refused("shape")
    if not is_storable(name):
        raise Refused("bad-text")
    name = " ".join(name.split())
    if is_blank(name):
        raise Refused("blank")
    if len(name) > MAX_NAME:
        raise Refused("too-long")
    if chart.has_name(name):
        raise Refused("name-of-category")
    return MadeUp(category_id, paraphrase=name)


def _known(raw: Any, shape: type[BaseModel]) -> dict[str, Any]:
    """The row's values, which must be those that were asked for and no other."""
    if not isinstance(raw, dict) or not raw.keys() <= shape.model_fields.keys():
        raise Refused("shape")
    return dict(raw)
