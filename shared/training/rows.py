"""What a model learns from: labelled rows and category texts, in the text format of a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.categories.frozen import FrozenCategory
from shared.datasets.service import Item
from shared.jobs.kinds import Recipe
from shared.kit.errors import Invalid
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat


class Untrainable(Invalid):
    code = "untrainable"
    message = "Training needs labelled transactions of at least two categories, each category with a text."


@dataclass(frozen=True)
class TrainRow:
    """A transaction's text and the id of its category; its `fields` where other texts can be made of it."""

    text: str
    category_id: str
    fields: TransactionFields | None = None


def text_format(recipe: Recipe) -> TextFormat:
    """The format of the texts that the recipe's model reads."""
    return TextFormat(
        category=recipe.category_text, has_amount_band=recipe.has_amount_band, is_cleaned=recipe.is_cleaned
    )


def category_texts(categories: Mapping[str, FrozenCategory], texts: TextFormat) -> dict[str, str]:
    """The text of each of a dataset's categories by name, in the order of the names."""
    by_name = sorted(categories.values(), key=lambda category: category.name)
    return {category.name: texts.of_frozen(category) for category in by_name}


def train_rows(
    items: Sequence[Item], categories: Mapping[str, FrozenCategory], texts: TextFormat
) -> tuple[TrainRow, ...]:
    """A dataset's rows with the category's name as its id, ordered by content.

    Database ids differ between databases; without them, the same rows and seed give the same model anywhere.
    """
    rows = [
        TrainRow(texts.of_transaction(item.fields), categories[str(item.category_id)].name, item.fields)
        for item in items
    ]
    return tuple(sorted(rows, key=lambda row: (row.text, row.category_id, repr(row.fields))))
