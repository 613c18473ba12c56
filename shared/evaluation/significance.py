"""Two evaluations on the same rows: is the difference significant, and which rows changed? Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.evaluation.metrics import KS, NDCG_KS, values_at
from shared.kit.intervals import bootstrap_interval

ROUNDS = 10_000
MOST_CELLS = 4_000_000  # of the permutation's table at a time: 32 MB

Ranks = Sequence[int | None]


@dataclass(frozen=True)
class Difference:
    """Candidate less baseline, with its 95 % interval and how likely chance alone does as much."""

    metric: str
    k: int
    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    p: float


def differences(baseline: Ranks, candidate: Ranks, *, seed: int = 0) -> list[Difference]:
    """recall@k, MRR@k and NDCG@10 of both; `baseline[i]` and `candidate[i]` are ranks of the same row.

    Raises:
        ValueError: not as many of the one as of the other, or none.
    """
    if len(baseline) != len(candidate) or not baseline:
        raise ValueError("paired ranks are needed")
    metrics = [("recall", k) for k in KS] + [("mrr", k) for k in KS] + [("ndcg", k) for k in NDCG_KS]
    return [_difference(metric, k, baseline, candidate, seed) for metric, k in metrics]


def sign_flip_p(differences: NDArray[np.float64], *, seed: int = 0, rounds: int = ROUNDS) -> float:
    """How often as large a mean comes about when each row's difference changes its sign by a coin: the paired
    permutation test (Fisher, 1935), two-sided, by Monte Carlo; the observed one counts among the draws, so p
    is never 0 (Phipson and Smyth, 2010, doi:10.2202/1544-6115.1585).
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not sizes.size:
        return 1.0
    # Rows that differ as much are alike to the test: how many of them keep their sign is one binomial draw,
    # and a rank's difference has few values, so 13,000 rows cost no more than 100.
    rng = np.random.default_rng(seed)
    as_extreme = 0
    observed = abs(differences.sum())
    step = max(1, MOST_CELLS // sizes.size)
    for start in range(0, rounds, step):
        kept = rng.binomial(counts, 0.5, size=(min(step, rounds - start), sizes.size))
        sums = (2 * kept - counts) @ sizes
        as_extreme += int((np.abs(sums) >= observed - 1e-9).sum())
    return (as_extreme + 1) / (rounds + 1)


def changes(baseline: Ranks, candidate: Ranks) -> list[int]:
    """By row: below 0 regressed, the worst the lowest; 0 unchanged; above 0 improved.

    What the change is of is the reciprocal rank, in whole parts of a common measure, so that falling from
    first to second is worse than from eighth to ninth; not found counts as 0.
    """
    measure = 2**40
    return [
        _reciprocal(after, measure) - _reciprocal(before, measure)
        for before, after in zip(baseline, candidate, strict=True)
    ]


def regressions_first(changes: Sequence[int]) -> list[int]:
    """The positions of the rows that changed: regressions, worst first, then what improved most."""
    regressed = [i for i, change in enumerate(changes) if change < 0]
    improved = [i for i, change in enumerate(changes) if change > 0]
    return sorted(regressed, key=lambda i: (changes[i], i)) + sorted(improved, key=lambda i: (-changes[i], i))


def _reciprocal(rank: int | None, measure: int) -> int:
    return 0 if rank is None else measure // rank


def _difference(metric: str, k: int, baseline: Ranks, candidate: Ranks, seed: int) -> Difference:
    before, after = values_at(metric, baseline, k), values_at(metric, candidate, k)
    each = after - before
    low, high = bootstrap_interval(each, seed=seed)
    return Difference(
        metric,
        k,
        float(before.mean()),
        float(after.mean()),
        float(each.mean()),
        low,
        high,
        sign_flip_p(each, seed=seed),
    )
