"""Pydantic's validation errors as JSON pointers (RFC 6901) with messages that never repeat the input."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.kit.errors import FieldError

MAX_ERRORS = 100
_MAX_NAME = 100

# Pydantic's own sentence quotes the input, or speaks of Python: ours instead.
_MESSAGES = {
    "extra_forbidden": "There is no such field.",
    "missing": "This field is required.",
    "string_type": "Must be a string.",
    "string_unicode": "Must be Unicode text without lone surrogates.",
    "int_type": "Must be an integer.",
    "int_from_float": "Must be an integer.",
    "float_type": "Must be a number.",
    "bool_type": "Must be true or false.",
    "list_type": "Must be an array.",
    "dict_type": "Must be an object.",
    "model_type": "Must be an object.",
    "model_attributes_type": "Must be an object.",
    "uuid_parsing": "Must be a UUID.",
    "uuid_type": "Must be a UUID.",
    "int_parsing": "Must be an integer.",
    "int_parsing_size": "Must be a smaller integer.",
    "bool_parsing": "Must be true or false.",
}
_CODES = {"extra_forbidden": "unknown-field"}


def field_errors(errors: Sequence[Any], prefix: str = "") -> tuple[FieldError, ...]:
    """At most 100 errors; those of the body are pointed at from its root, others as /query/… or /header/…."""
    return tuple(_field_error(error, prefix) for error in errors[:MAX_ERRORS])


def _field_error(error: Mapping[str, Any], prefix: str) -> FieldError:
    kind = str(error["type"])
    loc = tuple(error["loc"])
    if loc and loc[0] == "body":
        loc = loc[1:]
    message = _MESSAGES.get(kind) or f"{str(error['msg']).rstrip('.')}."
    return FieldError(prefix + pointer(loc), _CODES.get(kind, kind.replace("_", "-")), message)


def pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer of a location; names are shortened and made printable, as they may be the caller's."""
    return "".join(f"/{_name(str(part))}" for part in parts)


def _name(part: str) -> str:
    shown = "".join(character if character.isprintable() else "\ufffd" for character in part[:_MAX_NAME])
    return shown.replace("~", "~0").replace("/", "~1")
