"""Transactions and their labels."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SkipValidation,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.config import JsonValue
from pydantic_core import PydanticCustomError

from api.schemas.common import (
    MAX_BATCH,
    Day,
    Detail200,
    Detail500,
    ErrorOut,
    In,
    Name200,
    Out,
    PageQuery,
    RowId,
)
from api.schemas.labels import LabelOut
from api.schemas.transaction_fields import input_fields, output_fields, with_fields
from api.validation_errors import field_errors
from shared.kit.money import BadAmount, check_amount, format_amount
from shared.transactions.fields import EXAMPLE, TransactionFields
from shared.transactions.service import NewTransaction, Stored
from shared.transactions.store import TransactionFilter
from shared.transactions.tables import Label, Transaction

Source = Literal["api", "import", "synthetic"]

_EXAMPLE_FIELDS: dict[str, JsonValue] = dict(EXAMPLE)
_EXAMPLE: dict[str, JsonValue] = {
    "external_id": "txn_2041",
    **_EXAMPLE_FIELDS,
    "occurred_on": "2026-05-12",
}


class TransactionFieldsIn(with_fields(In, input_fields())):  # type: ignore[misc]  # made from FIELDS
    """What describes a transaction."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_FIELDS]})

    @field_validator("amount")
    @classmethod
    def _fits_currency(cls, amount: Decimal | None, info: ValidationInfo) -> Decimal | None:
        try:
            return None if amount is None else check_amount(amount, info.data.get("currency"))
        except BadAmount as error:
            raise PydanticCustomError(error.code, error.message) from error

    def fields(self) -> TransactionFields:
        """What the service takes."""
        return TransactionFields.of_row(self)


class TransactionIn(TransactionFieldsIn):
    """A transaction; one with an `external_id` that is known overwrites what is there."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    external_id: Name200 | None = Field(default=None, description="Your own id of it.")
    occurred_on: Day | None = None

    def new(self) -> NewTransaction:
        """What the service takes."""
        return NewTransaction(self.fields(), external_id=self.external_id, occurred_on=self.occurred_on)


class TransactionBatchIn(In):
    """Up to 1,000 transactions; those that are wrong are reported one by one, the others stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"transactions": [_EXAMPLE]}]})

    transactions: Annotated[
        list[Annotated[TransactionIn, SkipValidation]], Field(min_length=1, max_length=MAX_BATCH)
    ]

    def parsed(self) -> list[TransactionIn | ValidationError]:
        """Each transaction, or what is wrong with it, in order."""
        return [parse_transaction(item) for item in self.transactions]


def external_id_of(item: Any) -> str | None:
    """The caller's id of an item that may be wrong, where it is text and of a sound length."""
    value = item.get("external_id") if isinstance(item, dict) else None
    return value if isinstance(value, str) and len(value) <= 200 else None


def parse_transaction(item: Any) -> TransactionIn | ValidationError:
    """The transaction that a batch's raw item is, or what is wrong with it."""
    try:
        transaction: TransactionIn = TransactionIn.model_validate(item)
    except ValidationError as error:
        return error
    return transaction


class TransactionQuery(PageQuery):
    """Which transactions; filters narrow together."""

    unlabelled: bool | None = Field(default=None, description="true: without a label; false: with one.")
    category_id: RowId | None = None
    merchant: Detail500 | None = Field(default=None, description="The merchant's name, in any case.")
    text: Detail200 | None = Field(
        default=None,
        description="Stands in merchant, descriptor or memo. 100,000 transactions are searched at a time: a "
        "page may hold few rows or none and still have a next one.",
    )
    source: Source | None = None
    occurred_from: Day | None = Field(default=None, description="This day or later.")
    occurred_to: Day | None = Field(default=None, description="This day or earlier.")

    def filter(self) -> TransactionFilter:
        """What the store takes."""
        return TransactionFilter(**self.model_dump(exclude={"limit", "cursor"}))


class _Identified(Out):
    id: uuid.UUID
    external_id: str | None


class TransactionOut(with_fields(_Identified, output_fields(is_required=True))):  # type: ignore[misc]  # made from FIELDS
    """A transaction with its current label."""

    occurred_on: dt.date | None
    source: Source
    created_at: dt.datetime
    updated_at: dt.datetime
    label: LabelOut | None

    @classmethod
    def of(cls, row: Transaction, label: Label | None) -> Self:
        """The row as it is shown."""
        values = {name: getattr(row, name) for name in cls.model_fields if name not in {"amount", "label"}}
        amount = None if row.amount is None else format_amount(row.amount, row.currency)
        shown: Self = cls.model_validate({**values, "amount": amount, "label": label})
        return shown


class BatchItemOut(Out):
    """What became of one transaction of a batch."""

    index: int
    external_id: str | None
    id: uuid.UUID | None
    status: Literal["created", "updated", "invalid"]
    errors: Sequence[ErrorOut]

    @classmethod
    def stored(cls, index: int, external_id: str | None, stored: Stored) -> Self:
        """An item that was stored."""
        status: Literal["created", "updated"] = "created" if stored.is_created else "updated"
        return cls(index=index, external_id=external_id, id=stored.id, status=status, errors=[])

    @classmethod
    def invalid(cls, index: int, external_id: str | None, error: ValidationError) -> Self:
        """An item that was not stored."""
        errors = field_errors(error.errors(), prefix=f"/transactions/{index}")
        return cls.model_validate(
            {"index": index, "external_id": external_id, "id": None, "status": "invalid", "errors": errors}
        )


class BatchOut(Out):
    """What became of each transaction of a batch, in its order."""

    results: list[BatchItemOut]

    @classmethod
    def of(
        cls,
        body: TransactionBatchIn,
        parsed: Sequence[TransactionIn | ValidationError],
        stored: Sequence[Stored],
    ) -> Self:
        """The results of those that were stored, in order, put between those that were not."""
        left = iter(stored)
        results = []
        for index, item in enumerate(parsed):
            if isinstance(item, ValidationError):
                results.append(BatchItemOut.invalid(index, external_id_of(body.transactions[index]), item))
            else:
                results.append(BatchItemOut.stored(index, item.external_id, next(left)))
        return cls(results=results)
