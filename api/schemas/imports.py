"""Uploads of whole files."""

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from api import strict_json
from api.schemas.common import Detail200, In, Name200
from shared.jobs.kinds import ImportParams
from shared.kit.errors import AppError

MAX_FIELD_BYTES = 64 * 1024


def _parse_object(value: Any) -> Any:
    """A form field that holds a JSON object."""
    try:
        strict_json.check(str(value).encode("utf-8", "surrogatepass"))
    except AppError as error:
        raise PydanticCustomError("json-object", "Must be a JSON object of strings.") from error
    return json.loads(str(value))


def _parse_flag(value: Any) -> Any:
    """A form field that is true or false, and nothing else that Python would take for one."""
    if value in {"true", "false"}:
        return value == "true"
    raise PydanticCustomError("bool", "Must be true or false.")


Column = Annotated[dict[Name200, Detail200], Field(max_length=50), BeforeValidator(_parse_object)]


class ImportIn(In):
    """What the form says beside the file."""

    format: Literal["csv", "jsonl"]
    mapping: Column
    defaults: Column = Field(default_factory=dict)
    create_categories: Annotated[bool, BeforeValidator(_parse_flag)] = False

    def params(self, upload: str) -> ImportParams:
        """What the job takes; `upload` is the stored file."""
        return ImportParams(upload=upload, **self.model_dump())


# The form is read after the key is checked, which FastAPI's own form parameters are not; so the schema is
# written here.
FORM_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "format", "mapping"],
                    "properties": {
                        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
                        "format": {"type": "string", "enum": ["csv", "jsonl"]},
                        "mapping": {"type": "string", "description": "JSON: our field -> the file's column."},
                        "defaults": {
                            "type": "string",
                            "description": "JSON: our field -> value for all rows.",
                        },
                        "create_categories": {
                            "type": "boolean",
                            "default": False,
                            "description": "Make the categories that the file names and the chart lacks.",
                        },
                    },
                },
                "example": {
                    "file": "id,merchant,total\n1,Lufthansa,412.90\n",
                    "format": "csv",
                    "mapping": '{"external_id": "id", "merchant_name": "merchant", "amount": "total"}',
                    "defaults": '{"currency": "EUR"}',
                    "create_categories": False,
                },
            }
        },
    }
}
