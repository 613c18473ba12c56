"""Columns of JSON that are Pydantic models in Python."""

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine


class JSONModel(BaseModel):
    """A model whose JSON is kept in rows and job results; immutable, so that no change is lost unnoticed."""

    model_config = ConfigDict(frozen=True)


class PydanticJSON(TypeDecorator[Any]):
    """JSONB that is read as `type_`, any type that Pydantic knows, and written from it.

    Only what was set is written: a row of an earlier version keeps its shape, and what it lacks is the
    model's default when read. A value is replaced as a whole; a change inside it is not noticed.
    """

    impl = JSONB
    cache_ok = True

    def __init__(self, type_: Any) -> None:
        super().__init__(none_as_null=True)
        self.type_ = type_
        self._adapter = TypeAdapter[Any](type_)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # SQLAlchemy's
        if value is None:
            return None
        # What a caller gives as plain JSON is validated as well.
        return self._adapter.dump_python(
            self._adapter.validate_python(value), mode="json", exclude_unset=True
        )

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  # as above
        return None if value is None else self._adapter.validate_python(value)

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Keys and operators work as on JSONB."""
        return self.impl_instance.coerce_compared_value(op, value)
