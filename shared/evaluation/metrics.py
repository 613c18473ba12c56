"""Retrieval metrics where each query has one relevant item: recall@k and reciprocal rank, with intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.kit.intervals import Figure as Figure
from shared.kit.intervals import figure

KS = (1, 3, 5)

Group = TypeVar("Group", bound=Hashable)


@dataclass(frozen=True)
class Metrics:
    """recall@k and MRR@k by k, over `n` queries."""

    n: int
    recall: dict[int, Figure]
    mrr: dict[int, Figure]


def recall_at(ranks: Sequence[int | None], k: int) -> float:
    """Share of queries whose relevant item is among the first k; `ranks` from 1, None where not found.

    With one relevant item this is success@k, too. Not a number where there are no queries.
    """
    return _mean(_hits(ranks, k))


def mrr_at(ranks: Sequence[int | None], k: int) -> float:
    """Mean of 1 / rank, 0 where the rank is beyond k or None (Voorhees, TREC-8, 1999).

    Not a number where there are no queries.
    """
    return _mean(_reciprocals(ranks, k))


def evaluate(ranks: Sequence[int | None], *, ks: Sequence[int] = KS, seed: int = 0) -> Metrics:
    """recall@k and MRR@k for each k, with intervals."""
    return Metrics(
        n=len(ranks),
        recall={k: figure(_hits(ranks, k), seed=seed) for k in ks},
        mrr={k: figure(_reciprocals(ranks, k), seed=seed) for k in ks},
    )


def evaluate_by(
    groups: Sequence[Group], ranks: Sequence[int | None], *, ks: Sequence[int] = KS, seed: int = 0
) -> dict[Group, Metrics]:
    """`evaluate` for the queries of each group, such as their true category; both sequences of one length."""
    members: dict[Group, list[int | None]] = {}
    for group, rank in zip(groups, ranks, strict=True):
        members.setdefault(group, []).append(rank)
    return {group: evaluate(its, ks=ks, seed=seed) for group, its in members.items()}


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _hits(ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    return (_numbers(ranks) <= k).astype(np.float64)


def _reciprocals(ranks: Sequence[int | None], k: int) -> NDArray[np.float64]:
    numbers = _numbers(ranks)
    return np.where(numbers <= k, 1 / numbers, 0.0)


def _numbers(ranks: Sequence[int | None]) -> NDArray[np.float64]:
    """Ranks as floats, infinite where None.

    Raises:
        ValueError: a rank below 1.
    """
    numbers = np.array([np.inf if rank is None else rank for rank in ranks], dtype=np.float64)
    if (numbers < 1).any():
        raise ValueError("ranks are counted from 1")
    return numbers
