"""The transaction's declared fields (shared/transactions/fields.py) as the API's schemas have them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import MISSING, BaseModel, Field, StringConstraints, create_model

from api.schemas.common import Storable, Visible
from api.schemas.money import Amount, AmountOut, Currency
from shared.transactions.fields import FIELDS, MAX_NAMES, REQUIRED, FieldSpec, FieldType


def with_fields(base: type[BaseModel], fields: Mapping[str, Any]) -> type[BaseModel]:
    """A base class that has `fields` after those of `base`.

    mypy cannot see them: give a class that is derived from it a `# type: ignore[misc]`.
    """
    model: type[BaseModel] = create_model(base.__name__, __base__=base, **fields)
    return model


def input_fields() -> dict[str, Any]:
    """As callers send them. The amount comes last: its check needs the currency."""
    names = sorted(FIELDS, key=lambda name: FIELDS[name].type is FieldType.AMOUNT)
    return {name: _input(name, FIELDS[name]) for name in names}


def change_fields() -> dict[str, Any]:
    """As callers change them: what is left out stays, null empties a field that may be empty."""
    types = {name: _input_type(name, spec) | MISSING for name, spec in FIELDS.items()}
    return {name: (type_ if _is_never_null(name) else type_ | None, MISSING) for name, type_ in types.items()}


def output_fields(*, is_required: bool) -> dict[str, Any]:
    """As callers get them; `is_required`: whether a row always has the fields that a transaction needs."""
    return {name: (_output_type(name, spec, is_required=is_required), ...) for name, spec in FIELDS.items()}


def _input_type(name: str, spec: FieldSpec) -> Any:
    match spec.type:
        case FieldType.AMOUNT:
            return Amount
        case FieldType.CURRENCY:
            return Currency
        case FieldType.MERCHANT_CATEGORY_CODE:
            return Annotated[str, StringConstraints(pattern="^[0-9]{4}$")]
        case FieldType.NAMES:
            entry = Annotated[str, StringConstraints(max_length=spec.max_length), Storable]
            return Annotated[list[entry], Field(max_length=MAX_NAMES)]
        case FieldType.TEXT | FieldType.PROSE:
            text = Annotated[str, StringConstraints(max_length=spec.max_length), Storable]
            return Annotated[text, Visible] if name in REQUIRED else text


def _input(name: str, spec: FieldSpec) -> tuple[Any, Any]:
    type_ = _input_type(name, spec)
    if name in REQUIRED:
        return type_, Field(description=spec.description)
    if spec.type is FieldType.NAMES:
        return type_, Field(default_factory=list, description=spec.description)
    return type_ | None, Field(default=None, description=spec.description)


def _output_type(name: str, spec: FieldSpec, *, is_required: bool) -> Any:
    if spec.type is FieldType.NAMES:
        return list[str]
    type_: Any = AmountOut if spec.type is FieldType.AMOUNT else str
    return type_ if is_required and name in REQUIRED else type_ | None


def _is_never_null(name: str) -> bool:
    return name in REQUIRED or FIELDS[name].type is FieldType.NAMES
