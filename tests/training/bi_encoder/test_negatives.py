"""Negatives beyond those of the batch: none that is false for an anchor it is compared with."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.training.bi_encoder.negatives import NegativePool, Negatives, hardest
from shared.training.bi_encoder.pairs import Pair, epoch_batches
from shared.training.rows import TrainRow, Untrainable

NAMES = [f"c{number}" for number in range(8)]
TEXTS = {name: f"category {name}" for name in NAMES}


@st.composite
def _rows(draw: st.DrawFn) -> list[TrainRow]:
    """Rows of at least two categories, some texts of which are those of several."""
    pairs = draw(
        st.lists(st.tuples(st.integers(0, 30), st.sampled_from(NAMES)), min_size=2, max_size=60, unique=True)
    )
    rows = [TrainRow(f"row {number}", name) for number, name in pairs]
    return [*rows, TrainRow("row x", "c0"), TrainRow("row y", "c1")]


def _batches(
    rows: list[TrainRow], negatives: Negatives, size: int = 16, seed: int = 0, epoch: int = 0
) -> list[list[Pair]]:
    return epoch_batches(
        rows,
        TEXTS,
        batch_size=size,
        transaction_share=0.5,
        seed=seed,
        epoch=epoch,
        negatives=negatives,
    )


def _similarity(rows: list[TrainRow], pool: NegativePool, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(len(pool.texts), 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors[[pool.positions[row.text] for row in rows]] @ vectors.T)


@given(_rows(), st.integers(2, 16), st.integers(1, 3), st.booleans(), st.integers(0, 3), st.integers(0, 2))
def test_no_negative_of_a_batch_is_right_for_one_of_its_anchors(
    rows: list[TrainRow], size: int, count: int, is_hard: bool, seed: int, epoch: int
) -> None:
    pool = NegativePool.from_rows(rows, TEXTS)
    hard = hardest(_similarity(rows, pool, seed), rows, pool, margin=0.05, per_category=2) if is_hard else ()
    texts_of = {name: {TEXTS[name]} | {row.text for row in rows if row.category_id == name} for name in NAMES}
    batches = _batches(rows, Negatives(pool, count, tuple(hard)), size, seed, epoch)
    assert batches
    for batch in batches:
        right = set().union(*(texts_of[pair.category_id] for pair in batch))
        assert 1 <= len(batch) <= size
        assert len({pair.category_id for pair in batch}) == len(batch)
        for pair in batch:
            assert len(pair.negatives) == count
            assert not right & set(pair.negatives)
            assert set(pair.negatives) <= set(pool.texts)


def test_the_seed_and_the_epoch_decide() -> None:
    rows = [TrainRow(f"row {number}", NAMES[number % 8]) for number in range(40)]
    negatives = Negatives(NegativePool.from_rows(rows, TEXTS), 2)
    assert _batches(rows, negatives, seed=1) == _batches(rows, negatives, seed=1)
    assert _batches(rows, negatives, seed=1) != _batches(rows, negatives, seed=2)
    assert _batches(rows, negatives, epoch=1) != _batches(rows, negatives, epoch=2)


def test_triplets_shun_their_own_category_only() -> None:
    rows = [TrainRow(f"row {number}", NAMES[number % 8]) for number in range(16)]
    pool = NegativePool.from_rows(rows, TEXTS)
    of = {row.text: row.category_id for row in rows} | {text: name for name, text in TEXTS.items()}
    batches = epoch_batches(
        rows,
        TEXTS,
        batch_size=8,
        transaction_share=0,
        seed=0,
        epoch=0,
        negatives=Negatives(pool, 1),
        is_in_batch=False,
    )
    assert [len(batch) for batch in batches] == [8, 8]  # a whole batch of eight categories
    for pair in (pair for batch in batches for pair in batch):
        assert of[pair.negatives[0]] != pair.category_id


def test_the_hardest_come_first_but_not_the_probably_right() -> None:
    rows = [TrainRow("a1", "c0"), TrainRow("a2", "c0"), TrainRow("b1", "c1"), TrainRow("d1", "c2")]
    pool = NegativePool.from_rows(rows, {name: TEXTS[name] for name in ("c0", "c1", "c2")})
    similar = {"a1": 1.0, "a2": 0.8, TEXTS["c0"]: 0.3, "b1": 0.79, TEXTS["c1"]: 0.6, "d1": 0.7}
    similarity = np.array([[similar.get(text, 0.1) for text in pool.texts]], dtype=np.float32)

    def hardest_texts(margin: float, per_category: int = 2) -> list[str]:
        (positions,) = hardest(similarity, rows[:1], pool, margin=margin, per_category=per_category)
        return [pool.texts[position] for position in positions]

    # 0.8 is the nearest positive's, another transaction of the category.
    assert hardest_texts(0.0) == ["b1", "d1", TEXTS["c1"], TEXTS["c2"]]
    assert hardest_texts(0.05) == ["d1", TEXTS["c1"], TEXTS["c2"]]
    assert hardest_texts(0.05, per_category=1) == ["d1", TEXTS["c1"]]
    assert hardest_texts(0.15) == [TEXTS["c1"], TEXTS["c2"]]
    assert hardest_texts(1.0) == []


@given(_rows(), st.integers(0, 5), st.sampled_from([0.0, 0.05, 0.3]))
def test_a_hard_negative_is_of_another_category_and_keeps_the_margin(
    rows: list[TrainRow], seed: int, margin: float
) -> None:
    pool = NegativePool.from_rows(rows, TEXTS)
    similarity = _similarity(rows, pool, seed)
    for row, similar, positions in zip(
        rows, similarity, hardest(similarity, rows, pool, margin=margin, per_category=3), strict=True
    ):
        own = [position for position in pool.by_category[row.category_id] if pool.texts[position] != row.text]
        assert all(similar[position] <= similar[own].max() - margin + 1e-6 for position in positions)
        assert not set(positions.tolist()) & {*own, pool.positions[row.text]}
        assert all(np.diff(similar[positions]) <= 0)


def test_where_the_hardest_are_forbidden_others_are_found() -> None:
    rows = [TrainRow("a", "c0"), TrainRow("b", "c1"), TrainRow("c", "c2")]
    pool = NegativePool.from_rows(rows, TEXTS)
    negatives = Negatives(pool, 1, (np.array([pool.positions["b"]], dtype=np.int32),))
    assert negatives.draw(0, {"c0"}, (), random.Random(0)) == ("b",)
    assert negatives.draw(0, {"c0", "c1"}, (), random.Random(0)) not in {("b",), ("a",)}


def test_categories_of_the_same_texts_have_no_negatives() -> None:
    rows = [TrainRow("x", "c0"), TrainRow("x", "c1")]
    pool = NegativePool.from_rows(rows, {"c0": "y", "c1": "y"})
    with pytest.raises(Untrainable):
        Negatives(pool, 1).draw(0, {"c0"}, (), random.Random(0))
