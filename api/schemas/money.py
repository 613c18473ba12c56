"""Money as JSON writes it."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.kit.money import BadAmount, is_currency, parse_amount

# A binary double keeps any decimal of this many digits; a longer one may already have been changed.
EXACT_DIGITS = 15


def _parse(value: Any) -> Any:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return parse_amount(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _from_number(value)
    except BadAmount as error:
        raise PydanticCustomError(error.code, error.message) from error
    raise PydanticCustomError("amount", "Must be a decimal string such as '19.90', or a number.")


def _from_number(value: int | float) -> Decimal:
    # The size is looked at first: writing out a very long integer is what Python refuses.
    amount = parse_amount(repr(value)) if abs(value) < 10**15 else None
    if amount is None or len(amount.normalize().as_tuple().digits) > EXACT_DIGITS:
        raise BadAmount("amount-inexact", "Too many digits for a JSON number: send the amount as a string.")
    return amount


def _check_currency(code: str) -> str:
    if not is_currency(code):
        raise PydanticCustomError("currency", "Must be an ISO 4217 currency in capitals, such as 'USD'.")
    return code


Amount = Annotated[
    Decimal,
    BeforeValidator(_parse),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": r"^-?[0-9]{1,14}(\.[0-9]{1,4})?$"}, {"type": "number"}]}
    ),
]
Currency = Annotated[
    str, AfterValidator(_check_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
]
AmountOut = Annotated[str, PlainSerializer(str), WithJsonSchema({"type": "string"})]
