"""Retrieval metrics where each query has one relevant item: recall, reciprocal rank, NDCG; with intervals."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.kit.intervals import Figure, figure, proportion
from shared.kit.measures import Estimate, RetrievalMeasures

KS = (1, 3, 5, 10)
NDCG_KS = (10,)
SAMPLES = 2000

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class Metrics:
    """recall@k, MRR@k and NDCG@k by k, over `n` queries."""

    n: int
    recall: dict[int, Figure]
    mrr: dict[int, Figure]
    ndcg: dict[int, Figure]

    def as_measures(self) -> RetrievalMeasures:
        """All of it as JSON holds it."""
        by_measure = {name: estimates(getattr(self, name)) for name in ("recall", "mrr", "ndcg")}
        return RetrievalMeasures(n=self.n, **by_measure)

    def as_short_measures(self) -> RetrievalMeasures:
        """Recall and MRR alone, where there are many parts to be told of."""
        return RetrievalMeasures(n=self.n, recall=estimates(self.recall), mrr=estimates(self.mrr))


def macro_recall(
    groups: Sequence[Hashable], ranks: Sequence[int | None], *, k: int = 1, seed: int = 0
) -> Figure:
    """Mean over the groups (the true categories) of recall@k within each, so that a rare one counts as much
    as a common one; `n` is the number of queries.

    The interval is the percentile bootstrap with queries as the units (Efron and Tibshirani, 1993): queries
    are resampled from all together, so it also says how much hangs on which rare categories came up. A group
    that a resample lacks is not in that resample's mean. Not numbers where there are no queries.
    """
    if not ranks:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    _, codes = np.unique([str(group) for group in groups], return_inverse=True)
    width = int(codes.max()) + 1
    hits = np.bincount(codes, weights=_hits(ranks, k), minlength=width)
    cells = np.concatenate([hits, np.bincount(codes, minlength=width) - hits])
    # All that matters of a resample is how many of each group are hits and misses: one multinomial draw.
    drawn = np.random.default_rng(seed).multinomial(len(ranks), cells / cells.sum(), size=SAMPLES)
    low, high = np.quantile(_mean_share(drawn[:, :width], drawn[:, width:]), [0.025, 0.975])
    value = _mean_share(cells[None, :width], cells[None, width:])[0]
    return Figure(float(value), float(low), float(high), len(ranks))


def _mean_share(hits: NDArray[Any], misses: NDArray[Any]) -> NDArray[np.float64]:
    """Of each row, the mean over its columns of hits / (hits + misses), columns without either left out."""
    totals = hits + misses
    shares = np.divide(hits, totals, out=np.zeros(totals.shape), where=totals > 0)
    return np.asarray(shares.sum(axis=1) / (totals > 0).sum(axis=1), dtype=np.float64)


def evaluate(ranks: Sequence[int | None], *, ks: Sequence[int] = KS, seed: int = 0) -> Metrics:
    """recall@k and MRR@k for each k, and NDCG@10, with intervals; `ranks` from 1, None where not found."""
    return Metrics(
        n=len(ranks),
        recall={k: proportion(_hits(ranks, k)) for k in ks},
        # MRR@1 is recall@1.
        mrr={
            k: proportion(_hits(ranks, 1)) if k == 1 else figure(_reciprocals(ranks, k), seed=seed)
            for k in ks
        },
        ndcg={k: figure(_gains(ranks, k), seed=seed) for k in NDCG_KS},
    )


def evaluate_by(
    groups: Sequence[Group], ranks: Sequence[int | None], *, ks: Sequence[int] = KS, seed: int = 0
) -> dict[Group, Metrics]:
    """`evaluate` for the queries of each group, such as their true category; both sequences of one length."""
    members: dict[Group, list[int | None]] = {}
    for group, rank in zip(groups, ranks, strict=True):
        members.setdefault(group, []).append(rank)
    return {group: evaluate(group_ranks, ks=ks, seed=seed) for group, group_ranks in members.items()}


def values_at(metric: str, ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    """Each query's own value at k, whose mean is the metric; `ranks` from 1, None where not found.

    - "recall": 1 where the relevant item is among the first k (with one relevant item success@k, too).
    - "mrr": 1 / rank, 0 beyond k (Voorhees, TREC-8, 1999).
    - "ndcg": 1 / log2(rank + 1), 0 beyond k: with one relevant item the ideal gain is 1 (Jarvelin and
      Kekalainen, 2002, doi:10.1145/582415.582418).

    Raises:
        KeyError: no such metric.
        ValueError: a rank below 1.
    """
    return {"recall": _hits, "mrr": _reciprocals, "ndcg": _gains}[metric](ranks, k)


def estimate(figure: Figure) -> Estimate:
    """The figure as JSON holds it: what is not a number, for want of rows, is null."""
    values = {name: None if math.isnan(value) else value for name, value in asdict(figure).items()}
    return Estimate(**values)


def estimates(figures: Mapping[int, Figure]) -> dict[int, Estimate]:
    """Figures by k as JSON holds them."""
    return {k: estimate(figure) for k, figure in figures.items()}


def _hits(ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    return (_numbers(ranks) <= k).astype(np.float64)


def _reciprocals(ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    numbers = _numbers(ranks)
    return np.where(numbers <= k, 1 / numbers, 0.0)


def _gains(ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    numbers = _numbers(ranks)
    return np.where(numbers <= k, 1 / np.log2(numbers + 1), 0.0)


def _numbers(ranks: Sequence[int | None]) -> NDArray[np.float64]:
    """Ranks as floats, infinite where None.

    Raises:
        ValueError: a rank below 1.
    """
    numbers = np.array([np.inf if rank is None else rank for rank in ranks], dtype=np.float64)
    if (numbers < 1).any():
        raise ValueError("ranks are counted from 1")
    return numbers
