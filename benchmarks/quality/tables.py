"""Tables of figures as text."""

from collections.abc import Mapping, Sequence

import numpy as np

from shared.kit.intervals import Figure, figure

Ranks = Sequence[int | None]


def values(ranks: Ranks, k: int) -> list[float]:
    """1 for each rank within k, else 0."""
    return [float(rank is not None and rank <= k) for rank in ranks]


def reciprocals(ranks: Ranks, k: int) -> list[float]:
    """1 / rank for each rank within k, else 0."""
    return [1 / rank if rank is not None and rank <= k else 0.0 for rank in ranks]


def of_seeds(rows: Mapping[int, Sequence[float]]) -> Figure:
    """The mean over rows of each row's mean over seeds.

    The interval resamples rows, not (row, seed) pairs: the same row under another seed is no new evidence.
    """
    return figure(np.array([np.mean(values_by_seed) for values_by_seed in rows.values()]))


def show(title: str, lines: Mapping[str, Ranks]) -> None:
    """recall@1 (with its interval), @3, @5, MRR@5 and n of each line's ranks."""
    print(f"\n{title}\n{'':44} {'recall@1 (95 %)':22} @3    @5    MRR@5  n")
    for name, ranks in lines.items():
        first = figure(np.array(values(ranks, 1)))
        others = [np.mean(values(ranks, k)) for k in (3, 5)] + [np.mean(reciprocals(ranks, 5))]
        shown = " ".join(f"{value:.3f}" for value in others)
        print(f"{name:44} {first.value:.3f} ({first.low:.3f}-{first.high:.3f})    {shown}  {len(ranks)}")
