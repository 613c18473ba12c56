"""Field dropout: texts of the same transactions with fields missing, as they will be when serving."""

import random
from collections.abc import Sequence
from dataclasses import replace

from shared.training.rows import TrainRow
from shared.transactions.formats import TextFormat
from shared.transactions.text import TransactionFields

_EMPTY = TransactionFields(merchant_name="")
# Those that a text is made of.
_NAMES = (
    "merchant_name",
    "merchant_descriptor",
    "merchant_category",
    "merchant_category_code",
    "spend_program_name",
    "trip_name",
    "memo",
    "department",
    "amount",
)


def with_dropout(
    rows: Sequence[TrainRow], texts: TextFormat, *, rate: float, seed: int, epoch: int
) -> Sequence[TrainRow]:
    """The rows with texts for one epoch: each given field is missing with the chance `rate` (0 to 1).

    A text never loses everything. Rows without fields stay as they are.
    """
    if rate == 0:
        return rows
    rng = random.Random(f"{seed}/{epoch}/fields")  # noqa: S311  # dropping fields, not secrets
    return [
        row if row.fields is None else replace(row, text=_text(row.fields, texts, rate, rng) or row.text)
        for row in rows
    ]


def _text(fields: TransactionFields, texts: TextFormat, rate: float, rng: random.Random) -> str:
    given = [name for name in _NAMES if getattr(fields, name) != getattr(_EMPTY, name)]
    missing = [name for name in given if rng.random() < rate]
    if given and len(missing) == len(given):
        missing.remove(rng.choice(missing))
    return texts.of_transaction(replace(fields, **{name: getattr(_EMPTY, name) for name in missing}))
