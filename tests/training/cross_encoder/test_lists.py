"""What a reranker learns from: the right category and wrong ones, by seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.categories.frozen import FrozenCategory
from shared.training.cross_encoder.lists import POOL, Example, epoch_lists, examples_of
from shared.training.rows import TrainRow, Untrainable
from shared.transactions.formats import TextFormat

# Two categories have one text: neither is wrong where the other is right.
TEXTS = {f"c{number}": f"category {number}" for number in range(8)} | {"twin": "category 0"}
_rows = st.lists(st.sampled_from(sorted(TEXTS)), min_size=1, max_size=30).map(
    lambda ids: [TrainRow(f"row {at}", category) for at, category in enumerate(["c0", "c1", *ids])]
)


@given(_rows, st.integers(1, 12), st.integers(0, 5), st.integers(0, 3))
def test_a_list_has_the_right_text_and_wrong_ones_of_the_nearest(
    rows: list[TrainRow], wanted: int, seed: int, epoch: int
) -> None:
    nearest = [sorted(TEXTS, key=lambda name: (hash((at, name)), name)) for at in range(len(rows))]
    lists = epoch_lists(rows, TEXTS, nearest, negatives_per_row=wanted, seed=seed, epoch=epoch)
    assert lists == epoch_lists(rows, TEXTS, nearest, negatives_per_row=wanted, seed=seed, epoch=epoch)
    by_query = {ranked_list.query: ranked_list for ranked_list in lists}
    assert len(by_query) == len(rows)
    for row, near in zip(rows, nearest, strict=True):
        ranked_list = by_query[row.text]
        assert ranked_list.correct == TEXTS[row.category_id]
        assert ranked_list.correct not in ranked_list.wrong
        others = [TEXTS[other] for other in near if TEXTS[other] != ranked_list.correct]
        assert set(ranked_list.wrong) <= set(others[: POOL * wanted])
        assert len(ranked_list.wrong) == min(wanted, len(others[: POOL * wanted])) > 0


def test_another_epoch_has_other_lists() -> None:
    rows = [TrainRow(f"row {at}", f"c{at}") for at in range(8)]
    nearest = [list(TEXTS)] * 8
    epochs = [epoch_lists(rows, TEXTS, nearest, negatives_per_row=2, seed=0, epoch=epoch) for epoch in (0, 1)]
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("ids", [["c0"], ["c0", "c0"], ["c0", "no text"]])
def test_too_little_to_train_on_is_said(ids: list[str]) -> None:
    rows = [TrainRow("row", category) for category in ids]
    with pytest.raises(Untrainable):
        epoch_lists(rows, TEXTS, [list(TEXTS)] * len(rows), negatives_per_row=2, seed=0, epoch=0)


def test_an_example_is_learnt_against_a_text_that_lacks_it() -> None:
    lodging = FrozenCategory(name="Lodging", examples=("Hotel Ritz", "Airbnb"))
    air = FrozenCategory(name="Air", description="Flights")
    examples = examples_of({"1": lodging, "2": air}, TextFormat())
    assert examples == (
        Example("Hotel Ritz", "Lodging", "Lodging. Examples: Airbnb"),
        Example("Airbnb", "Lodging", "Lodging. Examples: Hotel Ritz"),
    )
    texts = {"Lodging": "Lodging. Examples: Hotel Ritz; Airbnb", "Air": "Air. Flights"}
    rows: list[TrainRow | Example] = [TrainRow("KLM", "Air"), *examples]
    lists = epoch_lists(rows, texts, [list(texts)] * 3, negatives_per_row=1, seed=0, epoch=0)
    by_query = {ranked_list.query: (ranked_list.correct, ranked_list.wrong) for ranked_list in lists}
    assert by_query["Airbnb"] == ("Lodging. Examples: Hotel Ritz", ("Air. Flights",))
    assert by_query["KLM"] == ("Air. Flights", ("Lodging. Examples: Hotel Ritz; Airbnb",))
