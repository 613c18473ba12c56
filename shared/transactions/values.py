"""Parses raw values into a transaction's fields, within the API's limits: for files and for LLM output."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.kit.money import BadAmount, check_amount, is_currency, parse_amount
from shared.kit.text import is_blank, is_storable
from shared.transactions.fields import FIELDS, MAX_NAMES, FieldSpec, FieldType

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CODE = re.compile(r"[0-9]{4}")
_SEPARATOR = re.compile(r"[|;]")
# A number written out has at most this many digits before the amount's own limits are asked.
_MAX_SHIFT = 40


class Number(str):
    """A number of a JSON file as it is written there, so that no digit is lost."""


class BadValue(ValueError):
    """A value that its field does not take; `code` is a slug, `message` a sentence without the value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise BadValue("type", "Must be a text or a number.")
    if not is_storable(raw):
        raise BadValue("bad-text", "Has a NUL character or bytes that are not UTF-8 text.")
    return raw.strip()


def _at_most(length: int | None) -> Callable[[Any], str]:
    def parse(raw: Any) -> str:
        text = _text(raw)
        if length is not None and len(text) > length:
            raise BadValue("too-long", f"Must have at most {length:,} characters.")
        return text

    return parse


def _names(length: int | None) -> Callable[[Any], tuple[str, ...]]:
    """A list of texts, or one text with the names between '|' or ';'."""
    parse_name = _at_most(length)

    def parse(raw: Any) -> tuple[str, ...]:
        parts = raw if isinstance(raw, list) else _SEPARATOR.split(_text(raw))
        names = tuple(name for name in map(parse_name, parts) if not is_blank(name))
        if len(names) > MAX_NAMES:
            raise BadValue("too-many", f"Must be at most {MAX_NAMES} names.")
        return names

    return parse


def _merchant_category_code(raw: Any) -> str:
    text = _text(raw)
    if not _CODE.fullmatch(text):
        raise BadValue("merchant-category-code", "Must be the four digits of an ISO 18245 code.")
    return text


def _currency(raw: Any) -> str:
    text = _text(raw)
    if not is_currency(text):
        raise BadValue("currency", "Must be an ISO 4217 currency in capitals, such as 'USD'.")
    return text


def _amount(raw: Any) -> Decimal:
    try:
        return parse_amount(_written_out(raw) if isinstance(raw, Number) else _text(raw))
    except BadAmount as error:
        raise BadValue(error.code, error.message) from error


def _written_out(number: Number) -> str:
    """The JSON number without its exponent, where that stays short."""
    try:
        value = Decimal(number)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return number
    return f"{value:f}" if abs(value.adjusted()) < _MAX_SHIFT else number


def _day(raw: Any) -> dt.date:
    text = _text(raw)
    try:
        if _DAY.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise BadValue("date", "Must be a day of the calendar, written YYYY-MM-DD.")


def _parser(spec: FieldSpec) -> Callable[[Any], Any]:
    match spec.type:
        case FieldType.TEXT | FieldType.PROSE:
            return _at_most(spec.max_length)
        case FieldType.NAMES:
            return _names(spec.max_length)
        case FieldType.MERCHANT_CATEGORY_CODE:
            return _merchant_category_code
        case FieldType.AMOUNT:
            return _amount
        case FieldType.CURRENCY:
            return _currency


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "external_id": _at_most(200),
    **{name: _parser(spec) for name, spec in FIELDS.items()},
    "occurred_on": _day,
    "category": _at_most(200),
}
# What a record may hold: a transaction's fields, and what identifies, dates and labels it.
RECORD_FIELDS = tuple(_PARSERS)


def parse_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, BadValue]]:
    """The parsed values by field, empty ones left out, and what is wrong with the others."""
    parsed: dict[str, Any] = {}
    wrong: dict[str, BadValue] = {}
    for name, raw in values.items():
        if is_empty(raw):
            continue
        try:
            parsed[name] = _PARSERS[name](raw)
        except BadValue as error:
            wrong[name] = error
    return parsed, wrong


def check_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, BadValue]]:
    """Like `parse_values`, and what a transaction needs as a whole: a merchant, and an amount that its
    currency has.
    """
    parsed, wrong = parse_values(values)
    if "merchant_name" not in parsed and "merchant_name" not in wrong:
        wrong["merchant_name"] = BadValue("missing", "A transaction needs the name of the merchant.")
    if "amount" in parsed:
        try:
            check_amount(parsed["amount"], parsed.get("currency"))
        except BadAmount as error:
            wrong["amount"] = BadValue(error.code, error.message)
    return parsed, wrong


def is_empty(raw: Any) -> bool:
    """Whether a value says nothing. A NUL is no blank: it is reported."""
    return raw is None or raw == [] or (isinstance(raw, str) and "\x00" not in raw and is_blank(raw))
