"""Parses the rows of an LLM's answer, or says why one is refused. Nothing is repaired."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, WrapValidator, create_model

from shared.categories.tables import Category
from shared.kit.text import is_blank, is_storable
from shared.transactions.fields import FIELDS, FieldSpec, FieldType, TransactionFields
from shared.transactions.values import Number, check_values

MAX_NAME = 200
# Of the rules that hold for several fields; another broken rule is counted under its field.
_REASONS = {"type": "shape", "bad-text": "bad-text", "too-long": "too-long", "missing": "blank"}


def _prompted(spec: FieldSpec) -> tuple[Any, Any]:
    """A declared field in the schema that the LLM is given. Every field must be there; some may be null."""
    type_: Any = str if spec.required_of_llm else str | None
    if spec.type is FieldType.NAMES:
        type_ = list[str]
    return type_, Field(description=spec.prompt_description)


class _Named(BaseModel):
    category: str = Field(description="The code of one of the wanted categories.")


_PROMPTED_FIELDS: dict[str, Any] = {name: _prompted(spec) for name, spec in FIELDS.items()}


class GeneratedTransaction(create_model("_WithFields", __base__=_Named, **_PROMPTED_FIELDS)):  # type: ignore[misc]  # made from FIELDS
    """One card transaction."""

    occurred_on: str | None = Field(description="YYYY-MM-DD.")


class ParaphraseRow(BaseModel):
    """Another name for a category."""

    category: str = Field(description="The code of one of the wanted categories.")
    name: str = Field(description="Another name, at most 80 characters.")


# The LLM is given the shape, but rows are checked one by one afterwards: a bad row does not cost the answer.
_AsSent = WrapValidator(lambda raw, _: raw)


class Transactions(BaseModel):
    """The transactions that were asked for."""

    rows: list[Annotated[GeneratedTransaction, _AsSent]]


class Paraphrases(BaseModel):
    """The names that were asked for."""

    rows: list[Annotated[ParaphraseRow, _AsSent]]


class RowRefused(Exception):
    """A row that cannot become a candidate; `reason` is a slug that is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class GeneratedRow:
    """A valid row: a transaction with its day, or a paraphrase."""

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
            RowRefused: it is none of the organisation's, or none that was asked for.
        """
        category_id = self._ids.get(named.strip()) if isinstance(named, str) else None
        if category_id is None:
            raise RowRefused("unknown-category")
        if category_id not in wanted:
            raise RowRefused("category-not-asked")
        return category_id

    def has_name(self, name: str) -> bool:
        """Whether a live category is called so, in any case."""
        return name.casefold() in self._names


def read_transaction(raw: Any, chart: Chart, wanted: Mapping[uuid.UUID, int]) -> GeneratedRow:
    """The transaction of a raw row, by the rules that hold for files and the API.

    Raises:
        RowRefused: its category or a value breaks a rule; the reason is that rule.
    """
    values = _known(raw, GeneratedTransaction)
    category_id = chart.find(values.pop("category", None), wanted)
    amount = values.get("amount")
    if isinstance(amount, (int, float)) and not isinstance(amount, bool):
        values["amount"] = Number(repr(amount))  # the API takes a number, too
    parsed, wrong = check_values(values)
    if any(spec.required_of_llm and name not in {*parsed, *wrong} for name, spec in FIELDS.items()):
        raise RowRefused("blank")
    if wrong:
        name, error = next(iter(wrong.items()))
        raise RowRefused(_REASONS.get(error.code, name))
    occurred_on = parsed.pop("occurred_on", None)
    return GeneratedRow(category_id, TransactionFields(**parsed), occurred_on)


def read_paraphrase(raw: Any, chart: Chart, wanted: Mapping[uuid.UUID, int]) -> GeneratedRow:
    """The paraphrase of a raw row.

    Raises:
        RowRefused: as for a transaction, or the name is a category's already.
    """
    values = _known(raw, ParaphraseRow)
    category_id = chart.find(values.get("category"), wanted)
    name = values.get("name")
    if not isinstance(name, str):
        raise RowRefused("shape")
    if not is_storable(name):
        raise RowRefused("bad-text")
    name = " ".join(name.split())
    if is_blank(name):
        raise RowRefused("blank")
    if len(name) > MAX_NAME:
        raise RowRefused("too-long")
    if chart.has_name(name):
        raise RowRefused("name-of-category")
    return GeneratedRow(category_id, paraphrase=name)


def _known(raw: Any, shape: type[BaseModel]) -> dict[str, Any]:
    """The row's values, which must be those that were asked for and no other."""
    if not isinstance(raw, dict) or not raw.keys() <= shape.model_fields.keys():
        raise RowRefused("shape")
    return dict(raw)
