"""What is known of a transaction, declared once.

A new field is an entry of `TransactionFields` here and a migration that adds its column to `transactions` and
`candidates`. From the entry follow the columns, the API's schemas, how files and an LLM's rows are parsed,
the exports, the text that is encoded and the fields that training may drop. A field that is part of the text
also needs a new `TEXT_VERSION`.
"""

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

MAX_NAMES = 20  # entries of a field of names


class FieldType(StrEnum):
    """What a field holds, and so how it is stored, parsed and documented."""

    TEXT = "text"
    PROSE = "prose"  # text that is stored without a limit of the column
    NAMES = "names"  # up to `MAX_NAMES` texts
    MERCHANT_CATEGORY_CODE = "merchant-category-code"  # four digits, ISO 18245
    AMOUNT = "amount"  # decimal, in units of the currency
    CURRENCY = "currency"  # ISO 4217


@dataclass(frozen=True)
class FieldSpec:
    """The declaration of a field.

    `title` is the heading on a page. `max_length` is in characters, of each name where the field holds names.
    `description` stands in the API's schema, `prompt_description` in the schema that an LLM is given; an LLM
    must give the fields that are `required_of_llm`. `text_order` is the place in the text (None: not part of
    it). Training draws which fields of the text to drop in the order of `dropout_order`: the draws of a seed
    depend on it, so a new field comes last.
    """

    type: FieldType
    title: str
    example: Any
    max_length: int | None = None
    description: str | None = None
    prompt_description: str | None = None
    required_of_llm: bool = False
    text_order: int | None = None
    dropout_order: int | None = None


@dataclass(frozen=True)
class TransactionFields:
    """What is known of a transaction: `merchant_category` by name, `merchant_category_code` in ISO 18245."""

    merchant_name: Annotated[
        str,
        FieldSpec(
            FieldType.TEXT,
            "Merchant",
            "Lufthansa",
            max_length=500,
            prompt_description="A real merchant, as people write it.",
            required_of_llm=True,
            text_order=5,
            dropout_order=0,
        ),
    ]
    merchant_descriptor: Annotated[
        str | None,
        FieldSpec(
            FieldType.TEXT,
            "Descriptor",
            "LUFTHANSA 2202154321 FRANKFURT",
            max_length=500,
            description="As the card network sent it.",
            prompt_description="As the card network prints it: up to 25 capitals.",
            text_order=6,
            dropout_order=1,
        ),
    ] = None
    merchant_category: Annotated[
        tuple[str, ...],
        FieldSpec(
            FieldType.NAMES,
            "Merchant category",
            ["Airlines"],
            max_length=200,
            prompt_description="One or two names of the merchant's line of business.",
            text_order=0,
            dropout_order=2,
        ),
    ] = ()
    merchant_category_code: Annotated[
        str | None,
        FieldSpec(
            FieldType.MERCHANT_CATEGORY_CODE,
            "MCC",
            "3008",
            max_length=4,
            description="ISO 18245.",
            prompt_description="Four digits of ISO 18245.",
            text_order=1,
            dropout_order=3,
        ),
    ] = None
    department: Annotated[
        str | None,
        FieldSpec(
            FieldType.TEXT,
            "Department",
            "Sales",
            max_length=200,
            prompt_description="Of the employee who paid.",
            text_order=7,
            dropout_order=7,
        ),
    ] = None
    location: Annotated[
        str | None,
        FieldSpec(FieldType.TEXT, "Location", "Berlin", max_length=200, prompt_description="City, country."),
    ] = None
    amount: Annotated[
        Decimal | None,
        FieldSpec(
            FieldType.AMOUNT,
            "Amount",
            "412.90",
            description="A refund is negative.",
            prompt_description="Digits with a decimal point, such as 1234.50; a refund is negative.",
            required_of_llm=True,
            text_order=8,
            dropout_order=8,
        ),
    ] = None
    currency: Annotated[
        str | None,
        FieldSpec(
            FieldType.CURRENCY,
            "Currency",
            "EUR",
            max_length=3,
            description="ISO 4217.",
            prompt_description="ISO 4217, such as EUR.",
            required_of_llm=True,
        ),
    ] = None
    memo: Annotated[
        str | None,
        FieldSpec(FieldType.PROSE, "Memo", "Customer visit", max_length=5000, text_order=4, dropout_order=6),
    ] = None
    spend_program_name: Annotated[
        str | None,
        FieldSpec(
            FieldType.TEXT,
            "Spend programme",
            "Travel",
            max_length=200,
            prompt_description="The budget that the card belongs to.",
            text_order=2,
            dropout_order=4,
        ),
    ] = None
    trip_name: Annotated[
        str | None,
        FieldSpec(FieldType.TEXT, "Trip", "Munich, May", max_length=200, text_order=3, dropout_order=5),
    ] = None

    @classmethod
    def of_row(cls, row: object) -> "TransactionFields":
        """The fields of a row of `transactions` or `candidates`."""
        values = {name: getattr(row, name) for name in FIELDS}
        return cls(**values | {name: tuple(values[name]) for name in NAMES_FIELDS})

    def columns(self) -> dict[str, Any]:
        """The values as columns hold them, by name."""
        values = dict(vars(self))
        return values | {name: list(values[name]) for name in NAMES_FIELDS}

    def as_json(self) -> dict[str, Any]:
        """The given fields as JSON holds them, amounts as exact text; `of_json` is the inverse."""
        values = {name: value for name, value in self.columns().items() if value not in (None, [])}
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "TransactionFields":
        """The fields that `as_json` wrote."""
        return cls(**{name: _FROM_JSON.get(FIELDS[name].type, _same)(values[name]) for name in values})


def _same(value: Any) -> Any:
    return value


_FROM_JSON: Mapping[FieldType, Any] = {FieldType.NAMES: tuple, FieldType.AMOUNT: Decimal}


def _declared() -> dict[str, FieldSpec]:
    hints = typing.get_type_hints(TransactionFields, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in dataclasses.fields(TransactionFields)}


# Every field by name, in the order in which the API, exports and prompts have them.
FIELDS: Mapping[str, FieldSpec] = _declared()
REQUIRED = tuple(
    field.name for field in dataclasses.fields(TransactionFields) if field.default is dataclasses.MISSING
)
NAMES_FIELDS = tuple(name for name, spec in FIELDS.items() if spec.type is FieldType.NAMES)
EXAMPLE: Mapping[str, Any] = {name: spec.example for name, spec in FIELDS.items()}


def _ordered(key: str) -> tuple[str, ...]:
    places = {name: getattr(spec, key) for name, spec in FIELDS.items()}
    return tuple(sorted((name for name in places if places[name] is not None), key=lambda name: places[name]))


TEXT_FIELDS = _ordered("text_order")
DROPOUT_FIELDS = _ordered("dropout_order")
