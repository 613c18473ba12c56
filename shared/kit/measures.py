"""Retrieval measures as JSON holds them: in rows, job results and the API."""

from typing import Any

from pydantic import Field

from shared.kit.pydantic_json import JSONModel


def is_missing(value: Any) -> bool:
    """Whether a field that only some rows have is left out of their JSON."""
    return value is None or value == {}


class Estimate(JSONModel):
    """The mean of a measure over `n` rows with its 95 % interval; null without rows."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class RetrievalMeasures(JSONModel):
    """Measures of `n` rows by k, the number of first suggestions that are looked at."""

    n: int = 0
    recall: dict[int, Estimate] = Field(
        default_factory=dict, description="recall@k: the right category is among the first k."
    )
    mrr: dict[int, Estimate] = Field(default_factory=dict, description="Mean reciprocal rank; 0 beyond k.")
    ndcg: dict[int, Estimate] = Field(
        default_factory=dict, exclude_if=is_missing, description="Normalised discounted cumulative gain."
    )
    macro_recall: dict[int, Estimate] = Field(
        default_factory=dict, exclude_if=is_missing, description="The mean over categories of their recall@k."
    )

    def find(self, measure: str, k: int) -> Estimate | None:
        """The measure ("recall", "mrr", "ndcg" or "macro_recall") at k; None where it was not measured."""
        by_k: dict[int, Estimate] = getattr(self, measure)
        return by_k.get(k)
