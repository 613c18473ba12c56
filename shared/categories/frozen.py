"""A category as a dataset froze it."""

from shared.kit.pydantic_json import JSONModel


class FrozenCategory(JSONModel):
    """A category as it was when the dataset was frozen; `text` is its text in the default format."""

    name: str
    code: str | None = None
    description: str | None = None
    examples: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    text: str = ""
