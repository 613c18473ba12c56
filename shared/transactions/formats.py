"""The text format of a model version: a model only understands texts in the format it was trained on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.categories.frozen import FrozenCategory
from shared.categories.text import CategoryFormat, category_text
from shared.transactions.fields import TransactionFields
from shared.transactions.text import transaction_text


@dataclass(frozen=True)
class TextFormat:
    """What the encoder reads of a category and of a transaction; the defaults were chosen by measurement.

    `category`: the name alone, with its examples, or with examples and description. `has_amount_band`:
    whether the text says how large the amount is, in steps. `is_cleaned`: whether what card networks add to
    a merchant's name is taken off.
    """

    category: CategoryFormat = "name_examples_description"
    has_amount_band: bool = False
    is_cleaned: bool = True

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "TextFormat":
        """The format of a model version, given its parameters; the default where they have none."""
        return cls(**parameters.get("texts", {}))

    def as_dict(self) -> dict[str, Any]:
        """What `of` reads under "texts"."""
        return asdict(self)

    @property
    def tag(self) -> str:
        """A short digest that is unique to the format; empty for the default."""
        if self == TextFormat():
            return ""
        text = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def of_transaction(self, fields: TransactionFields) -> str:
        """The transaction's text."""
        return transaction_text(fields, has_amount_band=self.has_amount_band, is_cleaned=self.is_cleaned)

    def of_category(self, name: str, description: str | None, examples: Sequence[str]) -> str:
        """The category's text."""
        return category_text(name, description, examples, form=self.category)

    def of_frozen(self, category: FrozenCategory) -> str:
        """The text of a category as a dataset has it."""
        return self.of_category(category.name, category.description, category.examples)
