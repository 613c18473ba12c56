"""Pairs, batches and triplets for training."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.training.bi_encoder.pairs import batch_count, epoch_batches, triplets
from shared.training.rows import TrainRow, Untrainable

TEXTS = {f"c{number}": f"category {number}" for number in range(6)}


@st.composite
def _rows(draw: st.DrawFn) -> list[TrainRow]:
    categories = draw(st.lists(st.sampled_from(sorted(TEXTS)), min_size=2, max_size=80))
    rows = [TrainRow(f"row {number} of {name}", name) for number, name in enumerate(categories)]
    return [*rows, TrainRow("row x of c0", "c0"), TrainRow("row y of c1", "c1")]


_sizes = st.integers(2, 16)
_share = st.sampled_from([0.0, 0.5, 1.0])


@given(_rows(), _sizes, _share, st.integers(0, 5), st.integers(0, 3))
def test_no_batch_holds_a_false_negative(
    rows: list[TrainRow], size: int, share: float, seed: int, epoch: int
) -> None:
    batches = epoch_batches(rows, TEXTS, batch_size=size, transaction_share=share, seed=seed, epoch=epoch)
    category_of = {row.text: row.category_id for row in rows} | {text: name for name, text in TEXTS.items()}
    for batch in batches:
        assert 1 <= len(batch) <= size
        categories = [pair.category_id for pair in batch]
        assert len(set(categories)) == len(categories)
        for pair in batch:
            assert category_of[pair.anchor] == category_of[pair.positive] == pair.category_id
            assert pair.anchor != pair.positive
    assert len(batches) == batch_count(rows, TEXTS, size)
    assert max(map(len, batches)) - min(map(len, batches)) <= 1


@given(_rows(), _sizes)
def test_each_row_is_an_anchor_at_most_once_and_only_large_categories_miss_some(
    rows: list[TrainRow], size: int
) -> None:
    batches = epoch_batches(rows, TEXTS, batch_size=size, transaction_share=0, seed=0, epoch=0)
    anchors = Counter(pair.anchor for batch in batches for pair in batch)
    assert set(anchors.values()) == {1}
    rows_of = Counter(row.category_id for row in rows)
    missed = Counter(row.category_id for row in rows if row.text not in anchors)
    assert all(rows_of[name] - count == len(batches) for name, count in missed.items())


def _balanced() -> list[TrainRow]:
    return [TrainRow(f"row {number}", f"c{number % 6}") for number in range(60)]


def test_every_row_of_balanced_categories_is_used() -> None:
    batches = epoch_batches(_balanced(), TEXTS, batch_size=6, transaction_share=0, seed=0, epoch=0)
    assert [len(batch) for batch in batches] == [6] * 10
    assert {pair.positive for batch in batches for pair in batch} == set(TEXTS.values())


def test_the_seed_and_the_epoch_decide() -> None:
    def make(seed: int, epoch: int) -> object:
        return epoch_batches(_balanced(), TEXTS, batch_size=6, transaction_share=0.5, seed=seed, epoch=epoch)

    assert make(1, 0) == make(1, 0)
    assert make(1, 0) != make(2, 0)
    assert make(1, 0) != make(1, 1)


def test_the_share_of_transactions_as_positives() -> None:
    batches = epoch_batches(_balanced(), TEXTS, batch_size=6, transaction_share=0.5, seed=0, epoch=0)
    others = sum(pair.positive not in TEXTS.values() for batch in batches for pair in batch)
    assert 18 <= others <= 42


def test_a_dominant_category_is_drawn_anew_each_epoch() -> None:
    rows = [TrainRow(f"a{number}", "c0") for number in range(100)] + [
        TrainRow("b", "c1"),
        TrainRow("c", "c2"),
    ]
    seen = set()
    for epoch in range(5):
        batches = epoch_batches(rows, TEXTS, batch_size=8, transaction_share=0, seed=0, epoch=epoch)
        assert [len(batch) for batch in batches] == [2, 2]
        seen |= {pair.anchor for batch in batches for pair in batch}
    assert len(seen) > 4


@pytest.mark.parametrize(
    "rows",
    [[], [TrainRow("a", "c0"), TrainRow("b", "c0")], [TrainRow("a", "c0"), TrainRow("b", "no text")]],
)
def test_too_little_to_train_on_is_said(rows: list[TrainRow]) -> None:
    with pytest.raises(Untrainable):
        epoch_batches(rows, TEXTS, batch_size=4, transaction_share=0, seed=0, epoch=0)


@given(_rows(), st.integers(0, 5))
def test_triplets_have_a_wrong_category_as_negative(rows: list[TrainRow], seed: int) -> None:
    drawn = triplets(rows, TEXTS, seed=seed)
    assert drawn == triplets(rows, TEXTS, seed=seed)
    for row, triplet in zip(rows, drawn, strict=True):
        assert triplet.anchor == row.text
        assert triplet.positive == TEXTS[row.category_id]
        assert triplet.negative in set(TEXTS.values()) - {triplet.positive}
