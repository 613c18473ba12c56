"""Figures as JSON keeps them: by k as text, and null where there is no number."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.evaluation.metrics import Metrics
from shared.kit.intervals import Figure

MEASURES = ("recall", "mrr", "ndcg")


def as_json(found: Metrics, measures: Sequence[str] = MEASURES) -> dict[str, Any]:
    """{"n", measure: {k: figure}} of those measures."""
    return {"n": found.n, **{name: by_k(getattr(found, name)) for name in measures}}


def by_k(figures: Mapping[int, Figure]) -> dict[str, Any]:
    """{"1": {"value", "low", "high", "n"}, …}."""
    return {str(k): figure_json(one) for k, one in figures.items()}


def figure_json(figure: Figure) -> dict[str, Any]:
    """A figure; what is not a number, for want of rows, is null."""
    return {name: None if math.isnan(value) else value for name, value in asdict(figure).items()}
