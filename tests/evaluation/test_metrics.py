"""The metrics, against ir-measures and against what is known of them."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.evaluation.metrics import evaluate, evaluate_by, macro_recall, values_at

_ranks = st.lists(st.none() | st.integers(1, 12), min_size=1, max_size=30)


def mean(metric: str, ranks: Sequence[int | None], k: int) -> float:
    return float(values_at(metric, ranks, k).mean())


def test_by_hand() -> None:
    ranks = [1, 2, None, 5]
    assert [mean("recall", ranks, k) for k in (1, 3, 5)] == [0.25, 0.5, 0.75]
    assert mean("mrr", ranks, 3) == pytest.approx((1 + 1 / 2) / 4)
    assert mean("mrr", ranks, 5) == pytest.approx((1 + 1 / 2 + 1 / 5) / 4)
    assert mean("ndcg", ranks, 10) == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(6)) / 4)


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
    wanted = [ir_measures.R @ k, ir_measures.RR @ k, ir_measures.nDCG @ k]
    measured = ir_measures.calc_aggregate(wanted, qrels, run)
    assert mean("ndcg", ranks, k) == pytest.approx(measured[ir_measures.nDCG @ k])
    assert mean("recall", ranks, k) == pytest.approx(measured[ir_measures.R @ k])
    assert mean("mrr", ranks, k) == pytest.approx(measured[ir_measures.RR @ k])


@given(_ranks)
def test_figures_lie_in_their_intervals_and_grow_with_k(ranks: list[int | None]) -> None:
    metrics = evaluate(ranks)
    for figures in (metrics.recall, metrics.mrr, metrics.ndcg):
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
        mean("recall", [0], 1)


def test_a_rare_category_counts_as_much_as_a_common_one() -> None:
    groups, ranks = ["a"] * 8 + ["b"] * 2, [1] * 6 + [2] * 2 + [None, 1]
    macro = macro_recall(groups, ranks)
    assert macro.value == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert macro.n == 10
    assert macro_recall(["a"] * 10, ranks).value == pytest.approx(mean("recall", ranks, 1))
    assert math.isnan(macro_recall([], []).value)


def test_the_interval_of_the_macro_average_is_that_of_plain_resampling() -> None:
    rng = np.random.default_rng(3)
    groups = rng.choice(["a", "b", "c"], p=[0.7, 0.2, 0.1], size=60)
    ranks = [int(rank) for rank in rng.choice([1, 2], size=60)]
    hits = np.array(ranks) == 1
    means = []
    for _ in range(4000):
        drawn = rng.integers(60, size=60)
        kinds = set(groups[drawn])
        means.append(np.mean([hits[drawn][groups[drawn] == kind].mean() for kind in kinds]))
    macro = macro_recall(list(groups), ranks)
    np.testing.assert_allclose((macro.low, macro.high), np.quantile(means, [0.025, 0.975]), atol=0.02)
