"""Field dropout."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shared.training.bi_encoder.batches import drop_fields
from shared.training.rows import TrainRow
from shared.transactions.fields import TransactionFields
from shared.transactions.formats import TextFormat

FULL = TransactionFields(
    merchant_name="Hilton",
    merchant_category=("Lodging",),
    department="Sales",
    memo="two nights",
    amount=Decimal(250),
)
_fields = st.builds(
    TransactionFields,
    merchant_name=st.sampled_from(["Hilton", "KLM"]),
    merchant_descriptor=st.sampled_from([None, "HILTON 0042"]),
    memo=st.sampled_from([None, "two nights", "   "]),
    department=st.sampled_from([None, "Sales"]),
    amount=st.sampled_from([None, Decimal(12)]),
)
_formats = st.builds(TextFormat, has_amount_band=st.booleans(), is_cleaned=st.booleans())


def _rows(texts: TextFormat, *fields: TransactionFields) -> list[TrainRow]:
    return [TrainRow(texts.of_transaction(row_fields), "a", row_fields) for row_fields in fields]


@given(st.lists(_fields, min_size=1), _formats, st.sampled_from([0.3, 0.9, 1.0]), st.integers(0, 3))
def test_something_is_always_left_and_nothing_is_made_up(
    fields: list[TransactionFields], texts: TextFormat, rate: float, epoch: int
) -> None:
    rows = _rows(texts, *fields)
    dropped = drop_fields(rows, texts, rate=rate, seed=0, epoch=epoch)
    assert dropped == drop_fields(rows, texts, rate=rate, seed=0, epoch=epoch)
    for before, after in zip(rows, dropped, strict=True):
        assert after.text
        assert (after.category_id, after.fields) == (before.category_id, before.fields)
        # A merchant's descriptor is hidden by the merchant's name, and speaks without it.
        said = {*before.text.split(", "), texts.of_transaction(TransactionFields("HILTON 0042"))}
        assert set(after.text.split(", ")) <= said


def test_each_field_is_missing_as_often_as_asked_and_each_epoch_anew() -> None:
    texts = TextFormat(has_amount_band=True)
    rows = _rows(texts, *[FULL] * 400)
    first, second = (drop_fields(rows, texts, rate=0.25, seed=3, epoch=epoch) for epoch in (0, 1))
    assert [row.text for row in first] != [row.text for row in second]
    for word in ("Hilton", "Lodging", "Sales", "two nights", "100 to 1,000"):
        assert 240 <= sum(word in row.text for row in first) <= 360


def test_without_a_rate_or_fields_the_rows_stay() -> None:
    rows = [TrainRow("Hilton, Sales", "a"), *_rows(TextFormat(), FULL)]
    assert drop_fields(rows, TextFormat(), rate=0, seed=0, epoch=0) is rows
    assert drop_fields(rows, TextFormat(), rate=1, seed=0, epoch=0)[0] == rows[0]
