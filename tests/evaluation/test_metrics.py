"""The metrics, against ir-measures and against what is known of them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.evaluation.metrics import (
    evaluate,
    evaluate_by,
    mrr_at,
    recall_at,
)

_ranks = st.lists(st.none() | st.integers(1, 12), min_size=1, max_size=30)


def test_by_hand() -> None:
    ranks = [1, 2, None, 5]
    assert [recall_at(ranks, k) for k in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert mrr_at(ranks, 3) == pytest.approx((1 + 1 / 2) / 4)
    assert mrr_at(ranks, 5) == pytest.approx((1 + 1 / 2 + 1 / 5) / 4)


@settings(deadline=None)
@given(_ranks, st.sampled_from([1, 3, 5, 10]))
def test_agrees_with_ir_measures(ranks: list[int | None], k: int) -> None:
    import ir_measures

    qrels, run = [], []
    for query, rank in enumerate(ranks):
        qrels.append(ir_measures.Qrel(f"q{query}", "right", 1))
        for place in range(1, 13):
            name = "right" if place == rank else f"wrong{place}"
            run.append(ir_measures.ScoredDoc(f"q{query}", name, -float(place)))
    measured = ir_measures.calc_aggregate([ir_measures.R @ k, ir_measures.RR @ k], qrels, run)
    assert recall_at(ranks, k) == pytest.approx(measured[ir_measures.R @ k])
    assert mrr_at(ranks, k) == pytest.approx(measured[ir_measures.RR @ k])


@given(_ranks)
def test_figures_lie_in_their_intervals_and_grow_with_k(ranks: list[int | None]) -> None:
    metrics = evaluate(ranks)
    for figures in (metrics.recall, metrics.mrr):
        assert [figure.value for figure in figures.values()] == sorted(f.value for f in figures.values())
        for figure in figures.values():
            assert 0 <= figure.low <= figure.value + 1e-9
            assert figure.value - 1e-9 <= figure.high <= 1
            assert figure.n == metrics.n == len(ranks)
    assert metrics.recall[1] == metrics.mrr[1]


def test_per_group_figures_are_those_of_its_rows() -> None:
    by = evaluate_by(["a", "b", "a"], [1, None, 4])
    assert by == {"a": evaluate([1, 4]), "b": evaluate([None])}


def test_no_queries_have_no_figure() -> None:
    metrics = evaluate([])
    assert metrics.n == 0
    assert math.isnan(metrics.recall[1].value)
    assert math.isnan(metrics.mrr[5].low)


def test_a_rank_of_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="from 1"):
        recall_at([0], 1)
